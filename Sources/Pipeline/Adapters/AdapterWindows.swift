internal import WeirIO
internal import WeirOps

/// A worker's computed panels, one per operand slot.
///
/// A slot keeps its panel until another is asked for, so that the tiles of a panel cost one product.
final class AdapterWindows {
  private let store: FactorStore
  private var slots: [Slot] = []

  init(_ store: FactorStore) { self.store = store }

  /// What a slot holds.
  private final class Slot {
    var panel: MemoryPanel?
    var key: FactorStore.Key?
    var elements = 0..<0
  }

  /// Opens a window on elements that lie in one panel.
  func open(_ tensor: AdapterTensor, _ elements: Range<Int>, slot number: Int) throws(CheckpointError) -> InputWindow {
    while slots.count <= number { slots.append(Slot()) }
    let slot = slots[number]
    let key = FactorStore.Key(tensor)
    if let panel = slot.panel, slot.key == key, slot.elements.contains(elements.lowerBound) {
      return unsafe InputWindow(address: UnsafeRawPointer(panel.start), first: slot.elements.lowerBound)
    }
    slot.key = nil
    let panel = try MemoryPanel.room(tensor.panelLength * 4, in: &slot.panel)
    let row = elements.lowerBound / tensor.panelLength * (tensor.panelLength / tensor.columnCount)
    // SAFETY: the panel has room for as many numbers as the product's panels have.
    let count = try unsafe store.product(of: tensor).compute(
      panelFrom: row, into: panel.start.assumingMemoryBound(to: Float.self))
    slot.elements = row * tensor.columnCount..<row * tensor.columnCount + count
    slot.key = key
    return unsafe InputWindow(address: UnsafeRawPointer(panel.start), first: slot.elements.lowerBound)
  }
}
