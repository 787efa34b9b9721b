/// Turns a part of a graph into a program.
struct ProgramCompiler {
  private let graph: ExpressionGraph
  private let roots: [Int]
  private let planeSlots: Set<Int>
  private var program = Program()
  /// How many instructions and roots still read a node's tile.
  private var uses: [Int]
  /// What its only reader computes itself: products with a scalar that a sum adds, trimmed values that an election takes,
  /// operands that are scaled or added.
  private var absorbed: [Bool]
  /// The register that holds a node's tile.
  private var registers: [Int?]
  private var free: [Int] = []

  init(graph: ExpressionGraph, roots: [Int], planeSlots: Set<Int>) {
    self.graph = graph
    self.roots = roots
    self.planeSlots = planeSlots
    uses = Array(repeating: 0, count: graph.operations.count)
    absorbed = Array(repeating: false, count: graph.operations.count)
    registers = Array(repeating: nil, count: graph.operations.count)
  }

  mutating func run() -> Program {
    let order = tileNodes()
    absorbProducts(order)
    absorbTrims(order)
    absorbSigns(order)
    absorbOperands(order)
    for index in order where !absorbed[index] { emit(index) }
    for root in roots { program.outputs.append(tile(root)) }
    program.slots.sort()
    return program
  }

  /// The nodes whose tiles are needed, each right before its first reader, with their uses counted.
  private mutating func tileNodes() -> [Int] {
    var order: [Int] = []
    var entered = [Bool](repeating: false, count: graph.operations.count)
    var left = entered
    var stack = Array(roots.reversed())
    for root in roots { uses[root] += 1 }
    while let index = stack.last {
      if graph.extents[index] != .element || left[index] {
        stack.removeLast()
      } else if !entered[index] {
        entered[index] = true
        let operands = isGiven(index) ? [] : graph.operations[index].operands
        for operand in operands { uses[operand] += 1 }
        stack += operands.reversed()
      } else {
        stack.removeLast()
        left[index] = true
        order.append(index)
      }
    }
    return order
  }

  /// Whether a node's tile is made without tiles of its operands.
  private func isGiven(_ index: Int) -> Bool {
    if case .ranked = graph.operations[index] { return true }
    return planes(index) != nil || difference(index) != nil
  }

  /// The slots behind an elected sum, where all of them are bit planes, which it reads without making tiles of them.
  private func planes(_ index: Int) -> [Int]? {
    guard case .electedSum(let values, _, _) = graph.operations[index] else { return nil }
    let slots = values.compactMap { value -> Int? in
      guard case .input(let slot) = graph.operations[value], planeSlots.contains(slot) else { return nil }
      return slot
    }
    return slots.count == values.count ? slots : nil
  }

  /// The slots of a difference of two operands, which is decoded and subtracted in one step.
  private func difference(_ index: Int) -> (slot: Int, from: Int)? {
    guard case .binary(.subtract, let a, let b) = graph.operations[index],
      case .input(let slot) = graph.operations[a], case .input(let from) = graph.operations[b],
      !planeSlots.contains(slot), !planeSlots.contains(from)
    else { return nil }
    return (slot, from)
  }

  /// Finds trimmed values that only an election reads.
  private mutating func absorbTrims(_ order: [Int]) {
    for index in order where planes(index) == nil {
      guard case .electedSum(let values, _, _) = graph.operations[index] else { continue }
      for value in values where uses[value] == 1 {
        if case .trim = graph.operations[value] { absorbed[value] = true }
      }
    }
  }

  /// Finds `sign(trim(x))·s` where nobody else reads what it is made of.
  private mutating func absorbSigns(_ order: [Int]) {
    for index in order where !absorbed[index] {
      guard let (tile, trimmed, _) = signed(index), uses[tile] == 1, uses[trimmed] == 1 else { continue }
      absorbed[tile] = true
      absorbed[trimmed] = true
    }
  }

  /// The sign, the trimmed values and the scalar of `sign(trim(x))·s`.
  private func signed(_ index: Int) -> (sign: Int, trimmed: Int, scalar: Int)? {
    guard let (tile, scalar) = scaling(index), case .unary(.sign, let trimmed) = graph.operations[tile],
      case .trim = graph.operations[trimmed]
    else { return nil }
    return (tile, trimmed, scalar)
  }

  /// Finds `a + x·s` where nobody else reads `x·s`.
  private mutating func absorbProducts(_ order: [Int]) {
    for index in order {
      guard case .binary(.add, let a, let b) = graph.operations[index], a != b, graph.extents[a] == .element else {
        continue
      }
      for (candidate, other) in [(b, a), (a, b)] where uses[candidate] == 1 && !absorbed[other] {
        guard scaling(candidate) != nil, graph.extents[other] == .element, !absorbed[candidate] else {
          continue
        }
        absorbed[candidate] = true
        break
      }
    }
  }

