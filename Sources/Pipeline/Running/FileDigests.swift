internal import WeirIO

extension FileDigest {
  /// The SHA-256 of some files, several at a time.
  static func ofAll(
    _ paths: [String], threads: Int, _ progress: Progress, _ report: () -> Void
  ) throws(PipelineError) -> [String] {
    guard !paths.isEmpty else { return [] }
    return try PieceCrew.run(
      count: paths.count, threads: threads, into: [String](), progress: progress, report: report,
      absorb: { (total, _, found: String) in total.append(found) },
      makeWork: {
        { (_, number) throws(PipelineError) in
          let found = try Plan.run { () throws(CheckpointError) in
            try FileDigest.sha256(of: paths[number]) { progress.isInterrupted }
          }
          guard let found else { throw PipelineError(.interrupted, "interrupted") }
          return found
        }
      })
  }
}
