internal import WeirIO
internal import WeirTensors

/// Checks, as blocks pass, that archives apply to the base that they were made from, and that what is restored is what they
/// recorded.
final class RestoreCheck: Sendable {
  /// A tensor whose bytes are hashed: of a base that an archive names, or of the output.
  struct Subject: Sendable {
    let expected: Hash128
    let byteCount: Int
    let tensor: String
    /// Where a base's tensor is; `nil` for the output's own.
    let base: Base?
    /// The archive that says so.
    let archive: String
    /// Whether blocks are decoded against the base, and perhaps cannot be against another.
    let isDecodedAgainst: Bool
  }

  struct Base: Sendable {
    let file: InputFile
    let bytes: Range<Int>
    let elementBytes: Int
    /// What the pipeline calls the base.
    let source: String
  }

  /// Bytes of a base that are hashed at once.
  private static let stepBytes = 1 << 20

  /// The subjects of each tensor of the output.
  private let subjects: [[Int]]
  private let all: [Subject]
  private let hasher: TensorHasher
  private let isForced: Bool
  private let differing = Monitor<Set<Int>>([])

  /// - Parameters:
  ///   - subjects: by tensor of the output.
  ///   - isForced: whether a difference is only noted.
  init?(_ subjects: [[Subject]], isForced: Bool) {
    var all: [Subject] = []
    var places: [[Int]] = []
    for group in subjects {
      places.append(Array(all.count..<all.count + group.count))
      all += group
    }
    guard !all.isEmpty else { return nil }
    self.subjects = places
    self.all = all
    self.isForced = isForced
    hasher = TensorHasher(byteCounts: all.map(\.byteCount))
  }

  /// Takes note of a part of a tensor that has been computed.
  ///
  /// - Parameters:
  ///   - tensor: its place in the output.
  ///   - bytes: which of its bytes.
  ///   - bench: what bases are read through.
  ///   - result: the hash of the tensor, once all of it has been computed.
  func take(
    _ tensor: Int, _ info: TensorInfo, _ bytes: Range<Int>, _ bench: CodingBench, result: Hash128?
  ) throws(PipelineError) {
    for number in subjects[tensor] {
      let subject = all[number]
      guard let base = subject.base else {
        if let result { try settle(number, result) }
        continue
      }
      // An element that two blocks share is counted with the one in which it begins; what a base has beyond the tensor's
      // elements, with the last.
      let size = info.dtype.byteCount
      let elements = (bytes.lowerBound + size - 1) / size..<(bytes.upperBound + size - 1) / size
      let start = min(elements.lowerBound * base.elementBytes, subject.byteCount)
      let end = min(elements.upperBound * base.elementBytes, subject.byteCount)
      try hash(start..<(bytes.upperBound == info.byteCount ? subject.byteCount : end), of: number, base, bench)
      if let hash = hasher.hash(of: number) { try settle(number, hash) }
    }
  }

  /// Hashes some bytes of a base's tensor, a piece at a time.
  private func hash(
    _ bytes: Range<Int>, of number: Int, _ base: Base, _ bench: CodingBench
  ) throws(PipelineError) {
    for start in stride(from: bytes.lowerBound, to: bytes.upperBound, by: Self.stepBytes) {
      let part = start..<min(start + Self.stepBytes, bytes.upperBound)
      // SAFETY: the window stays until the next is opened.
      let found = try unsafe Plan.run { () throws(CheckpointError) in
        try unsafe bench.openBase(base.file, tensor: base.bytes, part: part)
      }
      unsafe hasher.add(found, of: number, at: part.lowerBound)
    }
  }

  /// Compares a hash once all bytes of its tensor have come.
  private func settle(_ number: Int, _ hash: Hash128) throws(PipelineError) {
    guard hash != all[number].expected else { return }
    differing.withLock { _ = $0.insert(number) }
    if !isForced, let failure { throw failure }
  }

  /// The difference in the first tensor of the output, among those found; a base's is none where it is allowed, nor that of a
  /// result which was made from it.
  var failure: PipelineError? {
    let found = differing.withLock { $0 }
    let wrongs = found.filter { number in
      !isForced
        || (all[number].base == nil && !subjects.contains { $0.contains(number) && $0.contains(where: isAllowed) })
    }
    func isAllowed(_ number: Int) -> Bool { found.contains(number) && all[number].base != nil }
    return wrongs.min().map { refusal(of: all[$0], "; use that base, or --force") }
  }

