import TestSupport
import Testing
import WeirIO
import WeirTensors

@testable import WeirPipeline

/// What parameters name beside models: tensors like theirs, and coefficients.
@Suite struct SideFileTests {
  private static let shapes: [(String, [Int])] = [
    ("layers.0.w", [37, 11]), ("layers.0.b", [129]), ("scalar", []), ("empty", [0, 4]), ("layers.1.w", [11, 73]),
  ]
  private static let parts = shapes.map { ReferencePart($0.0, $0.1) }

  private static func tensors(
    _ dtype: DType, _ random: inout SplitMix64, _ draw: (inout SplitMix64) -> Double
  ) -> [TestTensor] {
    shapes.map { name, shape in
      TestTensor(name, dtype, shape, (0..<shape.reduce(1, *)).map { _ in draw(&random) })
    }
  }

  /// Models `base`, `a` and `b`, information `fa` and `fb` of F16 and F64, and groups `g` of bytes.
  private func withModels(_ body: (Scene, [String: [TestTensor]]) throws -> Void) throws {
    var random = SplitMix64(seed: 5)
    var models: [String: [TestTensor]] = [:]
    for name in ["base", "a", "b"] { models[name] = Self.tensors(.f32, &random) { $0.dyadic() } }
    models["fa"] = Self.tensors(.f16, &random) { abs($0.dyadic()) }
    models["fb"] = Self.tensors(.f64, &random) { abs($0.dyadic()) }
    models["g"] = Self.tensors(.u8, &random) { Double($0.int(0..<4)) }
    try withScene { scene in
      for (name, tensors) in models { try scene.add(name, tensors) }
      try body(scene, models)
    }
  }

  private func replace(_ name: String, _ scene: Scene, _ tensors: [TestTensor]) throws {
    if try !scene.names().contains(name) { try makeFolder(scene.path(name)) }
    try writeSafetensors(path: scene.path("\(name)/model.safetensors"), tensors: tensors.map(\.fixture))
  }

