extension [UInt64] {
  private static let fewKeys = 64
  private static let mostBinBits = 11

  /// Finds the key of a rank, counted from the smallest.
  func select(rank: Int) -> UInt64 { select(ranks: [rank])[0] }

  /// Finds the keys of ranks: keys are counted by their leading bits, and searched further in the bins of the ranks alone.
  func select(ranks: [Int]) -> [UInt64] {
    guard count > Self.fewKeys else {
      let sorted = sorted()
      return ranks.map { sorted[$0] }
    }
    // SAFETY: all places lie in the buffers: a key's leading bits are below the number of bins.
    return unsafe withUnsafeBufferPointer { keys in
      var (least, most) = (UInt64.max, UInt64.min)
      for place in keys.indices {
        unsafe least = Swift.min(least, keys[place])
        unsafe most = Swift.max(most, keys[place])
      }
      // No more bins than keys, so that few keys do not pay for many.
      let binBits = Swift.min(Self.mostBinBits, Int.bitWidth - 1 - count.leadingZeroBitCount)
      let shift = UInt64(Swift.max(0, UInt64.bitWidth - (most - least).leadingZeroBitCount - binBits))
      var bins = [Int](repeating: 0, count: 1 << binBits)
      unsafe bins.withUnsafeMutableBufferPointer { bins in
        for place in keys.indices { unsafe bins[Int(truncatingIfNeeded: (keys[place] &- least) &>> shift)] &+= 1 }
      }
      var known: [Int: [UInt64]] = [:]
      return ranks.map { rank in
        var bin = 0
        var before = 0
        while before + bins[bin] <= rank {
          before += bins[bin]
          bin += 1
        }
        if shift == 0 { return least + UInt64(bin) }
        if known[bin] == nil {
          let lower = least + UInt64(bin) << shift
          known[bin] = unsafe [UInt64](unsafeUninitializedCapacity: bins[bin]) { found, length in
            for place in keys.indices where unsafe (keys[place] &- lower) &>> shift == 0 {
              unsafe found[length] = keys[place]
              length += 1
            }
          }
        }
        return known[bin]?.select(rank: rank - before) ?? 0
      }
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
    let threshold = keys.select(rank: keys.count - count)
    var cut = Int.max
    var keepsAfter = false
    if quota.rule == .exactK, threshold > 0 {
      var (ties, greater) = (0, 0)
      for key in keys {
        ties += key == threshold ? 1 : 0
        greater += key > threshold ? 1 : 0
      }
      var left = count - greater
      if left < ties {
        keepsAfter = quota.keepsLastTies
        if keepsAfter { left = ties - left }
        for (place, key) in keys.enumerated() where key == threshold {
          left -= 1
          if left == 0 { cut = place }
        }
      }
    }
    self.init(threshold: Swift.max(1, threshold), cut: cut, keepsAfter: keepsAfter)
  }
}