  /// Finds operands that only a product with a scalar or a sum reads, which then decodes them.
  private mutating func absorbOperands(_ order: [Int]) {
    for index in order where difference(index) == nil {
      if !absorbed[index], let (tile, _) = scaling(index), isLoadedOnce(tile) { absorbed[tile] = true }
      guard let (a, b) = addends(index) else { continue }
      if let product = [a, b].first(where: { absorbed[$0] }) {
        if let (tile, _) = scaling(product), isLoadedOnce(tile) { absorbed[tile] = true }
      } else if let addend = preferred(index, a, b).first(where: isLoadedOnce) {
        absorbed[addend] = true
      }
    }
  }

  /// Which of two addends rather be decoded as it is added: a base, since what is restored is stored as it is.
  private func preferred(_ index: Int, _ a: Int, _ b: Int) -> [Int] {
    if case .restored = graph.operations[index] { [a, b] } else { [b, a] }
  }

  /// The two tiles that a sum adds.
  private func addends(_ index: Int) -> (Int, Int)? {
    switch graph.operations[index] {
    case .binary(.add, let a, let b), .restored(let a, let b):
      a != b && graph.extents[a] == .element && graph.extents[b] == .element ? (a, b) : nil
    default: nil
    }
  }

  /// Whether a node is an operand's elements that one instruction reads.
  private func isLoadedOnce(_ index: Int) -> Bool { uses[index] == 1 && loaded(index) != nil }

  /// The slot of an operand whose elements are decoded.
  private func loaded(_ index: Int) -> Int? {
    guard case .input(let slot) = graph.operations[index], !planeSlots.contains(slot) else { return nil }
    return slot
  }

  /// The tile and the scalar of a product of an element and a scalar.
  private func scaling(_ index: Int) -> (tile: Int, scalar: Int)? {
    guard case .binary(.multiply, let a, let b) = graph.operations[index] else { return nil }
    if graph.extents[a] == .element, graph.extents[b] == .scalar { return (a, b) }
    if graph.extents[b] == .element, graph.extents[a] == .scalar { return (b, a) }
    return nil
  }

  private mutating func emit(_ index: Int) {
    switch graph.operations[index] {
    case .input(let slot):
      read([slot])
      program.instructions.append(.load(slot: slot, into: result(index)))
    case .constant, .columns, .statistic, .formula, .ranks:
      break  // scalars and vectors are laid into a tile only where a tile is asked for
    case .unary(let operation, let a):
      let tile = tile(a)
      program.instructions.append(.unary(operation, tile, into: result(index, freeing: [a])))
    case .binary(let operation, let a, let b):
      emitBinary(index, operation, a, b)
    case .restored(let base, let delta):
      emitBinary(index, .add, base, delta)
    case .electedSum(let values, let weights, let normalize):
      if let slots = planes(index) {
        read(slots)
        program.instructions.append(
          .electedPlanes(slots, weights: weights, normalize: normalize, into: result(index)))
      } else {
        emitElection(index, values, weights, normalize)
      }
    case .select(let mask, let a, let b):
      emitSelect(index, mask, a, b)
    case .trim(let a, let statistic):
      let selection = place(statistic, in: \.selections)
      let tile = tile(a)
      program.instructions.append(.trim(tile, selection: selection, into: result(index, freeing: [a])))
    case .drop(let a, let mask):
      let tile = tile(a)
      program.instructions.append(.drop(tile, mask, into: result(index, freeing: [a])))
    case .ranked(let a, let slices):
      program.rankings.append(
        Program.Ranking(program: graph.compile(roots: [a], planeSlots: planeSlots), slices: slices))
      program.instructions.append(.loadRanks(program.rankings.count - 1, into: result(index)))
    case .random(let key): program.instructions.append(.random(key: key, into: result(index)))
    }
  }

  private mutating func emitElection(_ index: Int, _ values: [Int], _ weights: [UInt64], _ normalize: Bool) {
    var sources = values
    var selections: [Int?] = Array(repeating: nil, count: values.count)
    for (place, value) in values.enumerated() where absorbed[value] {
      guard case .trim(let a, let statistic) = graph.operations[value] else { continue }
      sources[place] = a
      selections[place] = self.place(statistic, in: \.selections)
    }
    let tiles = sources.map { tile($0) }
    program.instructions.append(
      .electedSum(
        tiles, selections: selections, weights: weights, normalize: normalize, into: result(index, freeing: sources)))
  }

  private mutating func read(_ slots: [Int]) {
    program.slots += slots.filter { !program.slots.contains($0) }
  }