  private func text(_ node: String, _ sources: [String], more: String = "", to place: String = "out.safetensors")
    -> String
  {
    let entries = sources.map { #""\#($0)": "\#($0)""# }.joined(separator: ", ")
    return """
      {"weir": 1, "sources": {\(entries)\(more)}, "graph": {"n": \(node)}, "outputs": [{"from": "n", "to": "\(place)"}]}
      """
  }

  private func call(_ models: [String: [TestTensor]], base: Bool) -> ReferenceMerge {
    func whole(_ name: String) -> [Double] { models[name]?.flatMap(\.values) ?? [] }
    var merge = ReferenceMerge(base: base ? whole("base") : nil, models: ["a", "b"].map(whole), shape: [])
    merge.parts = Self.parts
    return merge
  }

  private func check(_ scene: Scene, _ expected: [Double]?) throws {
    let found = try scene.list("out.safetensors").flatMap(\.values)
    let expected = try #require(expected)
    #expect(found.count == expected.count)
    let wrong = zip(found, expected).enumerated().first { abs($1.0 - $1.1) > 2e-5 * max(1, abs($1.1)) }
    #expect(wrong == nil)
  }

  private static let fisher =
    #"{"op": "fisher", "models": [{"from": "a", "fisher": "fa"}, {"from": "b", "fisher": "fb", "weight": 0.5}]}"#
  private static let groups =
    #"{"op": "atlas", "base": "base", "models": ["a", "b"], "coefficients": "c", "groups": "g"}"#
  private static let coefficients = #", "c": {"coefficients": "c.json"}"#
  private static let numbers: [[String: [Double]]] = [
    ["layers.0.w": [0.5, -1, 2], "scalar": [0.25], "layers.1.w": [1, 2, 3, 4]],
    ["layers.0.w": [0.75], "layers.0.b": [3, -2]],
  ]

  /// The numbers as a JSON file.
  private static let json: String = {
    let models = zip(["a", "b"], numbers).map { name, tensors in
      let entries = tensors.sorted { $0.key < $1.key }.map { tensor, numbers in
        let value = numbers.count == 1 ? "\(numbers[0])" : "\(numbers)"
        return #""\#(tensor)": \#(value)"#
      }
      return #""\#(name)": {\#(entries.joined(separator: ", "))}"#
    }
    return "{\(models.joined(separator: ",\n"))}"
  }()

  // MARK: - Tensors

  @Test func `Information is read beside the models, whatever its type`() throws {
    try withModels { scene, models in
      try scene.run(text(Self.fisher, ["a", "b", "fa", "fb"]))
      var merge = call(models, base: false)
      merge.perModel = ["weight": [1, 0.5]]
      merge.sides = ["fisher": ["fa", "fb"].map { name in models[name]?.flatMap(\.values) ?? [] }]
      try check(scene, merge.run("fisher"))
    }
  }

  @Test func `Groups are bytes, or what a node makes`() throws {
    try withModels { scene, models in
      try writeFile(scene.path("c.json"), Self.json)
      var merge = call(models, base: true)
      merge.sides = ["groups": [models["g"]?.flatMap(\.values) ?? []]]
      merge.coefficients = Self.numbers
      try scene.run(text(Self.groups, ["base", "a", "b", "g"], more: Self.coefficients))
      try check(scene, merge.run("atlas"))
      try scene.add("low", models["g"]?.map { TestTensor($0.name, .f32, $0.shape, $0.values.map { -$0 }) } ?? [])
      try scene.run(
        """
        {"weir": 1, "sources": {"base": "base", "a": "a", "b": "b", "low": "low"\(Self.coefficients)},
         "graph": {"n": \(Self.groups), "g": {"op": "scale", "inputs": ["low"], "factor": -1}},
         "outputs": [{"from": "n", "to": "out2.safetensors"}]}
        """)
      #expect(try scene.list("out2.safetensors") == scene.list("out.safetensors"))
    }
  }

  @Test func `The same bytes come out, however the work is cut`() throws {
    try withModels { scene, _ in
      try writeFile(scene.path("c.json"), Self.json)
      let texts = [
        text(Self.fisher, ["a", "b", "fa", "fb"], to: "digest:x"),
        text(Self.groups, ["base", "a", "b", "g"], more: Self.coefficients, to: "digest:x"),
      ]
      for text in texts {
        let totals = try (RunCut.all + RunCut.fine).map { cut in
          try scene.run(text, cut.options).outputs.compactMap { $0.digest?.total }
        }
        #expect(totals.allSatisfy { $0 == totals[0] && $0.count == 1 })
      }
    }
  }

  @Test func `A tensor without information counts with 1, and the plan says so`() throws {
    try withModels { scene, models in
      try replace("fa", scene, models["fa"]?.filter { !$0.name.hasPrefix("layers.0") } ?? [])
      let text = text(Self.fisher, ["a", "b", "fa", "fb"])
      let warnings = try scene.plan(text).warnings.map(\.message)
      #expect(
        warnings == ["node 'n': 'fisher': 'fa' lacks 'layers.0.w', 'layers.0.b'; 1 stands for every element"])
      try scene.run(text)
      var merge = call(models, base: false)
      merge.perModel = ["weight": [1, 0.5]]
      let full = models["fa"]?.flatMap { $0.name.hasPrefix("layers.0") ? $0.values.map { _ in 1 } : $0.values }
      merge.sides = ["fisher": [full ?? [], models["fb"]?.flatMap(\.values) ?? []]]
      try check(scene, merge.run("fisher"))
    }
  }

