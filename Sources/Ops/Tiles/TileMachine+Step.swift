internal import CKernels

extension TileMachine {
  /// Carries out one instruction over a tile.
  func step<Element: KernelElement>(
    _ instruction: Instruction, _ bound: BoundProgram, _: Element.Type, _ first: Int, _ count: Int,
    _ inputs: [InputWindow]
  ) throws(NonFinite) {
    func tile(_ index: Int) -> UnsafeMutablePointer<Element> { unsafe register(index, as: Element.self) }
    func number(_ index: Int) -> Element { Element(bound.scalars[index]) }
    func source(_ slot: Int) -> UnsafeRawPointer {
      // SAFETY: the slot's window covers the elements.
      unsafe inputs[slot].address + (first - inputs[slot].first) * bound.elementBytes[slot]
    }
    switch instruction {
    case .load(let slot, let into) where bound.dtypes[slot] == PlaneWindow.kernel:
      // SAFETY: such a slot's window points at the planes of a block that covers the elements.
      let planes = unsafe inputs[slot].address.assumingMemoryBound(to: weir_plane_window.self)
      unsafe Element.loadPlanes(tile(into), planes, first - inputs[slot].first, count)
    case .load(let slot, let into):
      let special = unsafe Element.decode(bound.dtypes[slot], tile(into), source(slot), count)
      if special != 0, bound.checksFinite { try unsafe refuse(bound, slot, first, tile(into), count, source(slot)) }
    case .loadDifference(let slot, let other, let into):
      let special = unsafe Element.difference(
        bound.dtypes[slot], bound.dtypes[other], tile(into), source(slot), source(other), count)
      if special != 0, bound.checksFinite {
        // It may be of either side, or of neither where the difference is too large for a number.
        for slot in [slot, other] {
          try unsafe refuse(bound, slot, first, tile(into), count, source(slot))
        }
        _ = unsafe Element.difference(
          bound.dtypes[slot], bound.dtypes[other], tile(into), source(slot), source(other), count)
      }
    case .loadScaled(let slot, let scalar, let into):
      let special = unsafe Element.decodeScaled(
        bound.dtypes[slot], tile(into), nil, source(slot), number(scalar), count)
      if special != 0, bound.checksFinite { try unsafe refuse(bound, slot, first, tile(into), count, source(slot)) }
    case .loadAdded(let slot, let scalar, let other, let into):
      let special = unsafe Element.decodeScaled(
        bound.dtypes[slot], tile(into), tile(other), source(slot), scalar.map(number) ?? 1, count)
      if special != 0, bound.checksFinite { try unsafe refuse(bound, slot, first, tile(into), count, source(slot)) }
    case .fill(let scalar, let into): unsafe Element.fill(tile(into), number(scalar), count)
    case .broadcast(let vector, let isRow, let into):
      unsafe broadcast(bound, vector, isRow, first, count, tile(into))
    case .unary(let operation, let a, let into):
      if let dtype = operation.rounding {
        unsafe Element.round(dtype, tile(into), tile(a), count)
      } else {
        unsafe Element.unary(operation.rawValue, tile(into), tile(a), count)
      }
    case .binary(let operation, let a, let b, let into):
      unsafe Element.binary(operation.rawValue, tile(into), tile(a), tile(b), count)
    case .binaryRight(let operation, let a, let scalar, let into):
      unsafe Element.binaryRight(operation.rawValue, tile(into), tile(a), number(scalar), count)
    case .binaryLeft(let operation, let scalar, let b, let into):
      unsafe Element.binaryLeft(operation.rawValue, tile(into), number(scalar), tile(b), count)
    case .addScaled(let a, let b, let scalar, let into):
      unsafe Element.addScaled(tile(into), tile(a), tile(b), number(scalar), count)
    case .electedSum(let values, let selections, let weights, let normalize, let into):
      unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<Element>?.self, capacity: values.count) { tiles in
        unsafe withUnsafeTemporaryAllocation(of: Element.Key.self, capacity: values.count) { least in
          unsafe withNumbers(weights) { weights in
            var start = first
            while start < first + count {
              var end = first + count
              for (place, value) in values.enumerated() {
                unsafe tiles[place] = UnsafePointer(tile(value) + start - first)
                unsafe least[place] = 0
                guard let selection = selections[place].map({ bound.selections[$0] }) else { continue }
                unsafe least[place] = Element.Key(clamping: selection.least(from: start))
                end = min(end, selection.end(from: start))
              }
              unsafe Element.electedSum(tile(into) + start - first, tiles, least, weights, normalize, end - start)
              start = end
            }
          }
        }
      }
    case .electedPlanes(let slots, let weights, let normalize, let into):
      unsafe withUnsafeTemporaryAllocation(of: UnsafePointer<weir_plane_window>?.self, capacity: slots.count) {
        windows in
        // SAFETY: such slots' windows point at the planes of blocks that cover the elements.
        for (place, slot) in slots.enumerated() {
          unsafe windows[place] = inputs[slot].address.assumingMemoryBound(to: weir_plane_window.self)
        }
        // All archives cut a tensor alike, so that the windows begin at one element.
        let place = unsafe first - inputs[slots[0]].first
        unsafe withNumbers(weights) { unsafe Element.electedPlanes(tile(into), windows, $0, normalize, place, count) }
      }
    case .select(let mask, let a, let b, let into):
      unsafe Element.select(tile(into), tile(mask), tile(a), tile(b), count)
    case .selectRight(let mask, let a, let scalar, let into):
      unsafe Element.selectRight(tile(into), tile(mask), tile(a), number(scalar), count)
    case .selectLeft(let mask, let scalar, let b, let into):
      unsafe Element.selectLeft(tile(into), tile(mask), number(scalar), tile(b), count)
    case .trim(let a, let selection, let into):
      eachSide(of: bound.selections[selection], first, count) { least, from, count in
        unsafe Element.trim(tile(into) + from, tile(a) + from, least, count)
      }
    case .trimSign(let a, let selection, let scalar, let into):
      eachSide(of: bound.selections[selection], first, count) { least, from, count in
        unsafe Element.trimSign(tile(into) + from, tile(a) + from, least, number(scalar), count)
      }
    case .drop(let a, let mask, let into):
      unsafe Element.drop(tile(into), tile(a), mask, first, count)
    case .loadRanks(let ranking, let into): unsafe ranks.load(ranking, tile(into), first, count)
    case .random(let key, let into): unsafe Element.random(tile(into), key, first, count)
    }
  }

  /// Hands `body` the parts of a tile before and after the element where a selection's least key changes.
  private func eachSide(of selection: Selection, _ first: Int, _ count: Int, _ body: (UInt64, Int, Int) -> Void) {
    let split = min(first + count, selection.end(from: first)) - first
    body(selection.least(from: first), 0, split)
    body(selection.least(from: first + split), split, count - split)
  }

  /// Throws where an operand's elements, which are decoded into a tile, hold a NaN or an infinity.
  func refuse<Element: KernelElement>(
    _ bound: BoundProgram, _ slot: Int, _ first: Int, _ tile: UnsafeMutablePointer<Element>, _ count: Int,
    _ source: UnsafeRawPointer
  ) throws(NonFinite) {
    _ = unsafe Element.decode(bound.dtypes[slot], tile, source, count)
    let values = unsafe UnsafeBufferPointer(start: tile, count: count)
    guard let place = unsafe values.firstIndex(where: { !$0.isFinite }) else { return }
    throw unsafe NonFinite(slot: slot, element: first + place, value: Double(values[place]))
  }

  /// Hands `body` numbers in the working type.
  private func withNumbers<Element: KernelElement>(
    _ bits: [UInt64], _ body: (UnsafeMutableBufferPointer<Element>) -> Void
  ) {
    unsafe withUnsafeTemporaryAllocation(of: Element.self, capacity: bits.count) { numbers in
      for (place, number) in bits.enumerated() { unsafe numbers[place] = Element(Double(bitPattern: number)) }
      unsafe body(numbers)
    }
  }

  /// Lays row or column values into a tile.
  private func broadcast<Element: KernelElement>(
    _ bound: BoundProgram, _ index: Int, _ isRow: Bool, _ first: Int, _ count: Int,
    _ tile: UnsafeMutablePointer<Element>
  ) {
    let vector = bound.vectors[index]
    let length = isRow ? bound.rowLength : bound.columnCount
    var at = 0
    while at < count {
      let place = first + at
      let run = min(count - at, length - place % length)
      if isRow {
        unsafe Element.fill(tile + at, Element(vector[place / length]), run)
      } else {
        // SAFETY: `place % length + run` is at most the number of columns.
        unsafe vector.withUnsafeBufferPointer { values in
          guard let start = values.baseAddress else { return }
          _ = unsafe Element.decode(Int32(WEIR_F64.rawValue), tile + at, start + place % length, run)
        }
      }
      at += run
    }
  }
}

extension Operation.Unary {
  /// The element type that a rounding rounds to.
  fileprivate var rounding: Int32? {
    switch self {
    case .roundF32: Int32(WEIR_F32.rawValue)
    case .roundF16: Int32(WEIR_F16.rawValue)
    case .roundBF16: Int32(WEIR_BF16.rawValue)
    default: nil
    }
  }
}
