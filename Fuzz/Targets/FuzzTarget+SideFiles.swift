import TestSupport
import WeirTensors

@testable import WeirIO

extension FuzzTarget {
  static func tokenizer(_ bytes: [UInt8]) {
    for name in ["tokenizer.json", "vocab.json"] {
      do throws(CheckpointError) {
        let found = try Vocabulary.read("x") { (file) throws(CheckpointError) in
          guard file == name else { throw CheckpointError(.notFound, file: file) }
          return bytes
        }
        guard let found else { return promise(false, "a file that is there is read") }
        promise(found.rows.values.allSatisfy { (0..<found.rowCount).contains($0) }, "rows are counted")
        promise(Set(found.rows.values).count == found.rows.count, "a row is one token's")
        promise(found.added.allSatisfy { found.rows[$0.content] == $0.row }, "added tokens are tokens")
      } catch {
        promise(isOneLine(error.description), "a message is one line")
      }
    }
  }

  static func adapter(_ bytes: [UInt8], in folder: String) {
    let path = "\(folder)/adapter_config.json"
    try? writeFile(path, bytes)
    do throws(CheckpointError) {
      let config = try AdapterConfig(path)
      promise((1...AdapterConfig.mostRank).contains(config.rank), "ranks are bounded")
    } catch {
      promise(isOneLine(error.description), "a message is one line")
    }
  }

  static func manifest(_ bytes: [UInt8], in folder: String) {
    let path = "\(folder)/\(Manifest.fileName)"
    try? writeFile(path, bytes)
    do throws(CheckpointError) {
      let manifest = try Manifest.read(path)
      promise(manifest.files.allSatisfy { PathText.isPlainName($0.name) }, "files are in the folder")
      // Written and read again it says the same.
      try? writeFile(path, manifest.json)
      promise((try? Manifest.read(path))?.tensors == manifest.tensors, "what is written of a manifest says the same")
    } catch {
      promise(isOneLine(error.description), "a message is one line")
    }
  }
}
