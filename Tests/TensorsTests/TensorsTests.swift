import TestSupport
import Testing
import WeirTensors

@Suite struct DTypeTests {
  @Test(arguments: DType.allCases)
  func `A type has a size, and arithmetic if it is a wide float`(dtype: DType) {
    let digits = Int(dtype.rawValue.drop { !$0.isNumber }.prefix { $0.isNumber }) ?? 8
    #expect(dtype.byteCount == digits / 8)
    #expect(dtype.isMergeable == ["F64", "F32", "F16", "BF16"].contains(dtype.rawValue))
    #expect(DType(rawValue: dtype.rawValue) == dtype)
  }

  @Test(arguments: [
    ("bf16", DType.bf16), ("BF16", .bf16), ("bfloat16", .bf16), ("f16", .f16), ("Float16", .f16), ("f32", .f32),
    ("FLOAT32", .f32),
  ])
  func `An output type has the words that people use`(word: String, dtype: DType) {
    #expect(DType(outputName: word) == dtype)
  }

  @Test(arguments: ["", "f64", "i8", "half", "bf16 ", "f8_e4m3", "same"])
  func `Another word names no output type`(word: String) { #expect(DType(outputName: word) == nil) }

  @Test func `Every advertised word is understood, and its library name too`() {
    for name in DType.outputNames {
      let dtype = DType(outputName: name)
      #expect(dtype != nil)
      #expect(dtype?.torchName.flatMap(DType.init(outputName:)) == dtype)
    }
  }
}

@Suite struct ShapeTests {
  @Test(arguments: [
    ([], 1, 1, 1), ([0], 0, 0, 0), ([7], 7, 7, 1), ([1], 1, 1, 1), ([2, 3], 6, 3, 2), ([2, 3, 4], 24, 4, 6),
    ([5, 0], 0, 0, 0), ([0, 5], 0, 5, 0), ([Int.max], Int.max, Int.max, 1), ([Int.max, 1, 1], Int.max, 1, Int.max),
    ([1 << 31, 1 << 31], 1 << 62, 1 << 31, 1 << 31),
    // A zero anywhere makes the tensor empty, however large the rest.
    ([Int.max, Int.max, 0], 0, 0, 0), ([0, Int.max, Int.max], 0, Int.max, 0),
  ])
  func `A shape counts elements, rows and their length`(extents: [Int], count: Int, row: Int, rows: Int) throws {
    let shape = try #require(Shape(extents))
    #expect(shape.elementCount == count)
    #expect(shape.rowLength == row)
    #expect(shape.rowCount == rows)
    #expect(shape.extents == extents)
  }

  @Test(arguments: [
    [-1], [3, -1], [-1, 0], [Int.min], [Int.max, 2], [1 << 32, 1 << 31], [3, Int.max / 2], [1 << 21, 1 << 21, 1 << 21],
  ])
  func `A shape that no tensor can have is refused`(extents: [Int]) { #expect(Shape(extents) == nil) }

  @Test(arguments: [([], "[]"), ([3], "[3]"), ([1024, 512], "[1024, 512]")])
  func `A shape is written as people write it`(extents: [Int], text: String) {
    #expect(Shape(extents)?.description == text)
  }
}

@Suite struct GlobTests {
  @Test(
    arguments: [
      ("", "", []), ("*", "", [""]), ("*", "a.b", ["a.b"]), ("a", "a", []), ("a*", "a", [""]), ("*a", "a", [""]),
      ("a*c", "abc", ["b"]), ("a*c", "ac", [""]), ("*.mlp.*", "x.0.mlp.up.w", ["x.0", "up.w"]),
      ("*.*", "a.b.c", ["a", "b.c"]), ("**", "ab", ["", "ab"]), ("a**b", "a123b", ["", "123"]),
      ("*a*a*", "banana", ["b", "n", "na"]), ("model.*", "model.", [""]), ("?", "x", []), ("?*", "xyz", ["yz"]),
      ("*?", "xyz", ["xy"]), ("a?c*", "abcd", ["d"]), ("*ab?*", "aabababx", ["a", "babx"]), ("*aab", "aaab", ["a"]),
      ("l.*.w", "l.0.w.1.w", ["0.w.1"]), ("*é?", "caféx", ["caf"]), ("[a]", "[a]", []), ("a.b", "a.b", []),
    ] as [(String, String, [String])])
  func `A glob says what its stars stood for`(pattern: String, name: String, captures: [String]) {
    let glob = Glob(pattern)
    #expect(glob.matches(name))
    #expect(glob.captures(name)?.map(String.init) == captures)
  }

