internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// What a run into an output is: all that decides its bytes, by name, so that two runs can be told apart in words.
struct RunIdentity: Equatable, Sendable {
  /// A file that is read, and for which source.
  struct Input: Equatable, Sendable {
    let source: String
    let facts: InputFacts
  }

  /// What the program itself adds: revisions, the layout.
  let facts: [String: String]
  let inputs: [Input]
  /// What the pipeline says, each value under its path: `graph.merged.density`.
  let meaning: [String: String]

  /// The identity of a plan's output.
  ///
  /// - Parameter number: the output's place in the plan.
  init(_ plan: Plan, output number: Int) throws(PipelineError) {
    let output = plan.outputs[number]
    meaning = PipelineMeaning.values(of: plan.spec, output: number)
    let limit = plan.options.maximumHeaderBytes
    inputs = try Plan.run(.request) { () throws(CheckpointError) in
      var inputs: [Input] = []
      func add(_ source: String, _ paths: [String]) throws(CheckpointError) {
        for path in paths { inputs.append(Input(source: source, facts: try .of(path, maximumHeaderBytes: limit))) }
      }
      for source in plan.graph.sources { try add(source.spec.name.name, source.files.map(\.path)) }
      for (name, file) in plan.graph.coefficientFiles { try add(name, file.paths) }
      return inputs
    }
    let layout =
      output.layout.files.flatMap { file in
        [Hash128(file.header), Hash128(Array("\(file.name) \(file.byteCount)".utf8))]
      } + output.tensors.map { Hash128(Array("\($0.info.name) \($0.info.dtype) \($0.info.shape)".utf8)) }
    facts = [
      "numerics": String(Numerics.revision), "archive": String(Archive.revision),
      "layout": Hash128(of: layout).description,
    ]
  }

  /// What another run was that this one is not, in words, most telling first.
  func differences(from old: RunIdentity) -> [String] {
    var found: [String] = []
    for (key, what) in [("numerics", "the revision of the arithmetic"), ("archive", "the revision of archives")] {
      guard let was = old.facts[key], let now = facts[key], was != now else { continue }
      found.append("\(what) was \(was), is \(now)")
    }
    found += inputDifferences(from: old)
    for key in Set(meaning.keys).union(old.meaning.keys).sorted() where meaning[key] != old.meaning[key] {
      switch (old.meaning[key], meaning[key]) {
      case (let was?, let now?): found.append("'\(key)' was \(was), is \(now)")
      case (let was?, nil): found.append("'\(key)' was \(was), is not there")
      case (nil, let now?): found.append("'\(key)' was not there, is \(now)")
      case (nil, nil): continue
      }
    }
    if found.isEmpty, facts != old.facts { found.append("the layout of the output has changed") }
    return found
  }

  private func inputDifferences(from old: RunIdentity) -> [String] {
    var found: [String] = []
    let sources = (old.inputs + inputs).map(\.source).reduce(into: [String]()) { names, name in
      if !names.contains(name) { names.append(name) }
    }
    for source in sources {
      let (was, now) = (old.inputs.filter { $0.source == source }, inputs.filter { $0.source == source })
      let name = "source \(MessageText.quoted(source))"
      guard was.count == now.count, !now.isEmpty else {
        let files = [was.count, now.count].map { $0 == 1 ? "1 file" : "\($0) files" }
        found.append("\(name) had \(files[0]), has \(files[1])")
        continue
      }
      for (was, now) in zip(was.map(\.facts), now.map(\.facts)) where was != now {
        let file = "\(name): \(MessageText.escaped(now.path))"
        if was.path != now.path {
          found.append("\(name) was \(MessageText.escaped(was.path)), is \(MessageText.escaped(now.path))")
        } else if was.byteCount != now.byteCount {
          found.append("\(file) had \(was.byteCount) bytes, has \(now.byteCount)")
        } else if was.header != now.header {
          found.append("\(file) has another header")
        } else {
          found.append("\(file) was modified since")
        }
      }
    }
    return found
  }
}