  private mutating func emitSelect(_ index: Int, _ mask: Int, _ a: Int, _ b: Int) {
    if graph.extents[b] == .scalar, graph.extents[a] != .scalar {
      let tiles = (tile(mask), tile(a))
      let place = place(b, in: \.scalars)
      let into = result(index, freeing: [mask, a])
      program.instructions.append(.selectRight(tiles.0, tiles.1, scalar: place, into: into))
    } else if graph.extents[a] == .scalar, graph.extents[b] != .scalar {
      let tiles = (tile(mask), tile(b))
      let place = place(a, in: \.scalars)
      let into = result(index, freeing: [mask, b])
      program.instructions.append(.selectLeft(tiles.0, scalar: place, tiles.1, into: into))
    } else {
      let tiles = (tile(mask), tile(a), tile(b))
      let into = result(index, freeing: [mask, a, b])
      program.instructions.append(.select(tiles.0, tiles.1, tiles.2, into: into))
    }
  }

  private mutating func emitBinary(_ index: Int, _ operation: Operation.Binary, _ a: Int, _ b: Int) {
    if let (slot, from) = difference(index) {
      read([slot, from])
      program.instructions.append(.loadDifference(slot: slot, from: from, into: result(index)))
    } else if operation == .add, let (other, addend) = absorbed[b] ? (a, b) : absorbed[a] ? (b, a) : nil {
      emitSum(index, other, addend)
    } else if operation == .multiply, let (operand, scalar) = scaling(index), absorbed[operand],
      let slot = loaded(operand)
    {
      read([slot])
      let place = place(scalar, in: \.scalars)
      program.instructions.append(.loadScaled(slot: slot, scalar: place, into: result(index)))
    } else if let (sign, trimmed, scalar) = signed(index), absorbed[sign],
      case .trim(let a, let statistic) = graph.operations[trimmed]
    {
      let selection = place(statistic, in: \.selections)
      let tile = tile(a)
      let place = place(scalar, in: \.scalars)
      program.instructions.append(
        .trimSign(tile, selection: selection, scalar: place, into: result(index, freeing: [a])))
    } else if graph.extents[b] == .scalar {
      let tile = tile(a)
      let place = place(b, in: \.scalars)
      program.instructions.append(.binaryRight(operation, tile, scalar: place, into: result(index, freeing: [a])))
    } else if graph.extents[a] == .scalar {
      let tile = tile(b)
      let place = place(a, in: \.scalars)
      program.instructions.append(.binaryLeft(operation, scalar: place, tile, into: result(index, freeing: [b])))
    } else {
      let tiles = (tile(a), tile(b))
      let into = result(index, freeing: [a, b])
      program.instructions.append(.binary(operation, tiles.0, tiles.1, into: into))
    }
  }

  /// Adds to a tile what nobody else reads: an operand, or a product of an operand or a tile and a scalar.
  private mutating func emitSum(_ index: Int, _ other: Int, _ addend: Int) {
    let (scaled, factor) = scaling(addend).map { ($0.tile, $0.scalar) } ?? (addend, nil)
    let tile = tile(other)
    let scalar = factor.map { place($0, in: \.scalars) }
    if absorbed[scaled], let slot = loaded(scaled) {
      read([slot])
      let into = result(index, freeing: [other])
      program.instructions.append(.loadAdded(slot: slot, scalar: scalar, to: tile, into: into))
    } else if let scalar {
      let product = self.tile(scaled)
      let into = result(index, freeing: [other, scaled])
      program.instructions.append(.addScaled(tile, product, scalar: scalar, into: into))
    }
  }

  /// The register that holds a node's tile; a scalar or a vector is laid into one first.
  private mutating func tile(_ index: Int) -> Int {
    if let register = registers[index] { return register }
    let register = allocate()
    registers[index] = register
    switch graph.extents[index] {
    case .scalar:
      let scalar = place(index, in: \.scalars)
      program.instructions.append(.fill(scalar: scalar, into: register))
    case .row, .column:
      let vector = place(index, in: \.vectors)
      program.instructions.append(
        .broadcast(vector: vector, isRow: graph.extents[index] == .row, into: register))
    case .element:
      assertionFailure("operands are emitted before their readers")
    }
    return register
  }

  /// The register for a node's result. Kernels work in place, so an operand read for the last time lends its own.
  private mutating func result(_ index: Int, freeing operands: [Int] = []) -> Int {
    for operand in operands {
      uses[operand] -= 1
      if uses[operand] == 0, let register = registers[operand] {
        registers[operand] = nil
        free.append(register)
      }
    }
    let register = allocate()
    registers[index] = register
    return register
  }

  private mutating func allocate() -> Int {
    if let register = free.popLast() { return register }
    program.registerCount += 1
    return program.registerCount - 1
  }

  private mutating func place(_ item: Int, in list: WritableKeyPath<Program, [Int]>) -> Int {
    if let place = program[keyPath: list].firstIndex(of: item) { return place }
    program[keyPath: list].append(item)
    return program[keyPath: list].count - 1
  }
}
