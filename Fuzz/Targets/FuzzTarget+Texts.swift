import TestSupport
import WeirTensors

@testable import WeirIO
@testable import WeirPipeline

extension FuzzTarget {
  static func json(_ bytes: [UInt8]) {
    guard let value = try? JSON.parse(bytes) else { return }
    let text = Array(JSON.text(value, indent: 2).utf8)
    guard let again = try? JSON.parse(text) else {
      return promise(false, "what is written of a JSON text can be read")
    }
    promise(Array(JSON.text(again, indent: 2).utf8) == text, "what is written of a JSON text says the same")
  }

  static func header(_ bytes: [UInt8]) {
    guard let header = try? SafetensorsHeader.parse(bytes, fileByteCount: nil, file: "x") else { return }
    var end = 8 + bytes.count
    var names: Set<String> = []
    for (tensor, range) in zip(header.tensors, header.ranges) {
      promise(range.lowerBound == end, "tensors follow each other")
      promise(range.count == tensor.byteCount, "a tensor has the bytes that its type and shape take")
      promise(SafetensorsHeader.problem(withName: tensor.name) == nil, "names are sound")
      promise(names.insert(tensor.name).inserted, "names are told apart")
      end = range.upperBound
    }
    for change in -1...1 {
      let again = try? SafetensorsHeader.parse(bytes, fileByteCount: end + change, file: "x")
      promise((again != nil) == (change == 0), "the size follows from the header")
    }
  }

  static func index(_ bytes: [UInt8], in folder: String) {
    try? writeFile("\(folder)/model.safetensors.index.json", bytes)
    guard let checkpoint = try? Checkpoint.open(folder, policy: .read) else { return }
    for file in checkpoint.files {
      promise(file.path.hasPrefix("\(folder)/"), "shards lie in the folder")
      promise(!file.path.dropFirst(folder.utf8.count + 1).contains("/"), "shards lie directly in the folder")
    }
    for (tensor, place) in zip(checkpoint.catalogue.tensors, checkpoint.locations) {
      promise(place.bytes.count == tensor.byteCount, "a tensor has the bytes that its type and shape take")
      promise(place.bytes.upperBound <= checkpoint.files[place.file].byteCount, "tensors lie in their file")
    }
  }

  static func config(_ bytes: [UInt8]) {
    _ = VocabularyCheck.tokens(bytes)
    guard let config = try? JSON.parse(bytes, limits: JSONLimits(acceptsNonFinite: true)) else { return }
    _ = Quantisation.description(config: config, catalogue: Catalogue([]))
    for sources in [[0, 1, 1, 2], [], [0, 1, 2], [7, 3]] {
      let patch = ConfigPatch(dtype: .bf16, layers: ConfigPatch.Layers(sourceCount: 3, sources: sources))
      let result = patch.applied(to: config)
      for note in result.notes { promise(isOneLine(note), "a note is one line") }
      let again = try? JSON.parse(result.bytes(original: bytes), limits: JSONLimits(acceptsNonFinite: true))
      promise(again != nil, "a patched config can be read")
    }
  }

  static func pipeline(_ bytes: [UInt8]) {
    do throws(PipelineError) {
      // A recipe, too: its text is told by its first bytes.
      let spec = try PipelineText.standardInput(bytes, outputPath: "out").parse()
      // Plans open sources; none of them is there, and nothing is written.
      promise(!spec.outputs.isEmpty, "a pipeline has outputs")
    } catch {
      promise(!error.diagnostics.isEmpty, "a refusal has a reason")
      for diagnostic in error.diagnostics { promise(isOneLine(diagnostic.description), "a message is one line") }
    }
  }

  static func coefficients(_ bytes: [UInt8], in folder: String) {
    let path = "\(folder)/coefficients.json"
    try? writeFile(path, bytes)
    do {
      let file = try CoefficientFile(path, policy: .read, maximumHeaderBytes: 1 << 20)
      for line in file.complaints(models: ["a", "b"], catalogue: Catalogue([])) {
        promise(isOneLine(line), "a complaint is one line")
      }
      let numbers = try file.numbers(of: "a", row: 0, tensor: "x") ?? []
      promise(numbers.allSatisfy { $0.isFinite }, "coefficients are finite")
    } catch {
      promise(isOneLine("\(error)"), "a message is one line")
    }
  }
}
