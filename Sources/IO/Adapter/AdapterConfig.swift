/// What `adapter_config.json` says of an adapter's arithmetic.
struct AdapterConfig: Sendable {
  /// The rank of modules that no pattern names.
  let rank: Int
  let alpha: Double
  /// Whether the scale is α/√r instead of α/r.
  let usesRootRank: Bool
  /// Whether weights are stored as in × out, as those of GPT-2 are.
  let isFanInFanOut: Bool
  /// Whether rows are brought to learnt lengths (DoRA).
  let hasMagnitudes: Bool
  /// Parts of names of modules that were trained whole.
  let wholeModules: [String]
  let path: String
  private let rankPatterns: [Pattern<Int>]
  private let alphaPatterns: [Pattern<Double>]

  private struct Pattern<Number: Sendable>: Sendable {
    let text: String
    let pattern: NamePattern
    let number: Number
  }

  private static let largestText = 16 << 20
  /// The most patterns of either kind.
  private static let mostPatterns = 100_000
  static let mostRank = 1 << 20

  /// Reads the file and refuses every kind of adapter that is more than a sum of two factors' products.
  init(_ path: String) throws(CheckpointError) {
    self.path = path
    let text = try TextFile.read(path, maximumByteCount: Self.largestText)
    let reader = FieldReader(root: try TextFile.parse(text, path: path), text: text, path: path)
    guard reader.root.object != nil else { throw reader.malformed(reader.root, "an object") }
    let kind = try reader.string("peft_type") ?? "LORA"
    guard kind.uppercased() == "LORA" else {
      throw reader.unsupported("a \(MessageText.quoted(kind)) adapter", "an adapter of type 'LORA'")
    }
    try reader.refuseVariants()
    rank = try reader.integer("r") ?? 8
    guard (1...Self.mostRank).contains(rank) else {
      throw reader.malformed("'r' is \(rank)", "1 to \(Self.mostRank)", at: "r")
    }
    alpha = try reader.number("lora_alpha") ?? 8
    usesRootRank = try reader.flag("use_rslora")
    isFanInFanOut = try reader.flag("fan_in_fan_out")
    hasMagnitudes = try reader.flag("use_dora")
    wholeModules = try reader.strings("modules_to_save")
    let most = Self.mostPatterns
    rankPatterns = try reader.members("rank_pattern", most: most).map { (member) throws(CheckpointError) in
      guard let number = member.value.int, (1...Self.mostRank).contains(number) else {
        throw reader.malformed(member.value, "a rank from 1 to \(Self.mostRank)")
      }
      return Pattern(text: member.key, pattern: try reader.pattern(member), number: number)
    }
    alphaPatterns = try reader.members("alpha_pattern", most: most).map { (member) throws(CheckpointError) in
      guard let number = member.value.double else { throw reader.malformed(member.value, "a finite number") }
      return Pattern(text: member.key, pattern: try reader.pattern(member), number: number)
    }
  }

  /// The rank that a module is said to have.
  func rank(of module: String) -> Int { Self.first(rankPatterns, module)?.number ?? rank }

  /// What the product of a module's factors is multiplied by.
  func scale(of module: String) -> Double {
    let alpha = Self.first(alphaPatterns, module)?.number ?? alpha
    let rank = Double(rank(of: module))
    return alpha / (usesRootRank ? rank.squareRoot() : rank)
  }

  /// The first pattern that describes the end of a module's name.
  private static func first<Number>(_ patterns: [Pattern<Number>], _ module: String) -> Pattern<Number>? {
    patterns.first { entry in
      // Most are plain names, for which no states need be followed.
      let name = entry.text.hasPrefix("^") ? String(entry.text.dropFirst()) : entry.text
      return entry.text == module || name == module || entry.pattern.matchesEnd(of: module)
    }
  }

  /// Whether a module, or one around it, was trained whole.
  func isWhole(_ module: String) -> Bool {
    wholeModules.contains { name in
      module == name || module.hasPrefix("\(name).") || module.hasSuffix(".\(name)") || module.contains(".\(name).")
    }
  }
}

/// Takes typed members of a config's object.
private struct FieldReader {
  let root: JSONValue
  let text: [UInt8]
  let path: String

  /// A member that is there and not null.
  private func field(_ key: String) -> JSONValue? {
    guard let value = root[key], !value.isNull else { return nil }
    return value
  }

