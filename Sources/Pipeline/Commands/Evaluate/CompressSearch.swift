internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// A search for the density and the alpha of a codec that a score of the user's likes best.
///
/// Every candidate is made as it would be shipped: its archive is written into a hidden folder beside the output and applied
/// there, and the model that comes out is scored. Beside the candidates stand the fine-tune itself, its base, and the
/// uncompressed change at other scales: a larger alpha is also a longer step along the change, which helps by itself where a
/// fine-tune was cut short.
public struct CompressSearch: Sendable {
  public var request: CompressRequest
  public var evaluator: Evaluator
  /// The densities and alphas to choose from, where the codec has them and they are not given.
  public var densities = CompressSearch.standardDensities
  public var alphas = CompressSearch.standardAlphas
  /// Scales of the uncompressed change.
  public var scales = CompressSearch.standardScales
  /// Whether every candidate is tried.
  public var isExhaustive = false

  /// The grids of Yadav et al., 2023, “ComPEFT”, arXiv:2311.13171.
  public static let standardDensities = [0.05, 0.1, 0.2, 0.3, 0.5]
  public static let standardAlphas = [0.5, 1, 2, 3, 4, 5, 6, 8, 10]
  public static let standardScales = [0.5, 0.75, 1.25, 1.5, 2]

  public init(request: CompressRequest, evaluator: Evaluator) {
    self.request = request
    self.evaluator = evaluator
  }

  /// What the request says, once it is known to make sense.
  private struct Subject {
    let declaration: MethodDeclaration
    let base: String?
    let tuned: String
    let targetBytes: Int?
    let densities: [Double?]
    let alphas: [Double?]
  }

  /// Tries candidates.
  ///
  /// - Parameters:
  ///   - wish: asked whether all should end.
  ///   - note: told of each score as it comes.
  /// - Throws: ``PipelineError`` of kind `request` where the request has no sense, `run` where the fine-tune cannot be scored or
  ///   a candidate cannot be made, `interrupted`.
  public func run(
    options: RunOptions = RunOptions(), wish: Progress, note: (String) -> Void = { _ in }
  ) throws(PipelineError) -> SearchReport {
    let subject = try subject(options)
    let trials = try Trials(
      beside: request.output.path, isFile: true, inputs: [subject.base, subject.tuned].compactMap { $0 }, evaluator,
      options: options, wish: wish)
    var report = SearchReport(
      codec: subject.declaration.name, candidateCount: subject.densities.count * subject.alphas.count,
      isExhaustive: isExhaustive)
    try scoreUncompressed(subject, trials, options, &report, note)
    try scoreCandidates(subject, trials, &report, note)
    report.winner = report.trials.indices.filter { place in
      if case .candidate = report.trials[place].model { report.trials[place].outcome?.score != nil } else { false }
    }.reduce(nil) { (best: Int?, place) in
      best.map { isBetter(report.trials[place], than: report.trials[$0]) ? place : $0 } ?? place
    }
    if let winner = report.winner, case .candidate(let density, let alpha) = report.trials[winner].model {
      report.pipeline = try candidate(density, alpha, path: request.output.path).pipeline()
    }
    return report
  }

  // MARK: The request

  private func subject(_ options: RunOptions) throws(PipelineError) -> Subject {
    let declaration = request.codec.flatMap(Codecs.named) ?? Codecs.standard
    let flags = ParameterFlags(request.words, of: Codecs.all, general: [])
    func isFree(_ name: String) -> Bool { declaration[parameter: name] != nil && !flags.gives(name) }
    let densities: [Double?] = isFree("density") ? self.densities.sorted(by: >) : [nil]
    let alphas: [Double?] = isFree("alpha") ? self.alphas.sorted() : [nil]
    // The request itself says all that is wrong with it, the first candidate what is wrong with the lists.
    _ = try Self.planned(try candidate(nil, nil, path: request.output.path).pipeline(), options)
    var problems: [String] = []
    if densities == [nil], alphas == [nil] {
      let names = ["density", "alpha"].filter { declaration[parameter: $0] != nil }
      problems.append(
        names.isEmpty
          ? "--evaluate searches density and alpha, and \(MessageText.quoted(declaration.name)) has neither; drop it"
          : "--evaluate searches density and alpha, and nothing is left to search; drop --"
            + names.joined(separator: " or --"))
    }
    for (name, numbers) in [("density", densities), ("alpha", alphas), ("scale", scales.map(Optional.some))] {
      guard numbers.isEmpty || numbers.contains(where: { !Self.isAllowed($0, name, declaration) }) else { continue }
      let flag = name == "density" ? "--densities" : "--\(name)s"
      problems.append("\(flag) has no or unusable numbers, expected \(Self.range(of: name, declaration))")
    }
    let targetBytes = request.targetSize.flatMap { Quantity.bytes($0) }
    if request.targetSize != nil, targetBytes == nil || targetBytes == 0 {
      problems.append(
        "--target-size is \(MessageText.quoted(request.targetSize ?? "")), expected a size such as '500MB'")
    }
    if !problems.isEmpty { throw PipelineError(.request, problems.map { Diagnostic($0) }) }
    let paths = flags.positional
    return Subject(
      declaration: declaration, base: paths.count == 2 ? paths[0] : nil, tuned: paths[paths.count - 1],
      targetBytes: targetBytes, densities: densities, alphas: alphas)
  }