  @Test func `Tensors beside the models are checked like theirs`() throws {
    try withModels { scene, models in
      let odd = TestTensor("layers.0.b", .f32, [3], [0, 0, 0])
      let words = TestTensor("scalar", .i32, [], bytes: [0, 0, 0, 0])
      try replace("fa", scene, models["fa"]?.map { [odd.name: odd, words.name: words][$0.name] ?? $0 } ?? [])
      #expect(
        scene.complaints(text(Self.fisher, ["a", "b", "fa", "fb"])) == [
          "node 'n': 'fisher': tensor 'layers.0.b' has shape [3] in 'fa', expected [129]",
          "node 'n': 'fisher': tensor 'scalar' is I32 in 'fa', expected F64, F32, F16, BF16, U8 or BOOL",
        ])
      try writeFile(scene.path("c.json"), Self.json)
      try replace("g", scene, models["g"]?.filter { $0.name != "scalar" } ?? [])
      #expect(
        scene.complaints(text(Self.groups, ["base", "a", "b", "g"], more: Self.coefficients)) == [
          "node 'n': 'groups': 'g' lacks 'scalar', expected all tensors that are merged"
        ])
    }
  }

  @Test func `A number that is none is named where it stands`() throws {
    try withModels { scene, models in
      try replace(
        "fa", scene,
        models["fa"]?.map { tensor in
          guard tensor.name == "layers.1.w" else { return tensor }
          return TestTensor(tensor.name, .f32, tensor.shape, tensor.values.enumerated().map { $0 == 9 ? .nan : $1 })
        } ?? [])
      let complaints = scene.complaints(text(Self.fisher, ["a", "b", "fa", "fb"]))
      #expect(complaints.count == 1 && complaints[0].contains("'layers.1.w'") && complaints[0].contains("fa"))
    }
  }

  // MARK: - Coefficients

  @Test func `A plan lists what lies beside the models`() throws {
    try withModels { scene, _ in
      try writeFile(scene.path("c.json"), Self.json)
      let plan = try scene.plan(text(Self.groups, ["base", "a", "b", "g"], more: Self.coefficients))
      let lines = plan.text().split(separator: "\n").map { $0.split(separator: " ").prefix(5).joined(separator: " ") }
      #expect(lines.contains { $0.hasPrefix("c 4 ") } && lines.contains { $0.hasPrefix("g 5 ") })
      let sources = plan.json["sources"]?.array ?? []
      #expect(sources.map { $0["name"]?.string } == ["base", "a", "b", "g", "c"])
      #expect(plan.dot.contains(#"-> n0 [label="groups", style=dashed];"#))
      #expect(plan.dot.contains(#"c0 -> n0 [label="coefficients", style=dashed];"#))
    }
  }

  private static let plain = #"{"op": "atlas", "base": "base", "models": ["a", "b"], "coefficients": "c"}"#

  @Test func `A number for a model counts for all its tensors`() throws {
    try withModels { scene, models in
      try writeFile(scene.path("c.json"), #"{"a": 0.5, "b": {"layers.0.w": 2, "*": -1}}"#)
      try scene.run(text(Self.plain, ["base", "a", "b"], more: Self.coefficients))
      var merge = call(models, base: true)
      let names = Self.parts.map(\.name)
      merge.coefficients = [
        Dictionary(uniqueKeysWithValues: names.map { ($0, [0.5]) }),
        Dictionary(uniqueKeysWithValues: names.map { ($0, [$0 == "layers.0.w" ? 2 : -1]) }),
      ]
      try check(scene, merge.run("atlas"))
    }
  }

  @Test func `A row of a safetensors file is a model`() throws {
    try withModels { scene, models in
      try replace(
        "c", scene,
        [
          TestTensor("layers.0.w", .f32, [2, 11], (0..<22).map { Double($0) / 4 }),
          TestTensor("layers.0.b", .bf16, [2], [0.5, -0.25]),
          TestTensor("scalar", .f64, [2, 1], [3, 4]),
        ])
      let node = #"{"op": "dam", "models": ["a", "b"], "coefficients": "c", "activation": "tanh"}"#
      try scene.run(text(node, ["a", "b"], more: #", "c": {"coefficients": "c"}"#))
      var merge = call(models, base: false)
      merge.choices = ["activation": "tanh"]
      merge.coefficients = (0..<2).map { row in
        [
          "layers.0.w": (0..<11).map { Double(row * 11 + $0) / 4 }, "layers.0.b": [[0.5, -0.25][row]],
          "scalar": [[3, 4][row]],
        ]
      }
      try check(scene, merge.run("dam"))
    }
  }

  @Test(arguments: [
    (#"{"a": 1, "b": 2, "d": 3}"#, ["node 'n': 'c' has coefficients for 'd', expected 'a' or 'b'"]),
    (#"{"a": 1}"#, ["node 'n': 'c' has no coefficients for 'b', expected some for every model"]),
    (
      #"{"a": {"x.w": 1, "y.w": 2}, "b": 0}"#,
      ["node 'n': 'c' has coefficients for tensor 'x.w' and 1 more, which the models do not have"]
    ),
    (
      #"{"a": {"layers.0.w": [1, 2]}, "b": 0}"#,
      ["node 'n': tensor 'layers.0.w': model 1 has 2 coefficients, expected 1, or at most 4096 and 'groups'"]
    ),
  ])
  func `Coefficients are checked by names and numbers`(text json: String, expected: [String]) throws {
    try withModels { scene, _ in
      try writeFile(scene.path("c.json"), json)
      #expect(scene.complaints(text(Self.plain, ["base", "a", "b"], more: Self.coefficients)) == expected)
    }
  }

  @Test(arguments: [
    ("", "c.json:1:1: found the end of the text, expected a value"),
    ("[1]", "c.json:1:1: found an array, expected an object of models"),
    (#"{"a": "x"}"#, "c.json:1:7: found the string 'x', expected a number for all tensors, or an object of tensors"),
    (#"{"a": {"w": []}}"#, "c.json:1:13: found an empty array, expected at least one number"),
    (#"{"a": {"w": [1, 1e999]}}"#, "c.json:1:17: found 1e999, expected a finite number"),
    (#"{"a": {"w": 1, "w": 2}}"#, "c.json:1:16: found the key 'w' again, expected it once"),
  ])
  func `A file of coefficients that is none is told where`(json: String, expected: String) throws {
    try withModels { scene, _ in
      try writeFile(scene.path("c.json"), json)
      let found = scene.complaints(text(Self.plain, ["base", "a", "b"], more: Self.coefficients))
      #expect(found.count == 1 && found[0].hasSuffix(expected), "\(found)")
    }
  }

  @Test func `Rows are as many as models, and finite`() throws {
    try withModels { scene, _ in
      func complaints(_ tensor: TestTensor) throws -> [String] {
        try replace("c", scene, [tensor])
        return scene.complaints(text(Self.plain, ["base", "a", "b"], more: #", "c": {"coefficients": "c"}"#))
      }
      let shape = "expected floating-point numbers of shape [2] or [2, n] for as many models"
      let three = try complaints(TestTensor("scalar", .f32, [3], [1, 2, 3]))
      #expect(three == ["node 'n': 'c' has F32 [3] for 'scalar', \(shape)"])
      let bytes = try complaints(TestTensor("scalar", .u8, [2], [1, 2]))
      #expect(bytes == ["node 'n': 'c' has U8 [2] for 'scalar', \(shape)"])
      #expect(
        try complaints(TestTensor("scalar", .f32, [2], [1, .infinity]))[0].contains("a coefficient is not finite"))
    }
  }

  @Test func `A file of coefficients is not written over`() throws {
    try withModels { scene, _ in
      try writeFile(scene.path("c.safetensors"), safetensorsBytes([TestTensor("scalar", .f32, [2], [1, 2]).fixture]))
      let found = scene.complaints(
        text(
          Self.plain, ["base", "a", "b"], more: #", "c": {"coefficients": "c.safetensors"}"#, to: "c.safetensors"),
        RunOptions(threads: 2, overwrite: true))
      #expect(found.count == 1 && found[0].contains("c.safetensors"), "\(found)")
    }
  }
}