  func string(_ key: String) throws(CheckpointError) -> String? {
    guard let value = field(key) else { return nil }
    guard let string = value.string else { throw malformed(value, "a string in '\(key)'") }
    return string
  }

  func integer(_ key: String) throws(CheckpointError) -> Int? {
    guard let value = field(key) else { return nil }
    guard let number = value.int else { throw malformed(value, "an integer in '\(key)'") }
    return number
  }

  func number(_ key: String) throws(CheckpointError) -> Double? {
    guard let value = field(key) else { return nil }
    guard let number = value.double else { throw malformed(value, "a finite number in '\(key)'") }
    return number
  }

  func flag(_ key: String) throws(CheckpointError) -> Bool {
    guard let value = field(key) else { return false }
    guard let flag = value.bool else { throw malformed(value, "true or false in '\(key)'") }
    return flag
  }

  func strings(_ key: String) throws(CheckpointError) -> [String] {
    guard let value = field(key) else { return [] }
    let strings = (value.array ?? []).compactMap(\.string)
    guard let elements = value.array, strings.count == elements.count else {
      throw malformed(value, "an array of names in '\(key)'")
    }
    return strings
  }

  func members(_ key: String, most: Int) throws(CheckpointError) -> [JSONMember] {
    guard let value = field(key) else { return [] }
    guard let members = value.object else { throw malformed(value, "an object in '\(key)'") }
    guard members.count <= most else {
      throw malformed("'\(key)' has \(members.count) patterns", "at most \(most)", at: key)
    }
    return members
  }

  func pattern(_ member: JSONMember) throws(CheckpointError) -> NamePattern {
    do {
      return try NamePattern(member.key)
    } catch {
      throw CheckpointError(
        .malformed(
          found: "the pattern \(MessageText.quoted(member.key)) \(error.text)",
          expected: "a regular expression over names of modules"),
        file: path, position: TextFile.position(member.keyOffset, in: text))
    }
  }

  // MARK: - What is not read

  /// Keys that make of an adapter something else than W + s·BA where they are set, each with what it stands for.
  private static let variants: [(key: String, name: String)] = [
    ("alora_invocation_tokens", "works from some tokens on only"), ("arrow_config", "is chosen token by token"),
    ("kasa_config", "is of the kind KaSA"), ("layer_replication", "repeats layers of its base"),
    ("monteclora_config", "is of the kind MonteCLoRA"), ("target_parameters", "changes single parameters"),
    ("trainable_token_indices", "changes single tokens"), ("use_bdlora", "is of the kind BD-LoRA"),
    ("use_qalora", "is of the kind QA-LoRA"),
  ]

  /// Ways to begin that leave the base as it is; after the others the factors belong to a changed base.
  private static let beginnings: Set = ["eva", "gaussian", "loftq", "orthogonal", "mica"]

  func refuseVariants() throws(CheckpointError) {
    for variant in Self.variants {
      guard let value = field(variant.key), value.bool != false, value.array?.isEmpty != true else { continue }
      throw unsupported("an adapter that \(variant.name) ('\(variant.key)')", "plain LoRA, rsLoRA or DoRA")
    }
    if let beginning = try? string("init_lora_weights"), !Self.beginnings.contains(beginning.lowercased()) {
      throw unsupported(
        "an adapter that began as \(MessageText.quoted(beginning)), whose factors belong to a changed base",
        "one that was converted to plain LoRA when it was saved")
    }
    if let bias = try string("bias"), !["none", "all", "lora_only"].contains(bias) {
      throw malformed("'bias' is \(MessageText.quoted(bias))", "'none', 'all' or 'lora_only'", at: "bias")
    }
  }

  // MARK: - Errors

  func unsupported(_ found: String, _ expected: String) -> CheckpointError {
    CheckpointError(.malformed(found: found, expected: expected), file: path)
  }

  func malformed(_ value: JSONValue, _ expected: String) -> CheckpointError {
    CheckpointError(
      .malformed(found: "found \(value.kindName)", expected: expected), file: path,
      position: TextFile.position(value.offset, in: text))
  }

  func malformed(_ found: String, _ expected: String, at key: String) -> CheckpointError {
    CheckpointError(
      .malformed(found: found, expected: expected), file: path,
      position: TextFile.position(root[key]?.offset ?? 0, in: text))
  }
}
