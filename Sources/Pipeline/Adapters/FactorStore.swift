internal import WeirIO
internal import WeirOps
internal import WeirTensors

/// The factors of adapters in memory, decoded once and shared by all workers.
///
/// Those used last are kept, up to a number of bytes; what a worker computes with at the moment stays until it is done.
final class FactorStore: Sendable {
  /// Which product of which adapter.
  struct Key: Hashable {
    let file: FileIdentity
    let left: Int?
    let right: Int?
    /// What differs where one tensor is used in two ways.
    let rowCount: Int
    let columnCount: Int

    init(_ tensor: AdapterTensor) {
      file = tensor.adapter.checkpoint.files[0].identity
      left = tensor.left.tensor
      right = tensor.right.tensor
      rowCount = tensor.rowCount
      columnCount = tensor.columnCount
    }
  }

  private struct State {
    var products: [Key: (product: PanelProduct, byteCount: Int, lastUse: Int)] = [:]
    var loading: Set<Key> = []
    var byteCount = 0
    var uses = 0
  }

  private let capacity: Int
  private let checksFinite: Bool
  private let progress: Progress
  private let state = Monitor(State())

  /// - Parameter capacity: bytes that are kept.
  init(capacity: Int, checksFinite: Bool, _ progress: Progress) {
    self.capacity = capacity
    self.checksFinite = checksFinite
    self.progress = progress
  }

  /// A tensor's product, decoded by the first worker that asks.
  func product(of tensor: AdapterTensor) throws(CheckpointError) -> PanelProduct {
    let key = Key(tensor)
    let known = state.wait { state -> PanelProduct?? in
      if let entry = state.products[key] {
        state.uses += 1
        state.products[key]?.lastUse = state.uses
        return .some(entry.product)
      }
      return state.loading.insert(key).inserted ? .some(nil) : nil
    }
    if let known { return known }
    do throws(CheckpointError) {
      let product = try load(tensor)
      state.change { Self.keep(product, key, tensor.factorBytes, capacity, &$0) }
      return product
    } catch {
      state.change { _ = $0.loading.remove(key) }
      throw error
    }
  }

  /// Keeps a product, and lets go of those that have not been used for longest.
  private static func keep(
    _ product: PanelProduct, _ key: Key, _ byteCount: Int, _ capacity: Int, _ state: inout State
  ) {
    state.loading.remove(key)
    while state.byteCount + byteCount > capacity,
      let oldest = state.products.min(by: { $0.value.lastUse < $1.value.lastUse })
    {
      state.products[oldest.key] = nil
      state.byteCount -= oldest.value.byteCount
    }
    guard state.byteCount + byteCount <= capacity else { return }
    state.uses += 1
    state.products[key] = (product, byteCount, state.uses)
    state.byteCount += byteCount
  }

  // MARK: - Decoding

  private func load(_ tensor: AdapterTensor) throws(CheckpointError) -> PanelProduct {
    let left = try side(tensor.left, tensor.rowCount * tensor.inner, tensor)
    let right = try side(tensor.right, tensor.columnCount * tensor.inner, tensor)
    do {
      return try PanelProduct(
        left, right, rowCount: tensor.rowCount, inner: tensor.inner, columnCount: tensor.columnCount,
        scale: tensor.scale)
    } catch {
      throw CheckpointError(
        .malformed(found: error.description, expected: "a library to multiply with"),
        file: tensor.adapter.checkpoint.path)
    }
  }

  private func side(
    _ side: AdapterTensor.Side, _ count: Int, _ tensor: AdapterTensor
  ) throws(CheckpointError) -> PanelProduct.Side {
    guard let place = side.tensor else {
      return PanelProduct.Side([Float](repeating: 1, count: count), isTransposed: side.isTransposed)
    }
    let checkpoint = tensor.adapter.checkpoint
    let info = checkpoint.catalogue.tensors[place]
    let location = checkpoint.locations[place]
    var elements: [Float] = []
    elements.reserveCapacity(count)
    var reader = WindowReader(reach: 0)
    let step = 1 << 20
    for start in stride(from: location.bytes.lowerBound, to: location.bytes.upperBound, by: step) {
      let first = elements.count
      let range = start..<min(start + step, location.bytes.upperBound)
      progress.addRead(range.count)
      do throws(CheckpointError) {
        // SAFETY: the bytes are decoded before the window moves on.
        let bytes = try unsafe reader.open(checkpoint.files[location.file], range, slot: 0)
        let bad = unsafe info.dtype.append(bytes, to: &elements)
        if let bad, checksFinite {
          throw CheckpointError(
            .malformed(
              found: "element \(first + bad) is \(elements[first + bad].isNaN ? "NaN" : "infinite")",
              expected: "finite numbers; repair the adapter, or let them through with \"nan\": \"propagate\""),
            file: checkpoint.path)
        }
      } catch {
        throw error.naming(tensor: info.name)
      }
    }
    return PanelProduct.Side(elements, isTransposed: side.isTransposed)
  }
}
