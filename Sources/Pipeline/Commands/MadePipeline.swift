internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// What flags ask of an output.
public struct MadeOutput: Sendable {
  public var path: String
  /// `bf16`, as a pipeline spells it; `nil` leaves it out, and so for the others.
  public var dtype: String?
  public var shardSize: String?
  public var include: [String]
  public var exclude: [String]
  /// What happens to numbers that are none.
  public var nan: String?

  public init(
    path: String, dtype: String? = nil, shardSize: String? = nil, include: [String] = [], exclude: [String] = [],
    nan: String? = nil
  ) {
    self.path = path
    self.dtype = dtype
    self.shardSize = shardSize
    self.include = include
    self.exclude = exclude
    self.nan = nan
  }
}

/// Pipelines that are made from flags instead of being written.
public enum MadePipeline {
  /// The pipeline that casts and reshards one checkpoint.
  public static func copy(_ path: String, to output: MadeOutput) -> PipelineText {
    var names = SourceNames()
    let name = names.name(of: path)
    return text(names, graph: [], from: name, output, selection: selection(output))
  }

  /// The keys that stand for flags, each with the flag.
  private static let flags = [
    "to": "-o", "dtype": "--dtype", "shard_size": "--shard-size", "include": "--include", "exclude": "--exclude",
    "on_missing": "--on-missing", "on_mismatch": "--on-mismatch",
  ]

  static let node = "merged"

  /// What messages advise to write in a pipeline, and the flags that do the same.
  private static let remedies = [
    ("in 'to'", "in -o"),
    (
      "(\"exclude\": [\"*embed_tokens*\", \"*lm_head*\"])",
      "(--exclude '*embed_tokens*' --exclude '*lm_head*')"
    ),
    ("\"on_missing\": \"skip_model\"", "--on-missing skip_model"),
    ("\"on_mismatch\": \"skip_model\"", "--on-mismatch skip_model"), ("\"nan\": \"propagate\"", "--nan propagate"),
    ("\"normalize\": false", "--no-normalize"), ("\"include\"", "--include"), ("\"exclude\"", "--exclude"),
    (" is the string '", " is '"),
  ]

  /// A message about a made pipeline, in the words of the flags that it was made from.
  static func inFlags(_ message: String) -> String {
    var text = named(withoutPlace(message))
    for (key, flag) in remedies {
      while let range = text.firstRange(of: key) { text.replaceSubrange(range, with: flag) }
    }
    return text
  }

  /// Without the names of node and sources, which the user did not give: a path or a tensor follows.
  private static func withoutPlace(_ message: String) -> String {
    guard message.hasPrefix("source '"), let end = message.firstRange(of: "': ") else { return message }
    return String(message[end.upperBound...])
  }

  private static func named(_ message: String) -> String {
    // The keys of the pipeline itself stand without a place, as names of models do elsewhere.
    if message.hasPrefix("'nan' is '") { return "--nan" + message.dropFirst("'nan'".count) }
    for place in ["output 1: '", "node '\(node)': '", "node '\(node)': key '"] where message.hasPrefix(place) {
      let rest = message.dropFirst(place.count)
      guard let quote = rest.firstIndex(of: "'") else { continue }
      let key = String(rest[..<quote])
      guard let flag = flags[key] ?? parameterFlag(key) else { continue }
      return flag + rest[rest.index(after: quote)...]
    }
    let node = "node '\(node)': "
    return message.hasPrefix(node) ? String(message.dropFirst(node.count)) : message
  }

  private static func parameterFlag(_ key: String) -> String? {
    guard Operations.all.contains(where: { $0[parameter: key] != nil }) else { return nil }
    return "--\(MergeFlags.spelling(key))"
  }

  static func selection(_ output: MadeOutput) -> [(String, JSONValue)] {
    [("include", output.include), ("exclude", output.exclude)].filter { !$0.1.isEmpty }.map { key, globs in
      (key, .array(globs.map { .string($0) }))
    }
  }

  /// The whole pipeline's text.
  static func text(
    _ sources: SourceNames, graph: [(String, JSONValue)], from: String, _ output: MadeOutput,
    selection: [(String, JSONValue)] = []
  ) -> PipelineText {
    var members: [(String, JSONValue)] = [("from", .string(from)), ("to", .string(output.path))]
    if let dtype = output.dtype { members.append(("dtype", .string(dtype))) }
    if let size = output.shardSize { members.append(("shard_size", .string(size))) }
    members += selection
    var pipeline: [(String, JSONValue)] = [
      ("weir", .number(PipelineKeys.version)),
      ("sources", .object(sources.paths.map { ($0.name, .string($0.path)) })),
    ]
    if !graph.isEmpty { pipeline.append(("graph", .object(graph))) }
    pipeline.append(("outputs", .array([.object(members)])))
    if let nan = output.nan { pipeline.append(("nan", .string(nan))) }
    return PipelineText(made: Array((JSON.text(.object(pipeline), indent: 2) + "\n").utf8))
  }
}

/// Gives paths names that are short, tell them apart, and are none that the language keeps for itself.
struct SourceNames {
  private(set) var paths: [(name: String, path: String)] = []

  /// The name of a path: its last part, with a number where another path has it already.
  mutating func name(of path: String) -> String {
    if let known = paths.first(where: { $0.path == path }) { return known.name }
    let last = ModelCard.modelName(of: path).split(separator: "/").last.map(String.init) ?? ""
    let stem = ["", ".", "..", "note", MadePipeline.node].contains(last) ? "model" : last
    var name = stem
    var number = 1
    while paths.contains(where: { $0.name == name }) {
      number += 1
      name = "\(stem)-\(number)"
    }
    paths.append((name, path))
    return name
  }
}
