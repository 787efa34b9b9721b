#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Runs `body` with the path of a new, empty folder that is removed afterwards.
public func withTemporaryDirectory<Result>(_ body: (String) throws -> Result) throws -> Result {
  let path = try makeTemporaryDirectory()
  defer { removeTree(path) }
  return try body(path)
}

/// Runs an asynchronous `body` with the path of a new, empty folder that is removed afterwards.
public func withTemporaryDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
  let path = try makeTemporaryDirectory()
  defer { removeTree(path) }
  return try await body(path)
}

/// A system call of a test's own set-up that failed.
public struct FixtureError: Error {
  public let call: String
  public let path: String
  public let number: Int32

  public init(_ call: String, _ path: String, number: Int32 = errno) {
    self.call = call
    self.path = path
    self.number = number
  }
}

/// Writes a file, replacing one that is there.
public func writeFile(_ path: String, _ bytes: [UInt8]) throws {
  guard let file = fopen(path, "w") else { throw FixtureError("fopen", path) }
  defer { fclose(file) }
  guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw FixtureError("fwrite", path) }
}

/// Writes a text file, replacing one that is there.
public func writeFile(_ path: String, _ text: String) throws { try writeFile(path, Array(text.utf8)) }

/// Reads a whole file.
public func readFile(_ path: String) throws -> [UInt8] {
  guard let file = fopen(path, "r") else { throw FixtureError("fopen", path) }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var block = [UInt8](repeating: 0, count: 1 << 16)
  while case let count = fread(&block, 1, block.count, file), count > 0 { bytes += block[..<count] }
  return bytes
}

/// Makes a folder in one that exists.
public func makeFolder(_ path: String) throws {
  guard mkdir(path, 0o755) == 0 else { throw FixtureError("mkdir", path) }
}

/// Makes a symbolic link at `path` that holds `target`.
public func makeLink(_ path: String, to target: String) throws {
  guard symlink(target, path) == 0 else { throw FixtureError("symlink", path) }
}

/// Cuts or extends a file to `byteCount` bytes.
public func resizeFile(_ path: String, to byteCount: Int) throws {
  guard truncate(path, off_t(byteCount)) == 0 else { throw FixtureError("truncate", path) }
}

private func makeTemporaryDirectory() throws -> String {
  let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
  var template = Array("\(base)/weir-test-XXXXXX".utf8CString)
  guard mkdtemp(&template) != nil else { throw FixtureError("mkdtemp", base) }
  return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
}

private func removeTree(_ path: String) {
  if let folder = opendir(path) {
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      guard name != ".", name != ".." else { continue }
      var status = stat()
      let child = "\(path)/\(name)"
      if lstat(child, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { removeTree(child) } else { unlink(child) }
    }
    closedir(folder)
  }
  rmdir(path)
}