  private static func isAllowed(_ number: Double?, _ name: String, _ declaration: MethodDeclaration) -> Bool {
    guard let number else { return true }
    guard case .number(let bounds) = declaration[parameter: name]?.kind else { return number > 0 && number.isFinite }
    return bounds.contains(number)
  }

  private static func range(of name: String, _ declaration: MethodDeclaration) -> String {
    guard case .number(let bounds) = declaration[parameter: name]?.kind else { return "numbers above 0" }
    return "numbers in \(bounds)"
  }

  private static func planned(_ text: PipelineText, _ options: RunOptions) throws(PipelineError) -> Plan {
    do throws(PipelineError) {
      return try text.plan(try text.parse(), options: options)
    } catch {
      throw text.worded(error)
    }
  }

  /// The request with parameters of the codec, for an archive at a path; sizes are looked at afterwards.
  private func candidate(_ density: Double?, _ alpha: Double?, path: String) -> CompressRequest {
    var candidate = request
    candidate.output.path = path
    candidate.targetSize = nil
    // In front: what follows a '--' is taken for models.
    if let alpha { candidate.words.insert("--alpha=\(Figure.plain(alpha))", at: 0) }
    if let density { candidate.words.insert("--density=\(Figure.plain(density))", at: 0) }
    return candidate
  }

  // MARK: Trials

  private static let archiveName = "candidate" + ArchiveSpec.suffix

  /// The name of what is scored: a file where the fine-tune is one.
  private func modelName(_ subject: Subject) -> String {
    let isFile = subject.tuned.hasSuffix(".safetensors") && !subject.tuned.hasSuffix(ArchiveSpec.suffix)
    return isFile ? "model.safetensors" : "model"
  }

  /// Scores the fine-tune, its base, and the uncompressed change at other scales.
  private func scoreUncompressed(
    _ subject: Subject, _ trials: Trials, _ options: RunOptions, _ report: inout SearchReport, _ note: (String) -> Void
  ) throws(PipelineError) {
    let name = modelName(subject)
    var tuned = subject.tuned
    if tuned.hasSuffix(ArchiveSpec.suffix) {
      try trials.run(
        try ApplyRequest(
          paths: [subject.base, tuned].compactMap { $0 }, output: MadeOutput(path: trials.path("tuned"))
        ).pipeline())
      tuned = trials.path("tuned")
    }
    let size = try Plan.run { () throws(CheckpointError) in
      try Checkpoint.open(tuned, policy: options.readPolicy, maximumHeaderBytes: options.maximumHeaderBytes).catalogue
    }
    func add(_ model: SearchReport.Trial.Model, _ outcome: Evaluator.Outcome) {
      report.trials.append(
        SearchReport.Trial(
          model: model, byteCount: size.byteCount,
          bitsPerParameter: ArchiveInspection.bits(size.byteCount, size.elementCount), outcome: outcome))
    }
    if let base = subject.base {
      let outcome = try trials.score(base)
      note("base: \(Score.text(outcome))")
      add(.base, outcome)
    }
    let outcome = try trials.score(tuned)
    note("fine-tune: \(Score.text(outcome))")
    if case .failure(let reason) = outcome {
      throw PipelineError(.run, "\(MessageText.escaped(tuned)): the command gave no score: \(reason)")
    }
    add(.tuned, outcome)
    for scale in scales.sorted() {
      guard try makeScaled(scale, subject, tuned, trials) else {
        note("the adapter has no lora_alpha, so its change cannot be scaled")
        break
      }
      let outcome = try trials.score(trials.path(name))
      note("its change × \(Figure.plain(scale)): \(Score.text(outcome))")
      add(.scaled(scale), outcome)
      trials.remove(name)
    }
    trials.remove("tuned")
  }

