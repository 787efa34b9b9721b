/// Statistics as design.md §3 and elementwise.md define them, the slow and obvious way.
public enum ReferenceStatistics {
  public static let chunkLength = 65_536

  /// The sum in 16 lanes by flat index within chunks, through a fixed tree, chunks in order.
  public static func sum(_ values: some RandomAccessCollection<Double>) -> Double {
    let values = Array(values)
    var total = 0.0
    for start in stride(from: 0, to: values.count, by: chunkLength) {
      var lanes = [Double](repeating: 0, count: 16)
      for index in start..<min(start + chunkLength, values.count) { lanes[(index - start) % 16] += values[index] }
      for width in [8, 4, 2, 1] {
        for lane in 0..<width { lanes[lane] += lanes[lane + width] }
      }
      total += lanes[0]
    }
    return total
  }

  /// The sum of products, which are rounded to Double.
  public static func dot(_ a: [Double], _ b: [Double]) -> Double { sum(zip(a, b).map { $0 * $1 }) }

  /// One sum per row.
  public static func rowSums(_ values: [Double], rowLength: Int) -> [Double] {
    stride(from: 0, to: values.count, by: rowLength).map { sum(values[$0..<min($0 + rowLength, values.count)]) }
  }

  /// One sum per column: rows in order within each of 16 fixed panels, then the panels in order.
  public static func columnSums(_ values: [Double], columns: Int) -> [Double] {
    let rows = values.count / columns
    let panelRows = (rows + 15) / 16
    var totals = [Double](repeating: 0, count: columns)
    for start in stride(from: 0, to: rows, by: max(1, panelRows)) {
      var sums = [Double](repeating: 0, count: columns)
      for row in start..<min(start + panelRows, rows) {
        for column in 0..<columns { sums[column] += values[row * columns + column] }
      }
      for column in 0..<columns { totals[column] += sums[column] }
    }
    return totals
  }

  /// Which elements are among the `count` of largest magnitude; a zero never is.
  public static func keeps(_ values: [Double], count: Int, exactly: Bool) -> [Bool] {
    var kept = [Bool](repeating: false, count: values.count)
    guard count > 0, !values.isEmpty else { return kept }
    let order = values.indices.sorted { (-abs(values[$0]), $0) < (-abs(values[$1]), $1) }
    let least = abs(values[order[min(count, order.count) - 1]])
    if exactly {
      for index in order.prefix(count) { kept[index] = values[index] != 0 }
    } else {
      for index in values.indices { kept[index] = values[index] != 0 && abs(values[index]) >= least }
    }
    return kept
  }
}

/// The generator of elementwise.md §1.13, step by step.
public struct ReferenceMask: Sendable {
  public let key1: UInt64
  private let key2: UInt64
  private static let golden: UInt64 = 0x9E37_79B9_7F4A_7C15

  public init(seed: UInt64, name: String, model: Int) {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    key1 = Self.mix(Self.mix(seed &+ Self.golden) ^ hash)
    key2 = Self.mix(key1 &+ Self.golden &* UInt64(model + 1))
  }

  public func bits(_ element: Int) -> UInt64 { Self.mix(key2 &+ Self.golden &* UInt64(element + 1)) }

  /// u_i.
  public func number(_ element: Int) -> Double { Double(bits(element) >> 11) * 0x1p-53 }

  private static func mix(_ value: UInt64) -> UInt64 {
    var bits = value
    bits ^= bits >> 30
    bits = bits &* 0xBF58_476D_1CE4_E5B9
    bits ^= bits >> 27
    bits = bits &* 0x94D0_49BB_1331_11EB
    bits ^= bits >> 31
    return bits
  }
}
