#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif
internal import Synchronization

/// An output under construction: built in a hidden folder beside its final path, and renamed there when it is whole.
///
/// Nothing stands under the final path before ``commit()``. A run that ends early leaves `.NAME.weir-partial`, with which the
/// next run into the same output goes on, or which it removes; two runs into one output at a time are refused.
public final class OutputFolder: Sendable {
  /// Where the output will be, as given, without slashes at the end.
  public var finalPath: String { target.path }

  /// The last part of ``finalPath``.
  public var finalName: String { PathText.name(of: target.path) }

  /// The hidden folder in which it is built.
  public var stagingPath: String { staging.path }

  private let target: OutputTarget
  private let staging: StagingFolder
  private let state = Mutex(State())

  private struct State {
    var isOpen = true
    var writers: [(file: OutputFile, writer: OutputFileWriter)] = []
  }

  /// Checks the final path and makes the staging folder; missing parent folders are made.
  ///
  /// - Parameters:
  ///   - finalPath: the folder to make, or the file if `isFile`.
  ///   - isFile: whether the output is one file, to which only one file is ever added.
  ///   - overwrite: whether an earlier output at the path may be replaced.
  ///   - inputs: the files and folders that are read; none of them, nor a folder above one, is ever replaced.
  ///   - keepsPartial: whether what an earlier run left is kept, until ``clear()`` or ``keepOnly(_:)`` says otherwise.
  /// - Throws: ``CheckpointError`` of kind `.alreadyExists`, `.notReplaceable`, `.wouldOverwriteInput`, `.outputBusy` or
  ///   `.cannotCreate`; nothing is changed then.
  public init(
    finalPath: String, isFile: Bool = false, overwrite: Bool = false, inputs: [String] = [], keepsPartial: Bool = false
  ) throws(CheckpointError) {
    target = try OutputTarget(path: finalPath, isFile: isFile, overwrite: overwrite, inputs: inputs)
    try target.check()
    try target.refuseInputs(at: StagingFolder.path(for: target.path))
    staging = try StagingFolder(for: target.path)
    do {
      try staging.prepare(for: target.path, keepsPartial: keepsPartial)
      try target.check()
    } catch {
      if keepsPartial { staging.abandon() } else { staging.remove() }
      throw error
    }
  }

  deinit {
    if state.withLock({ $0.isOpen }) { staging.abandon() }
  }

  /// Where the run's journal stands.
  public var journalPath: String { staging.journalPath }

  /// Bytes that an unfinished run into an output holds on the disk.
  public static func partialByteCount(of finalPath: String) -> Int {
    let folder = PathText.joined(StagingFolder.path(for: PathText.trimmed(finalPath)), StagingFolder.filesName)
    let names = (try? FileSystem.names(in: folder)) ?? []
    return names.reduce(0) { total, name in
      let facts = FileSystem.facts(PathText.joined(folder, name), followingLinks: false)
      return total + (facts?.kind == .file ? facts?.byteCount ?? 0 : 0)
    }
  }

  /// A hash of what tells a finished output from another: its weights files by name, size and header, and its manifest.
  ///
  /// - Parameter names: the weights files.
  public func seal(of names: [String]) throws(CheckpointError) -> Hash128 {
    try Self.seal(names.map(path(of:)), manifest: path(of: Manifest.fileName))
  }

  /// The same of an output that has its final name; `nil` where there is none, or not all of it.
  public static func seal(ofFinal path: String, isFile: Bool, names: [String]) -> Hash128? {
    let path = PathText.trimmed(path)
    let files = isFile ? [path] : names.map { PathText.joined(path, $0) }
    return try? seal(files, manifest: isFile ? nil : PathText.joined(path, Manifest.fileName))
  }

  private static func seal(_ files: [String], manifest: String?) throws(CheckpointError) -> Hash128 {
    var hashes: [Hash128] = []
    for file in files {
      let facts = try InputFacts.of(file, maximumHeaderBytes: SafetensorsHeader.defaultMaximumByteCount)
      hashes += [facts.header, Hash128(Array("\(facts.byteCount)".utf8))]
    }
    if let manifest, FileSystem.facts(manifest, followingLinks: false)?.kind == .file {
      hashes.append(Hash128(try TextFile.read(manifest, maximumByteCount: Manifest.maximumByteCount)))
    }
    return Hash128(of: hashes)
  }

