import Testing
import WeirPipeline
import WeirTensors

struct NumberValueTests {
  @Test(arguments: [
    ([0.0, 1], 0, 5, 0.0), ([0, 1], 1, 5, 0.25), ([0, 1], 4, 5, 1),
    ([0, 1, 0], 1, 5, 0.5), ([0, 1, 0], 2, 5, 1), ([0, 1, 0], 3, 5, 0.5),
    ([1, 2, 4], 1, 2, 4),  // the last of two layers takes the last value
    ([1, 2, 4], 0, 1, 4),  // and so does an only layer
    ([3], 2, 7, 3),
  ]) func `A ramp is linear over the layers`(_ values: [Double], _ layer: Int, _ count: Int, _ expected: Double) {
    #expect(NumberValue.ramp(values).resolve(name: "x", placement: .layer(layer, of: count)) == expected)
  }

  @Test func `Tensors before a stack take a ramp's first value, those after it the last`() {
    let ramp = NumberValue.ramp([1, 2, 3])
    #expect(ramp.resolve(name: "embed", placement: .before) == 1)
    #expect(ramp.resolve(name: "head", placement: .after) == 3)
  }

  @Test func `What is in no layer takes the value that a ramp has for it`() {
    let ramp = NumberValue.ramp([1, 3], outside: 2)
    let places: [LayerPlacement] = [.before, .layer(0, of: 2), .layer(1, of: 2), .after]
    #expect(places.map { ramp.resolve(name: "w", placement: $0) } == [2, 1, 3, 2])
    #expect(ramp.numbers == [1, 3, 2])
  }

  @Test func `Of several rules the first that matches holds`() {
    let place = Position(offset: 0, line: 1, column: 1)
    let rules = NumberValue.rules([
      NumberRule(glob: Glob("*.mlp.*"), value: .ramp([0, 1]), position: place),
      NumberRule(glob: Glob("*.0.*"), value: .constant(7), position: place),
    ])
    #expect(rules.resolve(name: "h.0.mlp.w", placement: .layer(0, of: 3)) == 0)
    #expect(rules.resolve(name: "h.0.attn.w", placement: .layer(0, of: 3)) == 7)
    #expect(rules.resolve(name: "h.1.attn.w", placement: .layer(1, of: 3)) == nil)
    #expect(rules.numbers == [0, 1, 7] && rules.constant == nil)
  }
}

struct TensorSelectionTests {
  @Test func `A name must be included, if anything is, and not excluded`() {
    let filter = TensorFilter(include: [Glob("model.*"), Glob("head")], exclude: [Glob("*.bias")])
    #expect(["model.w", "head", "model.bias", "other"].map(filter.admits) == [true, true, false, false])
    #expect(TensorFilter.all.admits("anything"))
    #expect(TensorFilter(exclude: [Glob("a")]).admits("b"))
  }

  @Test(arguments: [
    ("model.*", "language_model.model.*", "model.layers.0.w", "language_model.model.layers.0.w"),
    ("*.q.*", "*.query.*", "h.3.q.weight", "h.3.query.weight"),
    ("a", "b", "a", "b"),
    ("*", "*", "", ""),
    ("?.*", "x.*", "h.w", "x.w"),
  ]) func `A rename puts what each star stood for in its place`(
    _ from: String, _ to: String, _ name: String, _ new: String
  ) {
    #expect(RenameRule(from: Glob(from), to: to).apply(name) == new)
  }

  @Test func `A name that no rename matches stays`() {
    let rules = [RenameRule(from: Glob("a.*"), to: "b.*")]
    #expect(rules.apply("c.w") == "c.w" && rules[0].apply("c.w") == nil)
  }
}
