import TestSupport

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The built program, run as users run it.
enum Program {
  /// How a run ended and what it said.
  struct Result {
    /// The exit code, or 128 and the number of the signal that ended it.
    let exit: Int32
    let output: String
    let errors: String
  }

  struct NotFound: Error { let searched: [String] }

  /// The program beside the test bundle.
  static let path: String = {
    let own = CommandLine.arguments + [(try? linkTarget("/proc/self/exe")) ?? ""]
    for argument in own {
      var folder = argument
      while let slash = folder.lastIndex(of: "/") {
        folder = String(folder[..<slash])
        let candidate = "\(folder)/weir"
        var status = stat()
        if stat(candidate, &status) == 0, status.st_mode & S_IFMT == S_IFREG, access(candidate, X_OK) == 0 {
          return candidate
        }
      }
    }
    return "weir"
  }()

  /// Runs the program in a folder and waits for its end.
  static func run(_ arguments: [String], in folder: String, input: String = "") throws -> Result {
    try withTemporaryDirectory { scratch in
      try writeFile("\(scratch)/input", input)
      let process = try start(
        arguments, in: folder, input: "\(scratch)/input", output: "\(scratch)/output", errors: "\(scratch)/errors")
      let exit = wait(process)
      return Result(
        exit: exit, output: String(decoding: try readFile("\(scratch)/output"), as: UTF8.self),
        errors: String(decoding: try readFile("\(scratch)/errors"), as: UTF8.self))
    }
  }

  /// Starts the program; standard streams are files by path.
  static func start(
    _ arguments: [String], in folder: String, input: String = "/dev/null", output: String, errors: String
  ) throws -> pid_t {
    #if canImport(Glibc)
      var actions = FileActions()
    #else
      var actions: FileActions
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
    let flags = O_WRONLY | O_CREAT | O_NOCTTY
    posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o644)
    posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o644)
    // The shell steps aside at once; it is there because not every system can spawn in another folder.
    let script = "cd \"$1\" && shift && exec \"$@\""
    return try spawn(["/bin/sh", "-c", script, "sh", folder, path] + arguments, &actions)
  }

  #if canImport(Glibc)
    typealias FileActions = posix_spawn_file_actions_t
    private typealias Attributes = posix_spawnattr_t
  #else
    typealias FileActions = posix_spawn_file_actions_t?
    private typealias Attributes = posix_spawnattr_t?
  #endif

  /// Starts a process with a small environment and no signal blocked, whatever the test's own thread blocks.
  static func spawn(_ arguments: [String], _ actions: inout FileActions) throws -> pid_t {
    var words: [UnsafeMutablePointer<CChar>?] = []
    for word in arguments { words.append(strdup(word)) }
    words.append(nil)
    var environment: [UnsafeMutablePointer<CChar>?] = []
    for setting in ["PATH=/usr/bin:/bin", "TERM=xterm", "LC_ALL=C"] { environment.append(strdup(setting)) }
    environment.append(nil)
    defer { for word in words + environment { free(word) } }
    #if canImport(Glibc)
      var attributes = Attributes()
    #else
      var attributes: Attributes
    #endif
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var process = pid_t()
    let code = posix_spawn(&process, arguments[0], &actions, &attributes, words, environment)
    guard code == 0 else { throw FixtureError("posix_spawn", arguments[0], number: code) }
    return process
  }

  /// Waits for a process that ``start(_:in:input:output:errors:)`` made.
  static func wait(_ process: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7F
    return signal == 0 ? status >> 8 & 0xFF : 128 + signal
  }

  private static func linkTarget(_ path: String) throws -> String {
    var target = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &target, target.count)
    guard count > 0 else { throw FixtureError("readlink", path) }
    return String(decoding: target[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// All files and folders below a folder, hidden ones too, with the contents of files.
func snapshot(_ folder: String, under prefix: String = "") throws -> [String: [UInt8]] {
  var found: [String: [UInt8]] = [:]
  for name in try names(in: folder) {
    let path = "\(folder)/\(name)"
    var status = stat()
    guard lstat(path, &status) == 0 else { continue }
    switch status.st_mode & S_IFMT {
    case S_IFDIR:
      found["\(prefix)\(name)/"] = []
      found.merge(try snapshot(path, under: "\(prefix)\(name)/")) { $1 }
    // What lies in the holes of a file that is larger than the disk does not matter.
    case S_IFREG where status.st_size > 1 << 24: found["\(prefix)\(name)"] = Array("\(status.st_size)".utf8)
    case S_IFREG: found["\(prefix)\(name)"] = try readFile(path)
    default: found["\(prefix)\(name)"] = []
    }
  }
  return found
}

/// The names in a folder, hidden ones too, sorted.
func names(in folder: String) throws -> [String] {
  guard let listing = opendir(folder) else { throw FixtureError("opendir", folder) }
  defer { closedir(listing) }
  var names: [String] = []
  while let entry = readdir(listing) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names.sorted()
}