  @Test(arguments: [
    ("", "a"), ("a", ""), ("a", "b"), ("a", "aa"), ("a*", "ba"), ("*a", "ab"), ("a*b", "a"), ("a*a", "a"), ("?", ""),
    ("?", "ab"), ("??", "a"), ("a.b", "axb"), ("*.mlp.*", "mlp.up"), ("[ab]", "a"), ("A", "a"), ("a*b*c", "acb"),
    ("*ab*ab", "ab"),
  ])
  func `A glob is anchored and takes everything else literally`(pattern: String, name: String) {
    #expect(!Glob(pattern).matches(name))
    #expect(Glob(pattern).captures(name) == nil)
  }

  /// The definition, by trying every split.
  private func isMatch(_ pattern: ArraySlice<Character>, _ name: ArraySlice<Character>) -> Bool {
    guard let first = pattern.first else { return name.isEmpty }
    if first == "*" {
      return (name.startIndex...name.endIndex).contains { isMatch(pattern.dropFirst(), name[$0...]) }
    }
    guard let character = name.first, first == "?" || first == character else { return false }
    return isMatch(pattern.dropFirst(), name.dropFirst())
  }

  @Test(arguments: [1, 2, 3]) func `Globs agree with their definition on random names`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<3000 {
      let pattern = (0..<random.int(0..<7)).map { _ in random.pick(["a", "b", ".", "*", "*", "?"]) }.joined()
      let name = (0..<random.int(0..<9)).map { _ in random.pick(["a", "b", "."]) }.joined()
      let captures = Glob(pattern).captures(name)
      #expect((captures != nil) == isMatch(Array(pattern)[...], Array(name)[...]), "'\(pattern)' on '\(name)'")
      guard let captures else { continue }
      // The captured texts put in the place of the stars give the name again.
      var texts = captures.map(String.init)[...]
      let parts = pattern.map { $0 == "*" ? texts.popFirst() ?? "!" : String($0) }
      let filled = Array(parts.joined())
      #expect(texts.isEmpty && filled.count == name.count)
      #expect(zip(filled, name).allSatisfy { $0 == "?" || $0 == $1 }, "'\(pattern)' on '\(name)'")
    }
  }

  @Test(.timeLimit(.minutes(1))) func `A glob of many stars does not take for ever`() {
    let name = String(repeating: "a", count: 2000)
    #expect(!Glob(String(repeating: "*a", count: 200) + "b").matches(name))
  }
}

@Suite struct LayerPositionTests {
  @Test(arguments: [
    ("model.layers.12.mlp.up_proj.weight", "model.layers", 12, "mlp.up_proj.weight"),
    ("h.0.ln_1.bias", "h", 0, "ln_1.bias"),
    ("0.weight", "", 0, "weight"), ("7", "", 7, ""), ("a.3", "a", 3, ""), ("a.3.4.w", "a", 3, "4.w"),
    ("a.007.w", "a", 7, "w"), ("a.999999.w", "a", 999_999, "w"), ("a.x1.2x.3.w", "a.x1.2x", 3, "w"),
    ("encoder.block.2.layer.1.w", "encoder.block", 2, "layer.1.w"), ("a..5.w", "a.", 5, "w"),
  ])
  func `A name says where in which stack its tensor is`(name: String, stack: String, index: Int, rest: String) throws {
    let position = try #require(LayerPosition(name: name))
    #expect(position.stack == stack)
    #expect(position.index == index)
    #expect(position.rest == rest)
    let moved = try #require(LayerPosition(name: position.name(atLayer: 41)))
    #expect(moved.index == 41 && moved.stack == stack && moved.rest == rest)
  }

