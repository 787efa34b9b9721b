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

  public init(
    path: String, dtype: String? = nil, shardSize: String? = nil, include: [String] = [], exclude: [String] = []
  ) {
    self.path = path
    self.dtype = dtype
    self.shardSize = shardSize
    self.include = include
    self.exclude = exclude
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
  ]

  static let node = "merged"

  /// A message about a made pipeline, in the words of the flags that it was made from.
  static func inFlags(_ message: String) -> String {
    for place in ["output 1: '", "node '\(node)': '", "node '\(node)': key '"] where message.hasPrefix(place) {
      let rest = message.dropFirst(place.count)
      guard let quote = rest.firstIndex(of: "'") else { continue }
      let key = String(rest[..<quote])
      guard let flag = flags[key] ?? parameterFlag(key) else { continue }
      return flag + rest[rest.index(after: quote)...]
    }
    return message
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
