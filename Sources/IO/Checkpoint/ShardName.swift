/// The name of one shard of a series: `model-00002-of-00003.safetensors`.
struct ShardName: Equatable {
  let prefix: String
  let number: Int
  let total: Int
  /// Digits of each number.
  let width: Int

  /// Reads a name; `nil` where it is not one of a series.
  init?(_ name: String) {
    guard name.hasSuffix(".safetensors") else { return nil }
    let parts = name.dropLast(".safetensors".count).split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[parts.count - 2] == "of" else { return nil }
    let (number, total) = (parts[parts.count - 3], parts[parts.count - 1])
    let isNumeric = (number + total).utf8.allSatisfy { (48...57).contains($0) }
    guard isNumeric, number.count == total.count, let first = Int(number), let last = Int(total),
      first >= 1, first <= last
    else { return nil }
    prefix = parts.dropLast(3).joined(separator: "-")
    self.number = first
    self.total = last
    width = number.count
  }

  /// The name of shard `number` of the same series.
  func name(_ number: Int) -> String {
    func padded(_ number: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    return "\(prefix)-\(padded(number))-of-\(padded(total)).safetensors"
  }

  func isSameSeries(as other: ShardName) -> Bool {
    prefix == other.prefix && total == other.total && width == other.width
  }

  /// Checks that `names` are all shards of one series; `nil` where they are not of one.
  ///
  /// - Throws: ``CheckpointError`` that names the first missing shard.
  static func series(_ names: [String], folder: String) throws(CheckpointError) -> [String]? {
    let shards = names.map(ShardName.init)
    guard let first = shards.first ?? nil, shards.allSatisfy({ $0?.isSameSeries(as: first) ?? false }) else {
      return nil
    }
    let present = Set(names)
    var number = 1
    while number <= first.total {
      guard present.contains(first.name(number)) else {
        throw CheckpointError(.incompleteShards(missing: first.name(number)), file: folder)
      }
      number += 1
    }
    return names
  }
}
