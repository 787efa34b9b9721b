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
    return text(names, graph: [], from: name, output, members: selection(output))
  }

  /// The keys that stand for flags, each with the flag.
  private static let flags = [
    "to": "-o", "dtype": "--dtype", "shard_size": "--shard-size", "include": "--include", "exclude": "--exclude",
    "on_missing": "--on-missing", "on_mismatch": "--on-mismatch", "codec": "--codec", "target_size": "--target-size",
  ]

  static let node = "merged"

  /// What messages advise to write in a pipeline, and the flags that do the same.
  private static let remedies = [
    ("in 'to'", "in -o"),
    (
      "(\"exclude\": [\"*embed_tokens*\", \"*lm_head*\"])",
      "(--exclude '*embed_tokens*' --exclude '*lm_head*')"
    ),
    ("bring all models to one with \"tokenizer\"", "bring all models to one by 'weir merge --tokenizer union'"),
    ("\"on_missing\": \"skip_model\"", "--on-missing skip_model"),
    ("\"on_mismatch\": \"skip_model\"", "--on-mismatch skip_model"), ("\"nan\": \"propagate\"", "--nan propagate"),
    ("\"normalize\": false", "--no-normalize"), ("\"include\"", "--include"), ("\"exclude\"", "--exclude"),
    (" is the string '", " is '"), ("remove 'target_size' or a 'density'", "remove --target-size or a density"),
    ("a larger 'target_size'", "a larger --target-size"),
    (
      "expected a 'base' to compare it with, or a delta; name the model that it was made from in \"base\"",
      "which an archive cannot hold without a base; 'weir compress BASE TUNED' makes archives"
    ),
  ]

  /// A message about a made pipeline, in the words of the flags that it was made from.
  ///
  /// - Parameter ruleCount: how many `--rule` there were.
  static func inFlags(_ message: String, ruleCount: Int) -> String {
    var text = named(withoutPlace(withRule(message, ruleCount)))
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

  /// An entry of `codec` as the flag that it was made from; the last was made from `--codec` and the parameters' own.
  private static func withRule(_ message: String, _ ruleCount: Int) -> String {
    let heads = ["output 1, 'codec' entry ", "output 1: 'codec' entry "]
    guard ruleCount > 0, let head = heads.first(where: message.hasPrefix) else { return message }
    let rest = message.dropFirst(head.count)
    guard let number = Int(rest.prefix { $0.isNumber }) else { return message }
    let end = rest.drop { $0.isNumber }
    guard head == heads[0] else {
      let subject = number <= ruleCount ? "--rule \(number)" : "what is said for all other tensors"
      return (subject + end).replacingFirst("; entry ", with: "; --rule ")
    }
    return number <= ruleCount ? "--rule \(number)\(end)" : "output 1\(end)"
  }

  private static func named(_ message: String) -> String {
    // The keys of the pipeline itself stand without a place, as names of models do elsewhere.
    if message.hasPrefix("'nan' is '") { return "--nan" + message.dropFirst("'nan'".count) }
    if message.hasPrefix("'tokenizer'") { return "--tokenizer" + message.dropFirst("'tokenizer'".count) }
    for place in ["output 1: '", "node '\(node)': '", "node '\(node)': key '"] where message.hasPrefix(place) {
      let rest = message.dropFirst(place.count)
      guard let quote = rest.firstIndex(of: "'") else { continue }
      let key = String(rest[..<quote])
      guard let flag = flags[key] ?? parameterFlag(key) else { continue }
      return flag + rest[rest.index(after: quote)...]
    }
    let place = ["node '\(node)': ", "output 1: "].first { message.hasPrefix($0) }
    return place.map { String(message.dropFirst($0.count)) } ?? message
  }

  private static func parameterFlag(_ key: String) -> String? {
    guard (Operations.all + Codecs.all).contains(where: { $0[parameter: key] != nil }) else { return nil }
    return "--\(ParameterFlags.spelling(key))"
  }

  static func selection(_ output: MadeOutput) -> [(String, JSONValue)] {
    [("include", output.include), ("exclude", output.exclude)].filter { !$0.1.isEmpty }.map { key, globs in
      (key, .array(globs.map { .string($0) }))
    }
  }

  /// The whole pipeline's text.
  ///
  /// - Parameters:
  ///   - members: what the output has besides.
  ///   - tokenizer: whose tokens it has.
  ///   - ruleCount: how many of the entries of its `codec` were made from a `--rule`.
  static func text(
    _ sources: SourceNames, graph: [(String, JSONValue)], from: String, _ output: MadeOutput,
    members: [(String, JSONValue)] = [], tokenizer: String? = nil, ruleCount: Int = 0
  ) -> PipelineText {
    var head: [(String, JSONValue)] = [("from", .string(from)), ("to", .string(output.path))]
    if let dtype = output.dtype { head.append(("dtype", .string(dtype))) }
    if let size = output.shardSize { head.append(("shard_size", .string(size))) }
    var pipeline: [(String, JSONValue)] = [
      ("weir", .number(PipelineKeys.version)), ("sources", sources.sources),
    ]
    if !graph.isEmpty { pipeline.append(("graph", .object(graph))) }
    if let tokenizer { pipeline.append(("tokenizer", .string(tokenizer))) }
    pipeline.append(("outputs", .array([.object(head + members)])))
    if let nan = output.nan { pipeline.append(("nan", .string(nan))) }
    return PipelineText(made: Array((JSON.text(.object(pipeline), indent: 2) + "\n").utf8), ruleCount: ruleCount)
  }
}

