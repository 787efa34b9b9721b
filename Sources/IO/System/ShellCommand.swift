#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif
internal import CSystem

/// Programs of the user's, run by the shell.
public enum ShellCommand {
  /// What a command left behind.
  public struct Result: Sendable {
    /// The end of what it wrote on standard output.
    public let output: [UInt8]
    /// Its exit code, or 128 and the number of the signal that ended it.
    public let exitCode: Int
  }

  /// Runs `sh -c command` to its end; its standard error is this process's own, and nothing comes on its standard input.
  ///
  /// - Parameters:
  ///   - command: the command, as one would type it.
  ///   - limit: how many of the last bytes of its output are kept.
  ///   - isInterrupted: asked a few times a second; where it says so the command is asked to end.
  /// - Throws: ``CheckpointError`` where no process can be started.
  public static func run(
    _ command: String, limit: Int = 1 << 16, isInterrupted: () -> Bool = { false }
  ) throws(CheckpointError) -> Result {
    var output: Int32 = -1
    var process: pid_t = 0
    // SAFETY: the string is terminated, and all three live for the call.
    let code = unsafe weir_shell_start(command, &output, &process)
    guard code == 0 else { throw CheckpointError(.system(call: "starting sh"), errno: -code) }
    var kept: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 14)
    var isStopped = false
    while true {
      // SAFETY: the call is given the block's own count.
      let count = unsafe block.withUnsafeMutableBytes { unsafe weir_shell_read(output, $0.baseAddress, $0.count, 100) }
      if count == -Int(EAGAIN) {
        if !isStopped, isInterrupted() {
          isStopped = true
          weir_shell_stop(process)
        }
        continue
      }
      guard count > 0 else { break }
      kept += block[..<count]
      if kept.count > 2 * limit { kept.removeFirst(kept.count - limit) }
    }
    let exit = weir_shell_finish(output, process)
    guard exit >= 0 else { throw CheckpointError(.system(call: "waiting for sh"), errno: -exit) }
    return Result(output: kept.suffix(limit), exitCode: Int(exit))
  }

  /// A word as the shell takes it, whatever is in it.
  public static func quoted(_ word: String) -> String {
    "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
