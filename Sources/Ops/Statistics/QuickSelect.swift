extension [UInt64] {
  /// Finds the key of a rank, counted from the smallest, by partitioning around pivots; the order changes.
  ///
  /// - Parameter range: the places among which the rank lies, where an earlier selection has parted the keys around both ends.
  mutating func select(rank: Int, within range: Range<Int>? = nil) -> UInt64 {
    // SAFETY: all indices lie between low and high, which lie in the buffer.
    unsafe withUnsafeMutableBufferPointer { keys in
      var low = range?.lowerBound ?? 0
      var high = (range?.upperBound ?? keys.count) - 1
      while low < high {
        let middle = (low + high) / 2
        let pivot = unsafe Swift.max(
          Swift.min(keys[low], keys[high]), Swift.min(Swift.max(keys[low], keys[high]), keys[middle]))
        var i = low
        var j = high
        while i <= j {
          while unsafe keys[i] < pivot { i += 1 }
          while unsafe keys[j] > pivot { j -= 1 }
          if i <= j {
            unsafe keys.swapAt(i, j)
            i += 1
            j -= 1
          }
        }
        if rank <= j { high = j } else if rank >= i { low = i } else { break }
      }
      return unsafe keys[rank]
    }
  }
}

extension Selection {
  /// Selects among all keys of a tensor, in their order.
  ///
  /// - Parameter count: how many to keep, from 1 to the number of keys.
  init(of keys: [UInt64], count: Int, rule: SelectionRule) {
    var ranked = keys
    let threshold = ranked.select(rank: keys.count - count)
    var cut = Int.max
    if rule == .exactK, threshold > 0 {
      var left = count - keys.count { $0 > threshold }
      for (place, key) in keys.enumerated() where key == threshold {
        left -= 1
        if left == 0 { cut = place }
      }
    }
    self.init(threshold: Swift.max(1, threshold), cut: cut)
  }
}