extension RunIdentity {
  /// The identity as a journal holds it.
  var bytes: [UInt8] {
    func object(_ values: [String: String]) -> JSONValue {
      .object(values.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
    }
    let inputs = inputs.map { input -> JSONValue in
      .object([
        ("source", .string(input.source)), ("path", .string(input.facts.path)),
        ("bytes", .number(input.facts.byteCount)), ("modified", .number(input.facts.modified)),
        ("header", .string(input.facts.header.description)),
      ])
    }
    let value = JSONValue.object([
      ("facts", object(facts)), ("inputs", .array(inputs)), ("meaning", object(meaning)),
    ])
    return Array(JSON.text(value).utf8)
  }

  /// Reads what a journal holds; `nil` where it is none.
  init?(bytes: [UInt8]) {
    guard let root = try? JSON.parse(bytes), let inputs = root["inputs"]?.array else { return nil }
    func values(_ key: String) -> [String: String]? {
      root[key]?.object.map { Dictionary($0.map { ($0.key, $0.value.string ?? "") }) { first, _ in first } }
    }
    guard let facts = values("facts"), let meaning = values("meaning") else { return nil }
    var files: [Input] = []
    for input in inputs {
      guard let source = input["source"]?.string, let path = input["path"]?.string, let count = input["bytes"]?.int,
        let modified = input["modified"]?.int, let header = input["header"]?.string.flatMap({ Hash128($0) })
      else { return nil }
      let facts = InputFacts(path: path, byteCount: count, modified: modified, header: header)
      files.append(Input(source: source, facts: facts))
    }
    self.facts = facts
    self.inputs = files
    self.meaning = meaning
  }
}

/// A pipeline as what it says, whatever it looks like: without white space, remarks, variables and places.
enum PipelineMeaning {
  /// Every plain value under its path, of what an output can depend on.
  static func values(of spec: PipelineSpec, output number: Int) -> [String: String] {
    guard let root = try? JSON.parse(spec.text) else { return [:] }
    let variables = root["variables"]
    var values: [String: String] = [:]

    func take(_ value: JSONValue, _ path: String) {
      if let name = value["var"]?.string, let variable = variables?[name] {
        take(variable, path)
        return
      }
      switch value.content {
      case .object(let members):
        for member in members where member.key != "note" { take(member.value, "\(path).\(member.key)") }
        if members.isEmpty { values[path] = "{}" }
      case .array(let elements):
        for (place, element) in elements.enumerated() { take(element, "\(path)[\(place)]") }
        if elements.isEmpty { values[path] = "[]" }
      case .number: values[path] = lexeme(value)
      case .string(let text): values[path] = MessageText.quoted(text)
      case .bool, .null: values[path] = JSON.text(value)
      }
    }
    func lexeme(_ value: JSONValue) -> String {
      if let int = value.int { return String(int) }
      guard let double = value.double else { return JSON.text(value) }
      return Int(exactly: double).map(String.init) ?? double.description
    }

    let (sources, nodes) = (Set(spec.sources.map(\.name.name)), Set(spec.nodes.map(\.name.name)))
    for member in root.object ?? [] {
      switch member.key {
      // Which files they are is told by the inputs.
      case "sources":
        for source in member.value.object ?? [] where sources.contains(source.key) {
          for key in source.value.object ?? [] where !["path", "archive", "coefficients", "note"].contains(key.key) {
            take(key.value, "sources.\(source.key).\(key.key)")
          }
        }
      case "graph":
        for node in member.value.object ?? [] where nodes.contains(node.key) { take(node.value, "graph.\(node.key)") }
      case "outputs":
        guard let output = member.value.array?.dropFirst(number).first else { continue }
        for key in output.object ?? [] where !["to", "note"].contains(key.key) { take(key.value, "output.\(key.key)") }
      case "note", "variables": continue
      default: take(member.value, member.key)
      }
    }
    return values
  }
}
