/// The `README.md` of an output: what it was made of, for people and for model hubs, and the pipeline that makes it again.
public struct ModelCard: Sendable {
  /// The heading: the output's name.
  public var title: String

  /// The models that went in, by the names that a hub knows them by where there are such, without repetition.
  public var baseModels: [String]

  /// The methods used, as a pipeline names them.
  public var methods: [String]

  /// The pipeline's text, as it was run.
  public var pipeline: String

  /// The library that loads the output; `nil` for none.
  public var libraryName: String?

  public init(
    title: String, baseModels: [String], methods: [String] = [], pipeline: String, libraryName: String? = "transformers"
  ) {
    self.title = title
    self.baseModels = baseModels
    self.methods = methods
    self.pipeline = pipeline
    self.libraryName = libraryName
  }

  /// The whole text, front matter first.
  public var text: String {
    var lines = ["---"]
    if !baseModels.isEmpty { lines += ["base_model:"] + unique(baseModels).map { "- \(Self.yaml($0))" } }
    if let libraryName { lines.append("library_name: \(Self.yaml(libraryName))") }
    lines += ["tags:", "- weir", "- merge", "---", "", "# \(MessageText.escaped(title))", ""]
    if baseModels.isEmpty {
      lines += ["These weights were made with Weir."]
    } else {
      lines += ["These weights were made with Weir from:", ""]
      lines += unique(baseModels).map { "- \(Self.code($0))" }
    }
    if !methods.isEmpty { lines += ["", "Methods: " + unique(methods).map(Self.code).joined(separator: ", ") + "."] }
    let fence = Self.fence(around: pipeline)
    lines += ["", "## Pipeline", "", "The same models and this pipeline give the same bytes again:", ""]
    lines += ["\(fence)json", pipeline.hasSuffix("\n") ? String(pipeline.dropLast()) : pipeline, fence, ""]
    return lines.joined(separator: "\n")
  }

  /// The bytes of ``text``.
  public var bytes: [UInt8] { Array(text.utf8) }

  /// What to call the model at a path: `owner/name` in a model cache, else the folder's or the file's own name.
  public static func modelName(of path: String) -> String {
    let parts = path.split(separator: "/").map(String.init)
    if let cached = parts.last(where: { $0.hasPrefix("models--") }) {
      // `--` stands between owner and name; single hyphens belong to them.
      let name = cached.dropFirst("models--".count)
      guard let mark = name.firstRange(of: "--") else { return String(name) }
      return "\(name[..<mark.lowerBound])/\(name[mark.upperBound...])"
    }
    guard let last = parts.last else { return path }
    guard let suffix = [".safetensors.index.json", ".safetensors"].first(where: last.hasSuffix) else { return last }
    let stem = String(last.dropLast(suffix.count))
    let isUsualName = stem == "model" || stem.hasPrefix("model-0")
    return isUsualName && parts.count > 1 ? parts[parts.count - 2] : stem
  }

  /// A YAML scalar that can be nothing but this string.
  private static func yaml(_ text: String) -> String {
    let words: Set = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
    let isPlain =
      text.first.map { $0.isASCII && $0.isLetter } == true && !words.contains(text.lowercased())
      && text.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x2F, 0x5F: true
        default: false
        }
      }
    return isPlain ? text : JSON.quoted(text)
  }

  private static func code(_ text: String) -> String {
    "`" + MessageText.escaped(String(text.map { $0 == "`" ? "'" : $0 })) + "`"
  }

  /// A fence longer than any run of backticks in the text.
  private static func fence(around text: String) -> String {
    var longest = 0
    var run = 0
    for byte in text.utf8 {
      run = byte == 0x60 ? run + 1 : 0
      longest = max(longest, run)
    }
    return String(repeating: "`", count: max(3, longest + 1))
  }

  private func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }
}