  @Test(arguments: [
    "", ".", "weight", "model.norm.weight", "a.1x.w", "a.x1.w", "a.-1.w", "a.1e3.w", "a. 1.w", "a.+1", "a.٣.w",
    "a.1000000.w", "a.99999999999999999999999.w",
  ])
  func `A name without a layer has no position`(name: String) { #expect(LayerPosition(name: name) == nil) }
}

@Suite struct QuantityTests {
  @Test(arguments: [
    ("0", 0, 0), ("512", 512, 512), ("64M", 64_000_000, 64 << 20), ("2.5GB", 2_500_000_000, 2_500_000_000),
    ("5GiB", 5 << 30, 5 << 30), ("1k", 1000, 1024), ("1 kB", 1000, 1000), ("3 MiB", 3 << 20, 3 << 20),
    ("7B", 7, 7), ("1.5KIB", 1536, 1536), ("2T", 2_000_000_000_000, 2 << 40), (".5M", 500_000, 1 << 19),
  ])
  func `A quantity is read with decimal and binary units`(text: String, decimal: Int, binary: Int) {
    #expect(Quantity.bytes(text) == decimal)
    #expect(Quantity.bytes(text, bareIsBinary: true) == binary)
  }

  @Test(arguments: [
    "", " ", "B", "M", "-1", "+1", "1e3", "1.2.3", ".", "5X", "5 G B", "5GBB", "GB5", "0x10", "1_000", "٥", "5M ",
    "nan",
    "inf", "1000000000T", "9223372036854775807", "18446744073709551616", "5 PB",
  ])
  func `Anything else is no quantity`(text: String) { #expect(Quantity.bytes(text) == nil) }

  @Test(arguments: [
    (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (1234, "1.23 kB"), (9994, "9.99 kB"), (9995, "10.0 kB"),
    (99_949, "99.9 kB"), (99_950, "100 kB"), (999_499, "999 kB"), (999_500, "1.00 MB"), (1_700_000_000, "1.70 GB"),
    (Int.max, "9223 PB"),
  ])
  func `A quantity is written with three digits`(bytes: Int, text: String) { #expect(Quantity.text(bytes) == text) }

  @Test(arguments: [
    (1.005, 1, "1.0"), (2.5, 0, "3"), (-0.04, 1, "0.0"), (-1.25, 2, "-1.25"), (9.999, 2, "10.00"), (0.05, 2, "0.05"),
  ])
  func `A number is written with fixed places`(value: Double, places: Int, text: String) {
    #expect(Quantity.decimal(value, places: places) == text)
  }
}

@Suite struct CatalogueTests {
  private func tensor(_ name: String, _ dtype: DType = .f32, _ extents: [Int] = [2]) throws -> TensorInfo {
    TensorInfo(name: name, dtype: dtype, shape: try #require(Shape(extents)))
  }

  @Test func `A catalogue counts layers by stack, holes included, and finds tensors by name`() throws {
    let catalogue = Catalogue([
      try tensor("embed"), try tensor("model.layers.0.w"), try tensor("model.layers.3.w", .bf16, [3, 3]),
      try tensor("vision.0.w"), try tensor("5.w", .f64, []), try tensor("norm.1000000"),
    ])
    #expect(catalogue.layerCounts == ["model.layers": 4, "vision": 1, "": 6])
    #expect(catalogue.position(of: "vision.0.w") == 3)
    #expect(catalogue["model.layers.3.w"]?.byteCount == 18)
    #expect(catalogue["nothing"] == nil)
    #expect(catalogue.byteCount == 8 + 8 + 18 + 8 + 8 + 8)
    #expect(catalogue.elementCount == 2 + 2 + 9 + 2 + 1 + 2)
  }

  @Test func `Of two tensors with one name the first is found`() throws {
    let catalogue = Catalogue([try tensor("a", .f32), try tensor("a", .f16)])
    #expect(catalogue["a"]?.dtype == .f32)
  }
}
