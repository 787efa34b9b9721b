extension [UInt64] {
  /// Finds the key of a rank, counted from the smallest, by partitioning around pivots; the order changes.
  ///
  /// - Parameter range: the places among which the rank lies, where an earlier selection has parted the keys around both ends.
  mutating func select(rank: Int, within range: Range<Int>? = nil) -> UInt64 {
    // SAFETY: all indices lie between low and high, which lie in the buffer.
    unsafe withUnsafeMutableBufferPointer { keys in
      var draw: UInt64 = 1
      var low = range?.lowerBound ?? 0
      var high = (range?.upperBound ?? keys.count) - 1
      while low < high {
        // Pivots from a fixed stream, so that no likely order of the keys is a bad one.
        draw = draw &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let pivot = unsafe keys[low + Int((draw >> 33) % UInt64(high - low + 1))]
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
  init(of keys: [UInt64], _ quota: Quota) {
    let count: Int
    switch quota.count {
    case .fixed(let number): count = Swift.min(number, keys.count)
    case .share(let share, _): count = Int(share * Double(keys.count { $0 > 0 }))
    }
    guard count > 0 else {
      self = .none
      return
    }
    var ranked = keys
    let threshold = ranked.select(rank: keys.count - count)
    var cut = Int.max
    var keepsAfter = false
    if quota.rule == .exactK, threshold > 0 {
      let ties = keys.count { $0 == threshold }
      var left = count - keys.count { $0 > threshold }
      keepsAfter = quota.keepsLastTies && left < ties
      if keepsAfter { left = ties - left }
      for (place, key) in keys.enumerated() where key == threshold {
        left -= 1
        if left == 0 { cut = place }
      }
    }
    self.init(threshold: Swift.max(1, threshold), cut: cut, keepsAfter: keepsAfter)
  }
}
