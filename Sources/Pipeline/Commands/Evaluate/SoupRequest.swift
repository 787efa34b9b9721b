internal import WeirIO
internal import WeirTensors

/// A greedy soup: models are averaged for as long as a score of the user's improves.
///
///     sort by score; soup = {best}; for each next model: keep it if score(mean(soup + model)) > score(soup)
///
/// The average is always that of the models themselves, never of an earlier average, so that nothing is rounded twice.
///
/// - Source: Wortsman et al., 2022, “Model soups”, arXiv:2203.05482, Recipe 1. Differs: of models with one score the one that
///   was named first comes first; the original's sort takes the last.
public struct SoupRequest: Sendable {
  /// Which scores a model must reach to stay in.
  public enum Acceptance: String, CaseIterable, Sendable {
    /// Better than without it, as in the paper.
    case better = "gt"
    /// Not worse than without it.
    case notWorse = "ge"
  }

  public var models: [String]
  public var evaluator: Evaluator
  public var acceptance: Acceptance
  public var output: MadeOutput

  public init(
    models: [String], evaluator: Evaluator, acceptance: Acceptance = .better, output: MadeOutput
  ) {
    self.models = models
    self.evaluator = evaluator
    self.acceptance = acceptance
    self.output = output
  }

  /// The pipeline that averages some of the models into a place.
  private func mean(of models: [String], to path: String) -> PipelineText {
    var names = SourceNames()
    let inputs = models.map { names.name(of: $0) }
    var output = output
    output.path = path
    let selection = MadePipeline.selection(output)
    guard inputs.count > 1 else {
      return MadePipeline.text(names, graph: [], from: inputs[0], output, members: selection)
    }
    let node = JSONValue.object(
      [("op", .string("mean")), ("inputs", .array(inputs.map { .string($0) }))] + selection)
    return MadePipeline.text(names, graph: [(MadePipeline.node, node)], from: MadePipeline.node, output)
  }

  /// Finds out which models belong in; the soup itself is then made by ``SoupReport/pipeline``.
  ///
  /// - Parameters:
  ///   - wish: asked whether all should end.
  ///   - note: told of each score as it comes.
  /// - Throws: ``PipelineError`` of kind `request` where the models are too few, are no models or cannot be averaged, `run`
  ///   where one of them cannot be scored, `interrupted`.
  public func run(
    options: RunOptions = RunOptions(), wish: Progress, note: (String) -> Void = { _ in }
  ) throws(PipelineError) -> SoupReport {
    try check()
    // What cannot be averaged is told before an hour of scoring.
    let whole = mean(of: models, to: output.path)
    do throws(PipelineError) {
      _ = try whole.plan(try whole.parse(), options: options)
    } catch {
      throw whole.worded(error)
    }
    let isFile = output.path.hasSuffix(".safetensors")
    let trials = try Trials(
      beside: output.path, isFile: isFile, inputs: models, evaluator, options: options, wish: wish)
    var scores: [(model: String, score: Double)] = []
    for model in models {
      switch try trials.score(model) {
      case .score(let score):
        note("\(model): \(Score.text(score))")
        scores.append((model, score))
      case .failure(let reason):
        throw PipelineError(.run, "\(MessageText.escaped(model)): the command gave no score: \(reason)")
      }
    }
    let ranked = scores.enumerated().sorted { left, right in
      evaluator.isBetter(left.element.score, than: right.element.score)
        || (left.element.score == right.element.score && left.offset < right.offset)
    }.map(\.element)
    var report = SoupReport(best: ranked[0].model, score: ranked[0].score, acceptance: acceptance)
    // As the models themselves are, whose form the command knows.
    let name = models[0].hasSuffix(".safetensors") ? "candidate.safetensors" : "candidate"
    for (model, alone) in ranked.dropFirst() {
      try trials.run(mean(of: report.ingredients + [model], to: trials.path(name)))
      let outcome = try trials.score(trials.path(name))
      let isTaken = outcome.score.map { accepts($0, over: report.score) } ?? false
      report.add(SoupReport.Step(model: model, alone: alone, together: outcome, isTaken: isTaken))
      note("with \(model): \(Score.text(outcome))\(isTaken ? ", taken" : "")")
    }
    trials.remove(name)
    report.pipeline = mean(of: report.ingredients, to: output.path)
    return report
  }

  private func check() throws(PipelineError) {
    var problems: [String] = []
    if models.count < 2 {
      problems.append(
        "\(models.isEmpty ? "the models are missing" : "one model is given"), expected two or more to choose from")
    }
    for (place, model) in models.enumerated() where models[..<place].contains(model) {
      problems.append("\(MessageText.quoted(model)) is named twice, expected once")
    }
    if output.path.hasSuffix(ArchiveSpec.suffix) {
      problems.append(
        "-o is \(MessageText.quoted(output.path)), an archive, expected a folder or a '.safetensors' file; 'weir compress' "
          + "makes archives")
    }
    if !problems.isEmpty { throw PipelineError(.request, problems.map { Diagnostic($0) }) }
  }

  private func accepts(_ score: Double, over best: Double) -> Bool {
    evaluator.isBetter(score, than: best) || (acceptance == .notWorse && score == best)
  }
}

/// Scores in words.
enum Score {
  static func text(_ score: Double) -> String {
    let plain = Figure.plain(score)
    guard plain.count > 9 else { return plain }
    let text = Figure.text(score, digits: 6)
    guard text.contains("."), !text.contains("e") else { return text }
    return String(text.reversed().drop { $0 == "0" }.reversed())
  }

  static func text(_ outcome: Evaluator.Outcome) -> String {
    switch outcome {
    case .score(let score): text(score)
    case .failure(let reason): "no score (\(reason))"
    }
  }
}
