internal import WeirIO

/// In what the configs and chat templates of two models differ.
struct SideFileComparison {
  typealias Finding = CompatibilityCheck.Finding

  private let first: Checkpoint
  private let other: Checkpoint

  /// Keys of a config that say nothing about what the weights mean.
  private static let meaningless: Set = [
    "_name_or_path", "torch_dtype", "dtype", "transformers_version", "use_cache", "auto_map", "quantization_config",
    "_attn_implementation_autoset",
  ]
  private static let listed = 8
  private static let maximumByteCount = 256 << 20

  init(_ first: Checkpoint, _ other: Checkpoint) {
    self.first = first
    self.other = other
  }

  var findings: [Finding] { configs + templates }

  /// The bytes of a side file, `nil` where there is none that can be read.
  static func text(_ name: String, of model: Checkpoint) -> [UInt8]? {
    try? TextFile.read("\(model.folder)/\(name)", maximumByteCount: maximumByteCount)
  }

  private var configs: [Finding] {
    guard let a = first.config, let b = other.config else {
      guard let without = first.config == nil ? first : other.config == nil ? other : nil,
        first.config != nil || other.config != nil
      else { return [] }
      return [Finding(severity: .note, message: "\(MessageText.quoted(without.path)) has no config.json to compare")]
    }
    var keys = (a.object ?? []).map(\.key)
    keys += (b.object ?? []).map(\.key).filter { a[$0] == nil }
    let differing = keys.filter { key in
      !Self.meaningless.contains(key) && a[key].map { JSON.text($0) } != b[key].map { JSON.text($0) }
    }
    var findings = differing.prefix(Self.listed).map { key in
      Finding(
        severity: .warning,
        message: "config \(MessageText.quoted(key)) is \(Self.shown(a[key])) in \(MessageText.quoted(first.path)) and "
          + "\(Self.shown(b[key])) in \(MessageText.quoted(other.path))")
    }
    if differing.count > Self.listed {
      findings.append(
        Finding(
          severity: .warning,
          message:
            "\(differing.count - Self.listed) more keys of the configs of \(MessageText.quoted(first.path)) and \(MessageText.quoted(other.path)) differ"
        ))
    }
    return findings
  }

  private static func shown(_ value: JSONValue?) -> String {
    guard let value else { return "absent" }
    let text = MessageText.escaped(JSON.text(value))
    return text.count > 40 ? "\(text.prefix(40))…" : text
  }

  private var templates: [Finding] {
    let templates = [first, other].map(Self.template)
    switch (templates[0], templates[1]) {
    case (let a?, let b?) where a != b:
      return [
        warning("the chat templates of \(MessageText.quoted(first.path)) and \(MessageText.quoted(other.path)) differ")
      ]
    case (nil, _?):
      return [
        warning("\(MessageText.quoted(other.path)) has a chat template, \(MessageText.quoted(first.path)) has none")
      ]
    case (_?, nil):
      return [
        warning("\(MessageText.quoted(first.path)) has a chat template, \(MessageText.quoted(other.path)) has none")
      ]
    default: return []
    }
  }

  private func warning(_ message: String) -> Finding { Finding(severity: .warning, message: message) }

  private static func template(of model: Checkpoint) -> String? {
    ChatTemplate.template { text($0, of: model) }
  }
}
