public import WeirIO
internal import WeirTensors

extension CompatibilityCheck {
  /// The models, what was found, and the verdict.
  public var text: String {
    var table = TextTable([
      .left("model"), .left("type"), .right("tensors"), .right("parameters"), .left("dtype"), .right("size"),
    ])
    for model in models {
      let catalogue = model.checkpoint.catalogue
      table.add([
        model.checkpoint.path, model.checkpoint.config?["model_type"]?.string ?? "unknown",
        "\(catalogue.tensors.count)", Count.text(catalogue.elementCount),
        model.dtypes.map(\.name).joined(separator: ", "), Quantity.text(catalogue.byteCount),
      ])
    }
    var list = TextTable([.left(""), .left("")])
    for finding in findings { list.add([finding.severity.rawValue, finding.message]) }
    return [table.text(), findings.isEmpty ? "" : list.text(), "\(verdict)\n"].filter { !$0.isEmpty }
      .joined(separator: "\n")
  }

  private var verdict: String {
    let errors = findings.count { $0.severity == .error }
    let warnings = findings.count { $0.severity == .warning }
    if errors > 0 { return "cannot be merged: \(Wording.count(errors, "error"))" }
    return warnings > 0 ? "can be merged, with \(Wording.count(warnings, "warning"))" : "can be merged"
  }

  /// The same for programs.
  public var json: JSONValue {
    let models = models.map { model -> JSONValue in
      let catalogue = model.checkpoint.catalogue
      return .object([
        ("path", .string(model.checkpoint.path)),
        ("model_type", model.checkpoint.config?["model_type"] ?? .null),
        ("tensors", .number(catalogue.tensors.count)), ("parameters", .number(catalogue.elementCount)),
        ("dtypes", .array(model.dtypes.map { .string($0.name) })), ("bytes", .number(catalogue.byteCount)),
      ])
    }
    let findings = findings.map { finding -> JSONValue in
      .object([("severity", .string(finding.severity.rawValue)), ("message", .string(finding.message))])
    }
    return .object([
      ("can_be_merged", .bool(canBeMerged)), ("models", .array(models)), ("findings", .array(findings)),
    ])
  }
}
