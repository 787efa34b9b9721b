extension ModelStatistics {
  /// Whether nothing has been gathered.
  public var isEmpty: Bool { results.isEmpty }

  /// All that was gathered, to the last bit, as text; ``init(bytes:)`` reads it.
  public var bytes: [UInt8] {
    let lines = results.map { key, result -> String in
      let words: [String]
      switch result {
      case .numbers(let numbers): words = ["numbers"] + numbers.map { Self.word($0.bitPattern) }
      case .selection(let selection): words = ["selection"] + Self.words(selection)
      case .modelSelection(let selection, let cutTensor):
        words = ["model"] + Self.words(selection) + [Self.word(UInt64(bitPattern: Int64(cutTensor)))]
      }
      return ([Self.word(key.node), Self.word(key.purpose)] + words).joined(separator: " ")
    }
    return Array(lines.sorted().joined(separator: "\n").utf8)
  }

  /// Reads what was gathered; `nil` where the bytes are no such text.
  public init?(bytes: [UInt8]) {
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard words.count > 2, let node = Self.text(words[0]), let purpose = Self.text(words[1]) else { return nil }
      let numbers = words[3...].map { UInt64($0, radix: 16) }
      let values = numbers.compactMap(\.self)
      guard values.count == numbers.count else { return nil }
      let result: StatisticResult
      switch (words[2], values.count) {
      case ("numbers", _): result = .numbers(values.map { Double(bitPattern: $0) })
      case ("selection", 3): result = .selection(Self.selection(values))
      case ("model", 4):
        result = .modelSelection(Self.selection(values), cutTensor: Int(Int64(bitPattern: values[3])))
      default: return nil
      }
      results[ModelStatisticKey(node: node, purpose: purpose)] = result
    }
  }

  private static func words(_ selection: Selection) -> [String] {
    [selection.threshold, UInt64(bitPattern: Int64(selection.cut)), selection.keepsAfter ? 1 : 0].map { word($0) }
  }

  private static func selection(_ values: [UInt64]) -> Selection {
    Selection(threshold: values[0], cut: Int(Int64(bitPattern: values[1])), keepsAfter: values[2] != 0)
  }

  private static func word(_ number: UInt64) -> String { String(number, radix: 16) }

  /// A text as one word: its bytes in two digits each, after a mark that keeps an empty one a word.
  private static func word(_ text: String) -> String {
    "x" + text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private static func text(_ word: String) -> String? {
    let digits = Array(word.utf8.dropFirst())
    guard word.hasPrefix("x"), digits.count % 2 == 0 else { return nil }
    let bytes = stride(from: 0, to: digits.count, by: 2).map {
      UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
    }
    guard bytes.allSatisfy({ $0 != nil }) else { return nil }
    return String(validating: bytes.compactMap(\.self), as: UTF8.self)
  }
}
