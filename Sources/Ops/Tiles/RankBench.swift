/// The ranks that a worker has gathered, by the program's rankings, for the elements at hand.
@safe final class RankBench {
  /// The element that the first rank of every table is of.
  private var first = 0
  private var tables: [[UInt32]] = []
  private var scratch = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
  private var scratchBytes = 64
  /// Computes the numbers that are ranked, while the registers of the machine itself may be in use.
  private(set) var machine: TileMachine?

  deinit { unsafe scratch.deallocate() }

  /// A machine for what is ranked.
  func machine(like other: TileMachine) -> TileMachine {
    if let machine { return machine }
    let made = TileMachine(tileLength: other.tileLength, rankStep: other.rankStep)
    machine = made
    return made
  }

  /// Makes room for the ranks of some rankings.
  func begin(_ count: Int, first: Int) {
    self.first = first
    if tables.count < count { tables += Array(repeating: [], count: count - tables.count) }
  }

  /// The table of a ranking, to be filled; until it is put back the bench has none.
  func take(_ ranking: Int) -> [UInt32] {
    defer { tables[ranking] = [] }
    return tables[ranking]
  }

  func put(_ ranking: Int, _ table: consuming [UInt32]) { tables[ranking] = table }

  /// Memory for one step of a ranking.
  func scratch(_ byteCount: Int) -> UnsafeMutableRawPointer {
    if byteCount > scratchBytes {
      // SAFETY: nothing is kept there between steps.
      unsafe scratch.deallocate()
      unsafe scratch = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
      scratchBytes = byteCount
    }
    return unsafe scratch
  }

  /// Lays ranks into a tile.
  func load<Element: KernelElement>(
    _ ranking: Int, _ tile: UnsafeMutablePointer<Element>, _ first: Int, _ count: Int
  ) {
    unsafe tables[ranking].withUnsafeBufferPointer { ranks in
      // SAFETY: the elements lie in the run that was ranked, which whoever runs the program sees to.
      guard let start = ranks.baseAddress, first >= self.first, first - self.first + count <= ranks.count else {
        assertionFailure("elements are ranked before a program reads their ranks")
        return
      }
      unsafe Element.ranks(tile, start + (first - self.first), count)
    }
  }
}