  /// Makes the model that is the base and so many times the change.
  private func makeScaled(
    _ scale: Double, _ subject: Subject, _ tuned: String, _ trials: Trials
  ) throws(PipelineError) -> Bool {
    let path = trials.path(modelName(subject))
    guard let base = subject.base else {
      return try Plan.run { () throws(CheckpointError) in try AdapterFolder.copy(tuned, scaledBy: scale, to: path) }
    }
    var output = request.output
    output.path = path
    try trials.run(
      try MergeRequest(
        base: base, words: ["task_arithmetic", "--lambda=\(Figure.plain(scale))", "--", tuned], output: output
      ).pipeline())
    return true
  }

  /// Tries candidates, from the largest density down.
  private func scoreCandidates(
    _ subject: Subject, _ trials: Trials, _ report: inout SearchReport, _ note: (String) -> Void
  ) throws(PipelineError) {
    // Where the walk over alpha begins: at the scale of the change itself.
    var start = subject.alphas.firstIndex { ($0 ?? 1) >= 1 } ?? subject.alphas.count - 1
    for density in subject.densities {
      var found: [Int: SearchReport.Trial] = [:]
      func reach(_ place: Int) throws(PipelineError) -> SearchReport.Trial? {
        guard subject.alphas.indices.contains(place) else { return nil }
        if let known = found[place] { return known }
        let trial = try attempt(density, subject.alphas[place], subject, trials)
        found[place] = trial
        report.trials.append(trial)
        note(report.line(of: trial))
        return trial
      }
      guard let first = try reach(start), first.outcome != nil else { continue }
      if isExhaustive {
        for place in subject.alphas.indices { _ = try reach(place) }
        continue
      }
      var best = start
      var present = first
      for step in [1, -1] {
        while let next = try reach(best + step), isBetter(next, than: present) {
          best += step
          present = next
        }
        // Uphill on one side: the other side is known to be lower.
        if best != start { break }
      }
      start = best
    }
    trials.remove(Self.archiveName)
  }

  private func attempt(
    _ density: Double?, _ alpha: Double?, _ subject: Subject, _ trials: Trials
  ) throws(PipelineError) -> SearchReport.Trial {
    let path = trials.path(Self.archiveName)
    try trials.run(try candidate(density, alpha, path: path).pipeline())
    let inspection = try ArchiveInspection(path: path)
    let size = inspection.archive.file.byteCount
    func trial(_ outcome: Evaluator.Outcome?) -> SearchReport.Trial {
      SearchReport.Trial(
        model: .candidate(density: density, alpha: alpha), byteCount: size,
        bitsPerParameter: inspection.bitsPerParameter, outcome: outcome)
    }
    if let target = subject.targetBytes, size > target { return trial(nil) }
    let name = modelName(subject)
    let applied = ApplyRequest(
      paths: [subject.base, path].compactMap { $0 }, output: MadeOutput(path: trials.path(name)))
    try trials.run(try applied.pipeline())
    let outcome = try trials.score(trials.path(name))
    trials.remove(name)
    return trial(outcome)
  }

  /// Whether a candidate is the better one; of two with one score the smaller.
  private func isBetter(_ trial: SearchReport.Trial, than other: SearchReport.Trial) -> Bool {
    guard let score = trial.outcome?.score else { return false }
    guard let present = other.outcome?.score else { return true }
    if score == present { return (trial.byteCount ?? 0) < (other.byteCount ?? 0) }
    return evaluator.isBetter(score, than: present)
  }
}

extension SearchReport {
  /// A trial in one line.
  func line(of trial: Trial) -> String {
    guard case .candidate(let density, let alpha) = trial.model else { return "" }
    let parameters = [density.map { "density \(Figure.plain($0))" }, alpha.map { "alpha \(Figure.plain($0))" }]
    let bits = trial.bitsPerParameter.map { " (\(Figure.text($0, digits: 3)) bits per parameter)" } ?? ""
    let result = trial.outcome.map(Score.text) ?? "too large, not scored"
    return parameters.compactMap { $0 }.joined(separator: ", ") + ": \(result)\(bits)"
  }
}
