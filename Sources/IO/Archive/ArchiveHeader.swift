internal import WeirTensors

/// The safetensors header of an archive, which is written last, into room held for it.
enum ArchiveHeader {
  /// Bytes of a header that has room for whatever comes: every number in it is at most the one that is counted here.
  static func room(
    for index: ArchiveIndex, indexByteCount: Int, _ metadata: [String: String], _ metadataRoom: Int
  ) -> Int {
    var entries = [entry(ofIndex: indexByteCount)]
    var spare = metadataRoom
    for item in index.items where item.info.elementCount > 0 {
      let ofCodecs = 4096 * BlockPlace.blockCount(of: item.info.shape) + 8 * item.info.elementCount
      let most = max(item.maximumByteCount, ofCodecs)
      let shape = Shape(vector: most)
      entries.append(TensorInfo(name: item.entryName, dtype: .u8, shape: shape))
      // A tensor may turn out dense, with a longer suffix, type and shape.
      let excess = item.info.shape.description.utf8.count - shape.description.utf8.count
      spare += 4 + max(0, excess)
    }
    var whole = self.metadata(for: index, metadata)
    let none = Hash128(high: 0, low: 0).description
    if index.baseFingerprint == nil { whole[ArchiveFormat.Key.baseFingerprint] = nil }
    whole[ArchiveFormat.Key.resultFingerprint] = none
    // A tensor may be recoded, but not to a codec whose parameters it has no room for.
    let planned = Set(index.tensors.map(\.coding.codec))
    whole[ArchiveFormat.Key.codecs] = summary(
      ArchiveCodec.allCases.filter { planned.contains($0) || ![.seeded, .dare, .lowrank].contains($0) })
    return padded(OutputHeader.text(for: entries[...], metadata: whole).count + spare)
  }

  /// The header of a finished archive; `nil` where it does not fit in its room.
  static func bytes(
    for index: ArchiveIndex, indexByteCount: Int, _ metadata: [String: String], room: Int
  ) -> [UInt8]? {
    let entries = [entry(ofIndex: indexByteCount)] + Self.entries(of: index)
    let text = OutputHeader.text(for: entries[...], metadata: self.metadata(for: index, metadata))
    return text.count <= room ? OutputHeader.finished(text, byteCount: room) : nil
  }

  /// The entry of the index.
  static func entry(ofIndex byteCount: Int) -> TensorInfo {
    TensorInfo(name: ArchiveFormat.indexName, dtype: .u8, shape: Shape(vector: byteCount))
  }

  /// The entries after that of the index, in their order.
  static func entries(of index: ArchiveIndex) -> [TensorInfo] {
    var entries: [TensorInfo] = []
    var first = 0
    for item in index.items where item.blockCount > 0 {
      let count = index.blockByteCounts[first..<first + item.blockCount].reduce(0, +)
      if let entry = item.entry(byteCount: count) { entries.append(entry) }
      first += item.blockCount
    }
    return entries
  }

  /// All metadata of an archive: what users are told, and what the container says itself.
  static func metadata(for index: ArchiveIndex, _ metadata: [String: String]) -> [String: String] {
    var whole = metadata
    whole[ArchiveFormat.Key.format] = ArchiveFormat.format
    whole[ArchiveFormat.Key.version] = String(ArchiveFormat.version)
    whole[ArchiveFormat.Key.minimumReader] = String(ArchiveFormat.minimumReader)
    whole[ArchiveFormat.Key.index] = ArchiveFormat.indexName
    whole[ArchiveFormat.Key.kind] = index.kind.rawValue
    whole[ArchiveFormat.Key.codecs] = summary(index.tensors.map(\.coding.codec))
    whole[ArchiveFormat.Key.elementCount] = String(index.tensors.reduce(0) { $0 + $1.info.elementCount })
    whole[ArchiveFormat.Key.baseFingerprint] = index.baseFingerprint?.description
    whole[ArchiveFormat.Key.resultFingerprint] = index.resultFingerprint?.description
    return whole
  }

  /// The codecs that occur, in the order of their numbers.
  private static func summary(_ codecs: [ArchiveCodec]) -> String {
    let present = Set(codecs)
    return ArchiveCodec.allCases.filter(present.contains).map(\.name).joined(separator: ",")
  }

  private static func padded(_ count: Int) -> Int {
    (count + ArchiveFormat.alignment - 1) / ArchiveFormat.alignment * ArchiveFormat.alignment
  }
}

extension ArchiveCodec {
  /// The codec's name in metadata and messages.
  public var name: String {
    switch self {
    case .same: "same"
    case .stored: "stored"
    case .dense: "dense"
    case .ternary: "ternary"
    case .ternaryPlane: "ternary_plane"
    case .ternaryContext: "ternary_context"
    case .sign: "sign"
    case .seeded: "seeded"
    case .dare: "dare"
    case .sparse: "sparse"
    case .lossless: "lossless"
    case .lowrank: "lowrank"
    }
  }
}