extension String {
  fileprivate func replacingFirst(_ text: String, with other: String) -> String {
    guard let range = firstRange(of: text) else { return self }
    return self[..<range.lowerBound] + other + self[range.upperBound...]
  }
}

/// Gives paths names that are short, tell them apart, and are none that the language keeps for itself.
struct SourceNames {
  private var paths: [(name: String, path: String, source: JSONValue)] = []
  /// What the sources of some names are said to stand at; see ``JSONValue/offset``.
  private var marks: [String: Int] = [:]
  /// Names that are not for sources.
  private var reserved: Set<String>

  init(reserved: Set<String> = [MadePipeline.node]) { self.reserved = reserved.union(["note"]) }

  /// The members of `sources`.
  var sources: JSONValue {
    JSONValue(.object(paths.map { JSONMember(key: $0.name, value: $0.source, keyOffset: marks[$0.name] ?? 0) }))
  }

  /// Says where a source is first named, unless that is known.
  mutating func mark(_ name: String, at mark: Int) {
    if marks[name] == nil { marks[name] = mark }
  }

  /// The name of a path: its last part, with a number where another path has it already.
  ///
  /// - Parameters:
  ///   - path: a checkpoint, an archive by its suffix, the folder of an adapter where there is a base, or `BASE+ADAPTER`.
  ///   - base: the name of what an archive or an adapter applies to.
  ///   - space: what a checkpoint holds.
  ///   - isArchive: whether it is an archive, whatever its name.
  mutating func name(
    of path: String, base: String? = nil, space: Space = .weight, isArchive: Bool = false
  ) -> String {
    if let known = paths.first(where: { $0.path == path }) { return known.name }
    if space == .weight, let (model, adapter) = AdapterFolder.parts(of: path) {
      let name = name(of: model)
      return self.name(of: adapter, as: path, base: name)
    }
    return self.name(of: path, as: path, base: base, space: space, isArchive: isArchive)
  }

  /// The name of an adapter on a source.
  mutating func adapter(_ path: String, base: String) -> String {
    let key = "\(base)+\(path)"
    return paths.first { $0.path == key }?.name ?? name(of: path, as: key, base: base)
  }

  /// The name of a source by `key`, the word that stands for it.
  private mutating func name(
    of path: String, as key: String, base: String?, space: Space = .weight, isArchive: Bool = false
  ) -> String {
    let plain = path.hasSuffix(ArchiveSpec.suffix) ? String(path.dropLast(ArchiveSpec.suffix.count)) : path
    let last = ModelCard.modelName(of: plain).split(separator: "/").last.map(String.init) ?? ""
    let name = unused(["", ".", ".."].contains(last) || reserved.contains(last) ? "model" : last)
    let text = JSONValue.string(path)
    var source = text
    if isArchive || path.hasSuffix(ArchiveSpec.suffix) {
      source = .object([("archive", text)] + (base.map { [("base", .string($0))] } ?? []))
    } else if let base, space == .weight, AdapterFolder.isAdapter(path) {
      source = .object([("adapter", text), ("base", .string(base))])
    } else if space == .delta {
      source = .object([("path", text), ("space", .string(space.rawValue))])
    }
    paths.append((name, key, source))
    return name
  }

  /// Keeps a name for something that is no source, and returns it.
  mutating func reserve(_ stem: String) -> String {
    let name = unused(stem)
    reserved.insert(name)
    return name
  }

  /// A name that nothing has yet: the one that is wished for, or that with a number.
  private func unused(_ stem: String) -> String {
    var name = stem
    var number = 1
    while reserved.contains(name) || paths.contains(where: { $0.name == name }) {
      number += 1
      name = "\(stem)-\(number)"
    }
    return name
  }
}