  /// What is to be said where a block could not be decoded against its base: that it is another base, if it is.
  ///
  /// Bases are read, in the order of the output, until one differs.
  func explanation() -> PipelineError? {
    for subject in all where subject.isDecodedAgainst || !isForced {
      guard let base = subject.base else { continue }
      guard let hash = try? TensorHasher.hash(of: base.file, base.bytes) else { return nil }
      if hash != subject.expected {
        return refusal(of: subject, isForced ? ", which its codec cannot do without; use that base" : "; use that base")
      }
    }
    return nil
  }

  private func refusal(of subject: Subject, _ advice: String) -> PipelineError {
    let place = "\(MessageText.escaped(subject.archive)): tensor \(MessageText.quoted(subject.tensor))"
    guard let base = subject.base else {
      return PipelineError(
        .run,
        "\(place) was restored with other bytes than the archive recorded, expected hash \(subject.expected); the archive "
          + "or this program is damaged")
    }
    return PipelineError(
      .run,
      "\(place) of \(MessageText.quoted(base.source)) differs from the base that the archive was made from, expected hash "
        + "\(subject.expected)\(advice)")
  }

  /// Whether a base differs, where that is allowed.
  var note: String? {
    let count = differing.withLock { $0.count { all[$0].base != nil } }
    guard isForced, count > 0 else { return nil }
    return
      "\(count) tensor\(count == 1 ? "" : "s") of the base differ from what the archive was made from; applied all the same"
  }
}

extension RestoreCheck {
  /// What is to be checked of an output: the bases of all archives that its tensors are made from, and where it is an
  /// archive's own result, that result.
  convenience init?(_ plan: Plan, _ output: Plan.Output) {
    guard plan.graph.sources.contains(where: { $0.archive != nil }) else { return nil }
    var isResult = false
    if output.archive == nil, case .source(let source) = output.value {
      isResult = plan.graph.sources[source].archive?.givesResult == true
    }
    let subjects = zip(output.tensors, output.names).map { tensor, name -> [Subject] in
      var found: [Subject] = []
      for operand in plan.graph.archived(under: output.value, name) {
        guard let coded = plan.graph.coded(operand), let archive = plan.graph.sources[operand.source].archive else {
          continue
        }
        if let base = coded.base, let expected = coded.tensor.baseHash, let source = archive.base {
          let size = coded.tensor.base?.dtype.byteCount ?? 1
          found.append(
            Subject(
              expected: expected, byteCount: base.bytes.count, tensor: coded.tensor.info.name,
              base: Base(
                file: base.file, bytes: base.bytes, elementBytes: size,
                source: plan.graph.sources[source].spec.name.name),
              archive: archive.archive.path, isDecodedAgainst: coded.tensor.readsBase))
        }
        if isResult, let expected = coded.tensor.resultHash, tensor.info.dtype == coded.tensor.info.dtype {
          found.append(
            Subject(
              expected: expected, byteCount: tensor.info.byteCount, tensor: coded.tensor.info.name, base: nil,
              archive: archive.archive.path, isDecodedAgainst: false))
        }
      }
      return found
    }
    self.init(subjects, isForced: plan.options.force)
  }
}

extension GraphPlan {
  /// The tensors of archives that a tensor of a value is made from.
  fileprivate func archived(under index: ValueIndex, _ name: String) -> [Operand] {
    switch index {
    case .source(let source):
      guard sources[source].archive != nil, let place = sources[source].catalogue.position(of: name) else { return [] }
      return [Operand(source: source, tensor: place)]
    case .node(let node):
      return nodes[node].inputs(of: name).reduce(into: []) { found, input in
        for operand in archived(under: input.value, input.name) where !found.contains(operand) { found.append(operand) }
      }
    }
  }
}

extension NodePlan {
  /// The tensors of its inputs that a tensor of the node is made from.
  fileprivate func inputs(of name: String) -> [(value: ValueIndex, name: String)] {
    guard let position = catalogue.position(of: name) else { return [] }
    let origin = origins[position]
    guard origin.mergedIndex != nil else { return [(origin.lead, origin.name)] }
    return ((base.map { [$0] } ?? []) + models).map { ($0, origin.name) }
  }
}