  /// What the journal of an unfinished run into an output holds; nothing where there is none.
  public static func journal(of finalPath: String) -> [JournalEntry] {
    let place = PathText.joined(StagingFolder.path(for: PathText.trimmed(finalPath)), StagingFolder.journalName)
    return Journal.entries(of: place)
  }

  /// Removes what a run has left that was ended between giving its output the final name and tidying up.
  public static func tidy(after finalPath: String) throws(CheckpointError) {
    let output = PathText.trimmed(finalPath)
    guard FileSystem.facts(StagingFolder.path(for: output), followingLinks: false) != nil else { return }
    try StagingFolder(for: output).remove()
  }

  /// Removes what an earlier run left.
  public func clear() throws(CheckpointError) { try staging.prepare(for: target.path) }

  /// Removes what an earlier run left, but files of some names.
  public func keepOnly(_ names: Set<String>) throws(CheckpointError) { try staging.keepOnly(names) }

  /// Lets go of the output and leaves everything for a later run to go on with; ``commit()`` is then refused.
  public func suspend() {
    state.withLock { state in
      guard state.isOpen else { return }
      state.isOpen = false
      state.writers = []
      staging.abandon()
    }
  }

  /// Where the file `name` of the output stands until ``commit()``.
  public func path(of name: String) -> String { PathText.joined(staging.filesPath, name) }

  /// Starts a file that was laid out: creates it and writes its header; ``commit()`` checks it against the layout.
  ///
  /// - Parameter continues: whether a file of an earlier run may stand there, to go on with.
  public func makeWriter(
    for file: OutputFile, unbuffered: Bool = true, continues: Bool = false
  ) throws(CheckpointError) -> OutputFileWriter {
    try start(file.name)
    let writer = try OutputFileWriter(
      path: path(of: file.name), byteCount: file.byteCount, unbuffered: unbuffered, continues: continues)
    try writer.write(header: file)
    state.withLock { $0.writers.append((file, writer)) }
    return writer
  }

  /// Writes the header of a file anew, of the same length, now that all is known that it says.
  public func seal(_ writer: OutputFileWriter, as file: OutputFile) throws(CheckpointError) {
    try writer.write(header: file)
    state.withLock { state in
      guard let place = state.writers.firstIndex(where: { $0.writer === writer }) else { return }
      precondition(state.writers[place].file.header.count == file.header.count, "a header of the same length")
      state.writers[place].file = file
    }
  }

  /// Removes a file that was begun, to begin it anew.
  public func discardFile(_ name: String) throws(CheckpointError) {
    let path = path(of: name)
    let code = OutputCalls.removeTree(path)
    guard code == 0 else { throw CheckpointError(.system(call: "removing a file"), file: path, errno: code) }
  }

  /// Adds a small file: an index, a config, a model card. `name` may lead through folders, which are made.
  public func addFile(_ name: String, bytes: [UInt8]) throws(CheckpointError) {
    try start(name)
    let writer = try OutputFileWriter(path: path(of: name), byteCount: bytes.count, unbuffered: false)
    try writer.write(bytes, at: 0)
    try writer.finish()
  }

  /// Adds a copy of a regular file, following links to it.
  public func copyFile(from source: String, as name: String) throws(CheckpointError) {
    try start(name)
    let input = try InputDescriptor(source)
    let piece = 1 << 20
    let writer = try OutputFileWriter(path: path(of: name), byteCount: input.byteCount, unbuffered: false)
    for offset in stride(from: 0, to: input.byteCount, by: piece) {
      try writer.write(input.readAll(min(piece, input.byteCount - offset), at: offset), at: offset)
    }
    try writer.finish()
  }

  /// Checks every file against its layout, forces all of it to the disk, and renames it to its final path in one step.
  ///
  /// With overwriting, the earlier output is exchanged for the new one and then removed.
  ///
  /// - Throws: ``CheckpointError``; the staging folder then still stands, for ``discard()`` to remove.
  public func commit() throws(CheckpointError) {
    try state.withLock { (state) throws(CheckpointError) in
      guard state.isOpen else { throw CheckpointError(.outputClosed, file: finalPath) }
      for entry in state.writers { try Self.verify(entry.file, entry.writer) }
      try Self.syncTree(staging.filesPath)
      try publish()
      state.isOpen = false
      state.writers = []
      // The output is in place; if its name is not yet safe on the disk, that is the error to report, after tidying.
      defer { staging.remove() }
      do throws(CheckpointError) {
        try OutputCalls.sync(path: PathText.parent(of: finalPath))
      } catch {
        throw CheckpointError(.nameNotSynced, file: finalPath, errno: error.errno)
      }
    }
  }

