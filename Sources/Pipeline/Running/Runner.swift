public import WeirIO
internal import WeirOps
internal import WeirTensors

/// What a run did.
public struct RunReport: Sendable {
  /// One output that was made.
  public struct Output: Sendable {
    /// Where it is; `nil` for a digest.
    public let path: String?
    public let tensorCount: Int
    public let byteCount: Int
    public let fileCount: Int
    public let digest: Digest?
    /// The fingerprint that an archive recorded of its result, where all of that was restored, and found to be it.
    public let fingerprint: Hash128?
    /// Bytes that an earlier run had written, and that were found to be sound.
    public let keptByteCount: Int
    /// The SHA-256 of each weights file, where that was asked for.
    public let sha256: [(file: String, digits: String)]
    /// Tensors with numbers that are not finite although they were computed: what overflowed F16, and what was let through.
    public let nonFinite: [(tensor: String, nans: Int, infinities: Int)]
  }

  public let outputs: [Output]
  public let bytesRead: Int
  public let bytesWritten: Int
  /// What is odd about the run and yet allowed.
  public let notes: [String]
}

extension Plan {
  /// Runs the plan: reads, merges, writes, and at the end renames every output into place.
  ///
  /// - Parameters:
  ///   - progress: counts what is done; ``Progress/interrupt()`` ends the run.
  ///   - report: called a few times a second on the caller's thread.
  /// - Throws: ``PipelineError`` of kind `request` where an output's place cannot be used, `run` where something failed,
  ///   `interrupted`; nothing is left then under a final name, but outputs that were complete before a later one could not be
  ///   renamed, which the error names. What was finished is kept in hidden folders, ``Progress/keptPlaces``, for the next run
  ///   of the same plan to continue; where nothing was, nothing is left.
  public func run(progress: Progress, report: () -> Void = {}) throws(PipelineError) -> RunReport {
    var staged: [OutputRun] = []
    let published = try Publication(self).published()
    do throws(PipelineError) {
      // All places are taken first: a run does not find after an hour that its second output cannot be made.
      for number in outputs.indices where !published.contains(number) {
        staged.append(try OutputRun(self, output: number, progress))
      }
      for run in staged { try run.write(report: report) }
      for source in graph.sources { try Self.run { () throws(CheckpointError) in try source.checkIntact() } }
      for file in graph.coefficients.values { try Self.run { () throws(CheckpointError) in try file.checkIntact() } }
      if progress.isInterrupted { throw PipelineError(.interrupted, "interrupted") }
    } catch {
      for run in staged { run.end() }
      throw error
    }
    try commit(staged, published)
    var reports = staged.map(\.report)[...]
    return RunReport(
      outputs: outputs.enumerated().compactMap { published.contains($0) ? .kept($1) : reports.popFirst() },
      bytesRead: progress.bytesRead, bytesWritten: progress.bytesWritten,
      notes: staged.flatMap(\.notes))
  }

  /// Renames one output after the other into place; where one fails, the error names those that already stand.
  private func commit(_ staged: [OutputRun], _ published: Set<Int>) throws(PipelineError) {
    // A run that is ended between two renames, or right after the last, is known by this to have come so far.
    if published.isEmpty {
      do throws(PipelineError) {
        let seals = try staged.map { (run) throws(PipelineError) in try run.seal() }
        for run in staged { try run.notePublishing(seals) }
      } catch {
        for run in staged { run.end() }
        throw error
      }
    }
    for number in published {
      guard let path = outputs[number].finalPath else { continue }
      try Self.run { () throws(CheckpointError) in try OutputFolder.tidy(after: path) }
    }
    for (number, run) in staged.enumerated() {
      do throws(PipelineError) {
        try run.commit()
      } catch {
        for run in staged[number...] { run.end() }
        let standing = staged[..<number].compactMap(\.report.path).map(MessageText.quoted).joined(separator: ", ")
        throw standing.isEmpty
          ? error : PipelineError(.run, "\(error.description); \(standing) is complete and in place")
      }
    }
  }

  /// Turns a file's error into a run's.
  static func run<Result>(
    _ kind: PipelineError.Kind = .run, _ body: () throws(CheckpointError) -> Result
  ) throws(PipelineError) -> Result {
    do {
      return try body()
    } catch {
      throw PipelineError(kind, error.description)
    }
  }
}

extension RunReport.Output {
  /// An output that an earlier run has made, to its last step.
  fileprivate static func kept(_ output: Plan.Output) -> RunReport.Output {
    let byteCount = output.archive == nil ? output.layout.fileByteCount : 0
    return RunReport.Output(
      path: output.finalPath, tensorCount: output.tensors.count, byteCount: byteCount,
      fileCount: max(1, output.layout.files.count), digest: nil, fingerprint: nil, keptByteCount: byteCount, sha256: [],
      nonFinite: [])
  }
}
