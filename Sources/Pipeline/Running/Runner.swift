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
  ///   `interrupted`; nothing is left then, under a final name or beside it, but outputs that were complete before a later
  ///   one could not be renamed, which the error names.
  public func run(progress: Progress, report: () -> Void = {}) throws(PipelineError) -> RunReport {
    var staged: [OutputRun] = []
    do throws(PipelineError) {
      // All places are taken first: a run does not find after an hour that its second output cannot be made.
      for output in outputs { staged.append(try OutputRun(self, output, progress)) }
      for run in staged { try run.write(report: report) }
      for source in graph.sources { try Self.run { () throws(CheckpointError) in try source.checkIntact() } }
      for file in graph.coefficients.values { try Self.run { () throws(CheckpointError) in try file.checkIntact() } }
      if progress.isInterrupted { throw PipelineError(.interrupted, "interrupted") }
    } catch {
      for run in staged { run.discard() }
      throw error
    }
    try commit(staged)
    return RunReport(
      outputs: staged.map(\.report), bytesRead: progress.bytesRead, bytesWritten: progress.bytesWritten,
      notes: staged.flatMap(\.notes))
  }

  /// Renames one output after the other into place; where one fails, the error names those that already stand.
  private func commit(_ staged: [OutputRun]) throws(PipelineError) {
    for (number, run) in staged.enumerated() {
      do throws(PipelineError) {
        try run.commit()
      } catch {
        for run in staged[number...] { run.discard() }
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
