internal import WeirIO
internal import WeirTensors

/// What is noted of an output while it is made, and what an earlier run has noted.
final class OutputJournal: Sendable {
  /// Pieces that an earlier run has computed, each with the last hash that was noted.
  let pieces: [TensorHasher.Piece]
  /// What it gathered over whole models.
  let statistics: [UInt8]?
  /// What it made of an archive: tensors, and attempts at its size.
  let archiving: [JournalEntry]
  private let journal: Journal
  private let progress: Progress
  /// Where all of it is kept.
  private let place: String

  /// Opens the journal of an output whose place has been taken, and makes the place ready for what it says.
  ///
  /// - Throws: ``PipelineError`` of kind `request` where another run has left something there.
  init(_ folder: OutputFolder, _ identity: RunIdentity, isFresh: Bool, _ progress: Progress) throws(PipelineError) {
    self.progress = progress
    place = folder.stagingPath
    var (journal, entries) = try Self.open(folder, isFresh: isFresh)
    if case .identity(let bytes)? = entries.first, let old = RunIdentity(bytes: bytes), old == identity {
      entries.removeFirst()
    } else {
      // Where nothing was finished, nothing is lost by starting over.
      if entries.count > 1 { throw Self.refusal(entries[0], identity, folder) }
      (journal, entries) = try Self.open(folder, isFresh: true)
      try Plan.run { () throws(CheckpointError) in try journal.append(JournalEntry.identity(identity.bytes).record) }
    }
    self.journal = journal
    var pieces: [[Int]: TensorHasher.Piece] = [:]
    var statistics: [UInt8]?
    var archiving: [JournalEntry] = []
    for entry in entries {
      switch entry {
      case .pieces(let more): for piece in more { pieces[[piece.tensor, piece.number]] = piece }
      case .statistics(let bytes): statistics = bytes
      case .archived, .attempt: archiving.append(entry)
      case .identity, .publishing: continue
      }
    }
    self.archiving = archiving
    self.pieces = pieces.values.sorted { ($0.tensor, $0.number) < ($1.tensor, $1.number) }
    self.statistics = statistics
    if !entries.isEmpty { progress.noteKept(place) }
  }

  /// Opens the journal; what an earlier run left stays where that has one, unless all is to be fresh.
  private static func open(
    _ folder: OutputFolder, isFresh: Bool
  ) throws(PipelineError) -> (Journal, [JournalEntry]) {
    try Plan.run { () throws(CheckpointError) in
      if !isFresh {
        let (journal, records) = try Journal.open(folder.journalPath)
        let entries = records.map(JournalEntry.init)
        if !entries.isEmpty { return (journal, entries.prefix { $0 != nil }.compactMap(\.self)) }
      }
      try folder.clear()
      return (try Journal.open(folder.journalPath).journal, [])
    }
  }

  private static func refusal(
    _ entry: JournalEntry, _ identity: RunIdentity, _ folder: OutputFolder
  ) -> PipelineError {
    var differences = ["it was left by another version of this program"]
    if case .identity(let bytes) = entry, let old = RunIdentity(bytes: bytes) {
      differences = identity.differences(from: old)
    }
    let more = differences.count > 3 ? ", and \(differences.count - 3) more differences" : ""
    return PipelineError(
      .request,
      "\(MessageText.escaped(folder.finalPath)): an unfinished run into it was another: "
        + "\(differences.prefix(3).joined(separator: ", "))\(more); "
        + "run that one again to finish it, or start over with --fresh")
  }

  /// Notes something; from then on there is something to continue.
  func note(_ entry: JournalEntry) throws(PipelineError) {
    try Plan.run { () throws(CheckpointError) in try append(entry) }
  }

  /// Notes something, for callers whose errors are a file's.
  func append(_ entry: JournalEntry) throws(CheckpointError) {
    try journal.append(entry.record)
    progress.noteKept(place)
  }
}
