import WeirPipeline
import WeirTensors

/// One line on a terminal that shows how far a run has come; nothing where standard error is no terminal.
struct ProgressBar {
  private let progress: Progress
  private let start: Double
  private let isShown: Bool
  private var lastDrawn = -1.0
  private var hasDrawn = false

  /// Seconds between two drawings.
  private static let interval = 0.1

  init(_ progress: Progress, isShown: Bool) {
    self.progress = progress
    self.isShown = isShown && Console.isInteractive
    start = Console.now
  }

  /// Draws the line anew if it is time to.
  mutating func update() {
    let now = Console.now
    guard isShown, now - lastDrawn >= Self.interval else { return }
    lastDrawn = now
    hasDrawn = true
    Console.draw("\r\(line(seconds: now - start))\u{1B}[K")
  }

  /// Removes the line.
  mutating func clear() {
    if hasDrawn { Console.draw("\r\u{1B}[K") }
    hasDrawn = false
  }

  private func line(seconds: Double) -> String {
    let fraction = progress.fraction
    let moved = progress.bytesRead + progress.bytesWritten
    let rate = Double(moved) / max(seconds, 1e-3)
    var facts = "\(padded("\(Int(fraction * 100))", 3)) %  \(padded(Quantity.text(Int(rate)), 7))/s"
    if progress.isInterrupted {
      facts += "  ending"
    } else if fraction > 0.01, seconds > 1 {
      facts += "  \(Self.time(seconds / fraction * (1 - fraction))) left"
    }
    let width = min(40, Console.columns - facts.count - 4)
    guard width >= 10 else { return String(facts.prefix(max(0, Console.columns - 1))) }
    let filled = Int(Double(width) * fraction)
    let bar = String(repeating: "━", count: filled)
    let rest = String(repeating: Console.hasColours ? "━" : "·", count: width - filled)
    return Console.hasColours ? "\u{1B}[36m\(bar)\u{1B}[90m\(rest)\u{1B}[0m  \(facts)" : "\(bar)\(rest)  \(facts)"
  }

  private func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  /// `42 s`, `3 min 20 s`, `1 h 05 min`.
  static func time(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 1e6).rounded(.up))
    if whole < 60 { return "\(whole) s" }
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    if whole < 3600 { return "\(whole / 60) min \(two(whole % 60)) s" }
    return "\(whole / 3600) h \(two(whole % 3600 / 60)) min"
  }
}
