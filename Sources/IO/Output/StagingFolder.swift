#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The hidden folder beside an output in which it is built, held by one process at a time.
///
///     .NAME.weir-partial/
///       lock       locked while a run works here; never part of the output
///       journal    what the run is and what of it is finished; see ``Journal``
///       files/     what will be renamed to the final path
///       replaced/  the output that was there before, for a moment, where paths cannot be exchanged in one step
struct StagingFolder: Sendable {
  let path: String
  private let lock: FileLock
  private let createdParents: [String]

  static let filesName = "files"

  var filesPath: String { PathText.joined(path, Self.filesName) }
  var replacedPath: String { PathText.joined(path, "replaced") }
  static let journalName = "journal"
  var journalPath: String { PathText.joined(path, Self.journalName) }

  /// The path of the staging folder of an output.
  static func path(for output: String) -> String {
    PathText.joined(PathText.parent(of: output), ".\(PathText.name(of: output)).weir-partial")
  }

  /// Makes the folder and locks it; parents that do not exist are made.
  init(for output: String) throws(CheckpointError) {
    path = Self.path(for: output)
    let created = try Self.makeFolders(PathText.parent(of: output))
    do {
      lock = FileLock(try Self.acquire(path))
    } catch {
      for parent in created { OutputCalls.removeEmptyFolder(parent) }
      throw error
    }
    createdParents = created
  }

  /// Puts an interrupted replacement back, and makes the folder for new files where it is not there.
  ///
  /// - Parameter keepsPartial: whether what an earlier run left stays; else it is removed.
  func prepare(for output: String, keepsPartial: Bool = false) throws(CheckpointError) {
    if try FileSystem.entry(at: replacedPath, followingLinks: false) != nil,
      try FileSystem.entry(at: output, followingLinks: false) == nil
    {
      let code = OutputCalls.rename(replacedPath, to: output, .replacing)
      guard code == 0 else { throw CheckpointError(.renameFailed(to: output), file: replacedPath, errno: code) }
    }
    if !keepsPartial { try clear() }
    let code = OutputCalls.makeFolder(filesPath)
    guard code == 0 || code == EEXIST else { throw CheckpointError(.cannotCreate, file: filesPath, errno: code) }
  }

  /// Removes what an earlier run left.
  private func clear() throws(CheckpointError) {
    for name in try FileSystem.names(in: path) where name != "lock" {
      try Self.remove(PathText.joined(path, name))
    }
  }

  /// Removes all files but those of some names.
  func keepOnly(_ kept: Set<String>) throws(CheckpointError) {
    for name in try FileSystem.names(in: filesPath) where !kept.contains(name) {
      try Self.remove(PathText.joined(filesPath, name))
    }
  }

  private static func remove(_ leftover: String) throws(CheckpointError) {
    let code = OutputCalls.removeTree(leftover)
    guard code == 0 else { throw CheckpointError(.system(call: "removing a leftover"), file: leftover, errno: code) }
  }

  /// Moves an earlier output aside and the new one in, where the file system cannot exchange them; returns an error
  /// number, 0 for success. The earlier one is put back if the second step fails, or by the next run if it is killed.
  func replaceInTwoSteps(_ output: String, with source: String) -> Int32 {
    let aside = OutputCalls.rename(output, to: replacedPath, .replacing)
    guard aside == 0 else { return aside }
    let code = OutputCalls.rename(source, to: output, .replacing)
    if code != 0 { _ = OutputCalls.rename(replacedPath, to: output, .replacing) }
    return code
  }

  /// Removes everything, the lock last, and lets go of it; parents made by ``init(for:)`` go too if they are empty. Nothing where the
  /// lock has been let go of: another run may be at work here.
  func remove() {
    guard lock.isHeld else { return }
    for name in (try? FileSystem.names(in: path)) ?? [] where name != "lock" {
      OutputCalls.removeTree(PathText.joined(path, name))
    }
    // Not as one tree: once the lock's name is gone, another run may already have made a new one here.
    OutputCalls.removeTree(PathText.joined(path, "lock"))
    OutputCalls.removeEmptyFolder(path)
    lock.release()
    for parent in createdParents { OutputCalls.removeEmptyFolder(parent) }
  }

  /// Lets go of the lock and leaves the files for a later run to remove.
  func abandon() { lock.release() }

  /// Makes and locks the folder, however often another run removes it in between.
  private static func acquire(_ path: String) throws(CheckpointError) -> Int32 {
    var code: Int32 = 0
    for _ in 0..<64 {
      code = OutputCalls.makeFolder(path)
      guard code == 0 || code == EEXIST else { break }
      guard try FileSystem.entry(at: path, followingLinks: false).map({ $0.kind == .folder }) ?? true else {
        throw CheckpointError(.notReplaceable("is not a folder"), file: path)
      }
      let lock = OutputCalls.lockFile(PathText.joined(path, "lock"))
      if lock >= 0 { return lock }
      code = -lock
      if code == EWOULDBLOCK { throw CheckpointError(.outputBusy, file: path) }
      guard code == ENOENT || code == ESTALE else { break }
    }
    throw CheckpointError(.cannotCreate, file: path, errno: code)
  }

  /// Makes a folder and its parents; returns those that did not exist, deepest first.
  private static func makeFolders(_ path: String) throws(CheckpointError) -> [String] {
    if let facts = try FileSystem.entry(at: path, followingLinks: true) {
      guard facts.kind == .folder else { throw CheckpointError(.cannotCreate, file: path, errno: ENOTDIR) }
      return []
    }
    let parent = PathText.parent(of: path)
    guard parent != path else { throw CheckpointError(.cannotCreate, file: path, errno: ENOENT) }
    let above = try makeFolders(parent)
    let code = OutputCalls.makeFolder(path)
    if code == EEXIST { return above }
    guard code == 0 else {
      for folder in above { OutputCalls.removeEmptyFolder(folder) }
      throw CheckpointError(.cannotCreate, file: path, errno: code)
    }
    return [path] + above
  }
}
