import TestSupport
import WeirTensors

/// An adapter that a test makes, and what it does to a model, worked out in Double from its definition.
struct PlainAdapter {
  /// One change of a weight.
  struct Module {
    enum Kind { case linear, transposed, embedding, convolution }

    var name: String
    var kind = Kind.linear
    /// Extents of what is written and read, and those of a convolution's kernel.
    var out: Int
    var into: Int
    var kernel: [Int] = []
    var rank: Int
    var scale: Double
    var a: [Double] = []
    var b: [Double] = []
    var magnitude: [Double]?
    var bias: [Double]?
  }

  var modules: [Module] = []
  var dtype = DType.f32
  /// The members of `adapter_config.json`.
  var config = #""r": 4, "lora_alpha": 8"#
  var wholes: [TestTensor] = []

  /// Adds a module with random factors of short numbers, which any type holds.
  mutating func add(_ module: Module, random: inout SplitMix64) {
    var module = module
    func numbers(_ count: Int) -> [Double] { (0..<count).map { _ in Double(Int(random.next() % 17) - 8) / 16 } }
    module.a = numbers(module.rank * module.into * module.kernel.reduce(1, *))
    module.b = numbers(module.out * module.rank)
    modules.append(module)
  }

  /// The tensors as PEFT names and shapes them.
  var tensors: [TestTensor] {
    modules.flatMap { module -> [TestTensor] in
      let name = "base_model.model.\(module.name)"
      let ones = module.kernel.map { _ in 1 }
      var tensors: [TestTensor] = []
      if module.kind == .embedding {
        tensors.append(TestTensor("\(name).lora_embedding_A", dtype, [module.rank, module.into], module.a))
        tensors.append(TestTensor("\(name).lora_embedding_B", dtype, [module.out, module.rank], module.b))
      } else {
        tensors.append(
          TestTensor("\(name).lora_A.weight", dtype, [module.rank, module.into] + module.kernel, module.a))
        tensors.append(TestTensor("\(name).lora_B.weight", dtype, [module.out, module.rank] + ones, module.b))
      }
      if let bias = module.bias { tensors.append(TestTensor("\(name).lora_B.bias", dtype, [bias.count], bias)) }
      if let magnitude = module.magnitude {
        tensors.append(TestTensor("\(name).lora_magnitude_vector", dtype, [magnitude.count], magnitude))
      }
      return tensors
    } + wholes
  }

  func write(_ scene: Scene, _ name: String) throws {
    try makeFolder(scene.path(name))
    try writeSafetensors(path: scene.path("\(name)/adapter_model.safetensors"), tensors: tensors.map(\.fixture))
    try writeFile(scene.path("\(name)/adapter_config.json"), #"{"peft_type": "LORA", \#(config)}"#)
  }

  /// What a module adds to its weight, in the weight's own order.
  static func change(_ module: Module) -> [Double] {
    let columns = module.into * module.kernel.reduce(1, *)
    func product(_ row: Int, _ column: Int) -> Double {
      (0..<module.rank).reduce(0) { $0 + module.b[row * module.rank + $1] * module.a[$1 * columns + column] }
    }
    let isTurned = module.kind == .embedding || module.kind == .transposed
    let (rows, width) = isTurned ? (columns, module.out) : (module.out, columns)
    return (0..<rows * width).map { place in
      let (row, column) = (place / width, place % width)
      return module.scale * (isTurned ? product(column, row) : product(row, column))
    }
  }

  /// A weight with a module's change, DoRA's lengths included.
  static func applied(_ module: Module, to weight: [Double]) -> [Double] {
    let sums = zip(weight, change(module)).map(+)
    guard let magnitude = module.magnitude else { return sums }
    let isTurned = module.kind != .linear
    let width = isTurned ? module.out : module.into
    var squares = magnitude.map { _ in 0.0 }
    for (place, value) in sums.enumerated() { squares[isTurned ? place % width : place / width] += value * value }
    return sums.enumerated().map { place, value in
      let unit = isTurned ? place % width : place / width
      return squares[unit] == 0 ? 0 : value * magnitude[unit] / squares[unit].squareRoot()
    }
  }
}
