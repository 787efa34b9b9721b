import Foundation
import WeirPipeline

/// What parsing says of a text: its errors, or else its warnings, a line each.
func complaints(
  _ text: String, file: String? = "p.json", overrides: [String: String] = [:], output: String? = nil
) -> [String] {
  do {
    let spec = try PipelineSpec.parse(
      text: Array(text.utf8), file: file, overrides: overrides, outputPath: output)
    return spec.warnings.map { "warning: \($0)" }
  } catch {
    return error.diagnostics.map(\.description)
  }
}

/// Parses a text that is right.
func parse(
  _ text: String, folder: String = "", overrides: [String: String] = [:], output: String? = nil
) throws(PipelineError) -> PipelineSpec {
  try PipelineSpec.parse(
    text: Array(text.utf8), file: "p.json", folder: folder, overrides: overrides, outputPath: output)
}

/// A pipeline of one node `n` over the sources `base`, `a`, `b` (weights) and `d` (a delta); the node starts at 5:8.
func pipeline(node: String, outputs: String = #"[{"from": "n", "to": "out"}]"#, more: String = "") -> String {
  """
  {
    "weir": 1,\(more)
    "sources": {"base": "m/base", "a": "m/a", "b": "m/b", "d": {"path": "m/d", "space": "delta"}},
    "graph": {
      "n": \(node)
    },
    "outputs": \(outputs)
  }
  """
}

/// The place of a file of the repository.
func repositoryURL(_ path: String, from file: String = #filePath) -> URL {
  var root = URL(fileURLWithPath: file)
  while root.path != "/", !FileManager.default.fileExists(atPath: root.appending(path: "Package.swift").path) {
    root.deleteLastPathComponent()
  }
  return root.appending(path: path)
}

/// The text of a file of the repository, `nil` where there is none.
func repositoryFile(_ path: String) -> String? { try? String(contentsOf: repositoryURL(path), encoding: .utf8) }

/// Whether a generated document is as it would be generated now; with WEIR_WRITE_DOCS set it is written first.
func isCurrent(_ path: String, _ text: String) throws -> Bool {
  if ProcessInfo.processInfo.environment["WEIR_WRITE_DOCS"] != nil {
    try FileManager.default.createDirectory(
      at: repositoryURL(path).deletingLastPathComponent(), withIntermediateDirectories: true)
    try text.write(to: repositoryURL(path), atomically: true, encoding: .utf8)
  }
  return repositoryFile(path) == text
}
