public import WeirIO
internal import WeirTensors

/// What a search over the codec's parameters has tried, and what came of it.
public struct SearchReport: Sendable {
  /// One model that was scored.
  public struct Trial: Sendable {
    public enum Model: Hashable, Sendable {
      case base
      case tuned
      /// The base and the uncompressed change, this many times.
      case scaled(Double)
      /// The codec with these parameters, as far as it has them and they were not given.
      case candidate(density: Double?, alpha: Double?)
    }

    public let model: Model
    /// Bytes of the archive, or of the model itself.
    public let byteCount: Int?
    public let bitsPerParameter: Double?
    /// `nil` where it was not scored, because the archive is too large.
    public let outcome: Evaluator.Outcome?

    /// Why it has no score.
    var reason: String {
      switch outcome {
      case .score: ""
      case .failure(let reason): reason
      case nil: "too large"
      }
    }
  }

  /// The codec's name.
  public let codec: String
  /// In the order in which they were tried.
  public internal(set) var trials: [Trial] = []
  /// All candidates that there are.
  public let candidateCount: Int
  /// Whether all of them were to be tried.
  public let isExhaustive: Bool
  /// The place of the best candidate in ``trials``; `nil` where none has a score.
  public internal(set) var winner: Int?
  /// What makes the archive of the best candidate.
  public internal(set) var pipeline: PipelineText?

  init(codec: String, candidateCount: Int, isExhaustive: Bool) {
    self.codec = codec
    self.candidateCount = candidateCount
    self.isExhaustive = isExhaustive
  }

  private func score(of model: Trial.Model) -> Double? {
    trials.first { $0.model == model }?.outcome?.score
  }

  /// How much of what the fine-tune gained over its base a score keeps; `nil` where that has no meaning.
  private func gain(_ score: Double) -> Double? {
    guard let base = self.score(of: .base), let tuned = self.score(of: .tuned), base != tuned else { return nil }
    return (score - base) / (tuned - base)
  }

  /// Everything that was tried, in a table, and what the search did.
  public var text: String {
    let hasGain = score(of: .base).flatMap(gain) != nil
    var table = TextTable(
      [
        .left("model"), .right("density"), .right("alpha"), .right("bits per parameter"), .right("size"),
        .right("score"),
      ]
        + (hasGain ? [.right("gain kept")] : []) + [.left("")])
    for (place, trial) in trials.enumerated() {
      var row = Self.name(of: trial.model, codec)
      row.append(trial.bitsPerParameter.map { Figure.text($0, digits: 3) } ?? "–")
      row.append(trial.byteCount.map(Quantity.text) ?? "–")
      row.append(trial.outcome?.score.map { Score.text($0) } ?? "none")
      if hasGain { row.append(trial.outcome?.score.flatMap(gain).map { "\(Int(($0 * 100).rounded())) %" } ?? "–") }
      table.add(row + [place == winner ? "← best" : trial.reason])
    }
    return "\(table.text())\n\(method)\n"
  }

  private static func name(of model: Trial.Model, _ codec: String) -> [String] {
    switch model {
    case .base: ["base", "", ""]
    case .tuned: ["fine-tune", "", ""]
    case .scaled(let scale): ["its change × \(Figure.plain(scale))", "", ""]
    case .candidate(let density, let alpha):
      [codec, density.map(Figure.plain) ?? "as given", alpha.map(Figure.plain) ?? "as given"]
    }
  }

  private var method: String {
    let tried = trials.count { trial in
      if case .candidate = trial.model { trial.outcome != nil } else { false }
    }
    let how =
      isExhaustive || tried == candidateCount
      ? "all of them that fit the size"
      : "from the largest density down, uphill over alpha from the best one of the density before; --grid tries all"
    return "\(tried) of \(candidateCount) candidates scored: \(how)"
  }

  /// The same, for programs.
  public var json: JSONValue {
    let rows = trials.enumerated().map { place, trial -> JSONValue in
      var members: [(String, JSONValue)] = []
      switch trial.model {
      case .base: members.append(("model", .string("base")))
      case .tuned: members.append(("model", .string("tuned")))
      case .scaled(let scale): members += [("model", .string("scaled")), ("scale", .number(scale))]
      case .candidate(let density, let alpha):
        members.append(("model", .string("candidate")))
        if let density { members.append(("density", .number(density))) }
        if let alpha { members.append(("alpha", .number(alpha))) }
      }
      members += [
        ("bytes", trial.byteCount.map { .number($0) } ?? .null),
        ("bits_per_parameter", trial.bitsPerParameter.map { .number($0) } ?? .null),
        ("score", trial.outcome?.score.map { .number($0) } ?? .null),
      ]
      if !trial.reason.isEmpty { members.append(("failure", .string(trial.reason))) }
      return .object(members + [("best", .bool(place == winner))])
    }
    return .object([
      ("codec", .string(codec)), ("trials", .array(rows)), ("candidates", .number(candidateCount)),
      ("exhaustive", .bool(isExhaustive)),
    ])
  }
}
