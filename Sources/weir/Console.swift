import CSystem
import WeirIO
import WeirPipeline

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Standard output, which carries data, and standard error, which carries everything said about it.
enum Console {
  /// Makes writing to a closed pipe an error that ``write(_:)`` sees.
  static func prepare() { weir_ignore_output_signals() }

  /// Writes data; ends the program where nobody reads it any more, or where it cannot be written.
  static func write(_ text: String) {
    let code = write(text, to: 1)
    guard code != 0 else { return }
    if code == EPIPE { exit(0) }
    say("error: standard output: write failed: \(SystemError.text(code)) (errno \(code))")
    exit(1)
  }

  /// Writes a value as indented JSON.
  static func write(_ value: JSONValue) { write(JSON.text(value, indent: 2) + "\n") }

  /// Says one line on standard error; that nobody listens is no error.
  static func say(_ line: String) { _ = write(line + "\n", to: 2) }

  static func say(_ diagnostic: Diagnostic) {
    let word =
      switch diagnostic.severity {
      case .error: "error"
      case .warning: "warning"
      case .note: "note"
      }
    say("\(word): \(diagnostic)")
  }

  /// Draws on standard error without ending the line.
  static func draw(_ text: String) { _ = write(text, to: 2) }

  /// Whether standard error is a terminal that moves its cursor.
  static var isInteractive: Bool {
    weir_is_terminal(2) != 0 && Environment.value("TERM").map { $0 != "dumb" } ?? true
  }

  /// Columns of the terminal behind standard error.
  static var columns: Int {
    let columns = Int(weir_terminal_columns(2))
    return columns > 0 ? columns : 80
  }

  /// Whether colours are welcome.
  static var hasColours: Bool { Environment.value("NO_COLOR").map(\.isEmpty) ?? true }

  /// Seconds since some fixed time.
  static var now: Double { Double(weir_nanoseconds()) / 1e9 }

  /// All that comes on standard input.
  static func readInput() throws(PipelineError) -> [UInt8] {
    let limit = 64 << 20
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // SAFETY: read is given the block's own count.
      let count = unsafe block.withUnsafeMutableBytes { unsafe read(0, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw PipelineError(.request, "standard input: read failed: \(SystemError.text(errno)) (errno \(errno))")
      }
      guard count > 0 else { return bytes }
      bytes += block[..<count]
      guard bytes.count <= limit else {
        throw PipelineError(.request, "standard input: more than 64 MiB, expected a pipeline in JSON")
      }
    }
  }

  private static func write(_ text: String, to descriptor: Int32) -> Int32 {
    var text = text
    // SAFETY: the bytes and their count are those of one buffer, which outlives the call.
    return text.withUTF8 { bytes in unsafe -weir_write_stream(descriptor, bytes.baseAddress, bytes.count) }
  }
}
