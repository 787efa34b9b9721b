internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// A source of coefficients, open: for each model a few numbers for each tensor, or some for all.
///
/// A JSON file is read at once; of safetensors only what a tensor needs is, and only while it is planned.
struct CoefficientFile: Sendable {
  /// Stands for the name of every tensor that has no coefficients of its own.
  static let everyTensor = "*"
  static let largestText = 16 << 20

  private enum Content: Sendable {
    /// Numbers by model and tensor.
    case table([String: [String: [Double]]])
    /// Tensors of the models' names, whose rows are the models of the node in its order.
    case rows(Checkpoint)
  }

  let path: String
  let byteCount: Int
  private let content: Content

  /// Opens a `.json` file, or a safetensors file or folder.
  init(_ path: String, policy: ReadPolicy, maximumHeaderBytes: Int) throws(CheckpointError) {
    self.path = path
    guard path.hasSuffix(".json") else {
      let checkpoint = try Checkpoint.open(path, policy: policy, maximumHeaderBytes: maximumHeaderBytes)
      content = .rows(checkpoint)
      byteCount = checkpoint.catalogue.byteCount
      return
    }
    let text = try TextFile.read(path, maximumByteCount: Self.largestText)
    byteCount = text.count
    let root: JSONValue
    do {
      root = try JSON.parse(text)
    } catch {
      throw CheckpointError(.invalidJSON(error.message), file: path, position: Self.position(error.offset, text))
    }
    do throws(Misfit) {
      content = .table(try Self.table(root))
    } catch {
      throw CheckpointError(
        .malformed(found: error.found, expected: error.expected), file: path,
        position: Self.position(error.value.offset, text))
    }
  }

  /// The files that are read for it.
  var paths: [String] {
    if case .rows(let checkpoint) = content { checkpoint.files.map(\.path) } else { [path] }
  }

  /// How many tensors have coefficients of their own.
  var tensorCount: Int {
    switch content {
    case .table(let table): Set(table.values.flatMap(\.keys)).subtracting([Self.everyTensor]).count
    case .rows(let checkpoint): checkpoint.catalogue.tensors.count
    }
  }

  func checkIntact() throws(CheckpointError) {
    if case .rows(let checkpoint) = content { try checkpoint.checkIntact() }
  }

  /// The coefficients of one model for a tensor; `nil` where there are none.
  ///
  /// - Parameter row: the model's place in its node.
  func numbers(of model: String, row: Int, tensor: String) throws(CheckpointError) -> [Double]? {
    switch content {
    case .table(let table): return table[model].flatMap { $0[tensor] ?? $0[Self.everyTensor] }
    case .rows(let checkpoint):
      let catalogue = checkpoint.catalogue
      guard let place = catalogue.position(of: tensor) ?? catalogue.position(of: Self.everyTensor) else { return nil }
      let info = catalogue.tensors[place]
      let location = checkpoint.locations[place]
      let stride = info.byteCount / max(1, info.shape.extents.first ?? 1)
      let start = location.bytes.lowerBound + row * stride
      var reader = WindowReader(reach: stride)
      // SAFETY: the bytes are read before the window closes; the shape was checked against the number of models.
      let bytes = try unsafe reader.open(checkpoint.files[location.file], start..<start + stride, slot: 0)
      let numbers = unsafe info.dtype.numbers(in: bytes)
      reader.close(slot: 0)
      guard numbers.allSatisfy({ $0.isFinite }) else {
        throw CheckpointError(
          .malformed(found: "a coefficient is not finite", expected: "finite numbers"), file: path,
          tensor: info.name)
      }
      return numbers
    }
  }

  /// What does not fit the models of a node and their tensors, a sentence each.
  func complaints(models: [String], catalogue: Catalogue) -> [String] {
    switch content {
    case .table(let table):
      let unknown = table.keys.filter { !models.contains($0) }.sorted().map { name in
        "has coefficients for \(MessageText.quoted(name)), expected \(Wording.list(Array(Set(models)).sorted()))"
      }
      let lacking = Set(models).filter { table[$0] == nil }.sorted().map { name in
        "has no coefficients for \(MessageText.quoted(name)), expected some for every model"
      }
      return unknown + lacking + strangers(Set(table.values.flatMap(\.keys)).sorted(), catalogue)
    case .rows(let checkpoint):
      let misshapen = checkpoint.catalogue.tensors.filter { tensor in
        !(1...2).contains(tensor.shape.extents.count) || tensor.shape.extents[0] != models.count
          || !tensor.dtype.isMergeable
      }
      return misshapen.prefix(3).map { tensor in
        "has \(tensor.dtype.rawValue) \(tensor.shape) for \(MessageText.quoted(tensor.name)), "
          + "expected floating-point numbers of shape [\(models.count)] or [\(models.count), n] for as many models"
      } + strangers(checkpoint.catalogue.tensors.map(\.name), catalogue)
    }
  }

  private func strangers(_ names: [String], _ catalogue: Catalogue) -> [String] {
    let unknown = names.filter { $0 != Self.everyTensor && catalogue[$0] == nil }
    guard let first = unknown.first else { return [] }
    let more = unknown.count > 1 ? " and \(unknown.count - 1) more" : ""
    return ["has coefficients for tensor \(MessageText.quoted(first))\(more), which the models do not have"]
  }

  // MARK: - JSON

  /// A value that is not what belongs at its place.
  private struct Misfit: Error {
    let value: JSONValue
    let expected: String
    var found: String { "found \(Wording.found(value))" }
  }

  private static func table(_ root: JSONValue) throws(Misfit) -> [String: [String: [Double]]] {
    guard let models = root.object else { throw Misfit(value: root, expected: "an object of models") }
    var table: [String: [String: [Double]]] = [:]
    for model in models {
      guard let tensors = model.value.object else {
        let expected = "a number for all tensors, or an object of tensors"
        guard let number = model.value.double else { throw Misfit(value: model.value, expected: expected) }
        table[model.key] = [everyTensor: [number]]
        continue
      }
      var numbers: [String: [Double]] = [:]
      for tensor in tensors { numbers[tensor.key] = try list(tensor.value) }
      table[model.key] = numbers
    }
    return table
  }

  /// A number, or an array of some.
  private static func list(_ value: JSONValue) throws(Misfit) -> [Double] {
    var numbers: [Double] = []
    for element in value.array ?? [value] {
      guard let number = element.double else { throw Misfit(value: element, expected: "a finite number") }
      numbers.append(number)
    }
    guard !numbers.isEmpty else { throw Misfit(value: value, expected: "at least one number") }
    return numbers
  }

  private static func position(_ offset: Int, _ text: [UInt8]) -> CheckpointError.Position {
    let (line, column) = JSON.position(of: offset, in: text)
    return CheckpointError.Position(line: line, column: column)
  }
}