  /// Removes everything that was written, if ``commit()`` has not succeeded; may be called from any thread, repeatedly.
  public func discard() {
    state.withLock { state in
      guard state.isOpen else { return }
      state.isOpen = false
      state.writers = []
      staging.remove()
    }
  }

  /// Checks that a file of this name may be added, and makes the folders that it leads through.
  func start(_ name: String) throws(CheckpointError) {
    guard state.withLock({ $0.isOpen }) else { throw CheckpointError(.outputClosed, file: finalPath) }
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard !parts.contains(where: { ["", ".", ".."].contains($0) }), !name.utf8.contains(0) else {
      throw CheckpointError(.leavesFolder(name), file: finalPath)
    }
    var folder = staging.filesPath
    for part in parts.dropLast() {
      folder = PathText.joined(folder, String(part))
      let code = OutputCalls.makeFolder(folder)
      guard code == 0 || code == EEXIST else { throw CheckpointError(.cannotCreate, file: folder, errno: code) }
    }
  }

  /// Checks a finished file's size and its header: byte for byte, and as a reader of the file will.
  private static func verify(_ file: OutputFile, _ writer: OutputFileWriter) throws(CheckpointError) {
    func differs(_ found: String, _ expected: String) -> CheckpointError {
      CheckpointError(.outputDiffers(found: found, expected: expected), file: writer.path)
    }
    guard writer.isFinished else { throw differs("a writer at work", "it to be done") }
    let written = try InputDescriptor(writer.path)
    guard written.byteCount == file.byteCount else { throw differs("\(written.byteCount) bytes", "\(file.byteCount)") }
    let header = try written.read(file.header.count)
    guard header == file.header else { throw differs("another header", "the one that was laid out") }
    _ = try SafetensorsHeader.read(written, maximumByteCount: .max)
  }

  /// Forces all files below a folder, and the folders themselves, to the disk.
  private static func syncTree(_ folder: String) throws(CheckpointError) {
    for name in try FileSystem.names(in: folder) {
      let path = PathText.joined(folder, name)
      switch try FileSystem.entry(at: path, followingLinks: false)?.kind {
      case .folder: try syncTree(path)
      case .file: try OutputCalls.sync(path: path)
      default:
        throw CheckpointError(
          .outputDiffers(found: MessageText.quoted(name), expected: "files and folders only"), file: path)
      }
    }
    try OutputCalls.sync(path: folder)
  }

  /// Renames what was built to the final path.
  private func publish() throws(CheckpointError) {
    // Hours may have passed since the first look.
    try target.check()
    var source = staging.filesPath
    var mode = OutputCalls.RenameMode.replacing
    if target.isFile {
      let names = try FileSystem.names(in: source)
      guard names.count == 1 else {
        throw CheckpointError(.outputDiffers(found: "\(names.count) files", expected: "one"), file: finalPath)
      }
      source = path(of: names[0])
      if !target.overwrite { mode = .new }
    } else if target.overwrite, try FileSystem.entry(at: finalPath, followingLinks: false) != nil {
      mode = .swapping
    }
    var code = OutputCalls.rename(source, to: finalPath, mode)
    if mode == .swapping, code == ENOTSUP { code = staging.replaceInTwoSteps(finalPath, with: source) }
    guard code != EEXIST, code != ENOTEMPTY, code != ENOTDIR else {
      throw CheckpointError(.alreadyExists, file: finalPath)
    }
    guard code == 0 else { throw CheckpointError(.renameFailed(to: finalPath), file: source, errno: code) }
  }
}

extension OutputFileWriter {
  /// Writes a file's header; where it ends within a page, what goes beyond the last whole one is written with the first block.
  fileprivate func write(header file: OutputFile) throws(CheckpointError) {
    try write(file.header.count == file.byteCount ? file.header : Array(file.header[..<file.blockStart]), at: 0)
  }
}
