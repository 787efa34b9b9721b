import TestSupport

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Small scripts around the program: pipes, limits, what it is linked with.
enum Shell {
  /// Runs a script in a folder; `$1` and so on are the arguments. Returns its exit code.
  static func run(_ script: String, _ arguments: [String], in folder: String) throws -> Int32 {
    #if canImport(Glibc)
      var actions = Program.FileActions()
    #else
      var actions: Program.FileActions
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let process = try Program.spawn(["/bin/sh", "-c", "cd \"$0\" && \(script)", folder] + arguments, &actions)
    return Program.wait(process)
  }
}
