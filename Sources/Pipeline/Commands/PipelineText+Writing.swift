internal import WeirIO

extension PipelineText {
  /// Writes the pipeline into a file, complete or not at all; paths in it start at the file's folder then.
  ///
  /// - Parameter overwrite: whether an earlier file may be replaced.
  /// - Throws: ``PipelineError`` of kind `request` where it cannot be written.
  public func write(to path: String, overwrite: Bool = false) throws(PipelineError) {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    let text = Array((JSON.text(moved(to: folder), indent: 2) + "\n").utf8)
    try Plan.run(.request) { () throws(CheckpointError) in
      let inputs = file.map { [$0] } ?? []
      let output = try OutputFolder(finalPath: path, isFile: true, overwrite: overwrite, inputs: inputs)
      try output.addFile(output.finalName, bytes: text)
      try output.commit()
    }
  }

  /// The pipeline with its paths as they are from another folder: those within it without its name, others in full.
  private func moved(to folder: String) -> JSONValue {
    guard let root = try? JSON.parse(bytes) else { return .null }
    guard !folder.isEmpty, folder != "./", let sources = root["sources"]?.object else { return root }
    let here = ModelCache.realPath(".") ?? "."
    func moved(_ path: String) -> String {
      if path.hasPrefix("/") { return path }
      return path.hasPrefix(folder) ? String(path.dropFirst(folder.count)) : "\(here)/\(path)"
    }
    let paths = sources.map { member -> JSONMember in
      if let path = member.value.string { return JSONMember(key: member.key, value: .string(moved(path))) }
      var value = member.value
      for key in ["path", "adapter"] {
        if let path = value[key]?.string { value = value.setting(key, to: .string(moved(path))) }
      }
      return JSONMember(key: member.key, value: value)
    }
    return root.setting("sources", to: JSONValue(.object(paths)))
  }
}
