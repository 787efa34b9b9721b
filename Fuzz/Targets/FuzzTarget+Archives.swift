import TestSupport
import WeirTensors

@testable import WeirIO

extension FuzzTarget {
  static func archive(_ bytes: [UInt8], in folder: String) {
    let path = "\(folder)/x.tv.safetensors"
    try? writeFile(path, bytes)
    do {
      let archive = try Archive.open(path, policy: .read, maximumHeaderBytes: 1 << 20)
      for file in archive.sideFiles where !file.isSameAsBase {
        promise(ArchiveIndex.isRelativePath(file.name), "side files stay in the folder")
        if let bytes = try? archive.contents(of: file) { promise(bytes.count == file.byteCount, "a file has its size") }
      }
      for tensor in archive.tensors {
        for block in tensor.blocks {
          promise(archive.blocks[block].upperBound <= archive.file.byteCount, "blocks lie in the file")
        }
      }
    } catch {
      promise(isOneLine("\(error)"), "a message is one line")
    }
  }

  static func archiveIndex(_ bytes: [UInt8]) {
    do {
      let index = try ArchiveIndex(bytes + Hash128(bytes).bytes, maximumByteCount: 1 << 20)
      promise(index.checksums.count == index.blockByteCounts.count, "a block has a checksum")
      promise(index.items.reduce(0) { $0 + $1.blockCount } == index.checksums.count, "blocks are those of the tensors")
      for shard in index.shards { promise(PathText.isPlainName(shard.name), "weights files are in the folder") }
      for file in index.sideFiles { promise(ArchiveIndex.isRelativePath(file.name), "side files stay in the folder") }
      for tensor in index.tensors {
        promise(SafetensorsHeader.problem(withName: tensor.info.name) == nil, "names are sound")
        promise(tensor.coding.problem(tensor.info, base: tensor.base) == nil, "codecs fit their tensors")
      }
    } catch {
      promise(isOneLine("\(error)"), "a message is one line")
    }
  }

  /// What the first bytes of a block's input choose.
  private struct BlockChoice {
    static let byteCount = 32
    let coding: ArchiveCoding
    let place: BlockPlace
    let hasBase: Bool
    let sharedByteCount: Int

    init?(_ bytes: ArraySlice<UInt8>) {
      var cursor = ByteCursor(bytes, of: "the choice")
      guard bytes.count == Self.byteCount, let codecNumber = try? cursor.number(UInt8.self),
        let codec = ArchiveCodec(rawValue: codecNumber % UInt8(ArchiveCodec.allCases.count)),
        let flags = try? cursor.number(UInt8.self), let shared = try? cursor.number(UInt16.self),
        let first = try? cursor.number(UInt16.self), let rank = try? cursor.number(UInt16.self),
        let count = try? cursor.number(UInt32.self), let row = try? cursor.number(UInt32.self),
        let key = try? cursor.number(UInt64.self), let limit = try? cursor.number(UInt64.self)
      else { return nil }
      let dtypes: [DType] = [.bf16, .f16, .f32]
      let dtype = dtypes[Int(flags >> 1 & 3) % dtypes.count]
      // Mostly small blocks: what large ones have of their own begins at 2^16 elements.
      let rowLength = 1 + Int(row) % (flags & 8 == 0 ? 4096 : BlockPlace.maximumCount)
      let elements = 1 + Int(count) % (flags & 16 == 0 ? 8192 : BlockPlace.maximumCount)
      let mask = SeededMask(key: key, limit: min(limit, 1 << 53))
      let rank32 = 1 + Int(rank) % min(rowLength, 64)
      hasBase = flags & 1 != 0
      sharedByteCount = Int(shared)
      switch codec {
      case .same: coding = .same
      case .stored: coding = .stored
      case .dense: coding = .dense(flags & 32 == 0 ? .f32 : .bf16)
      case .ternary: coding = .ternary
      case .ternaryPlane: coding = .ternaryPlane
      case .ternaryContext: coding = .ternaryContext
      case .sign: coding = .sign
      case .seeded: coding = .seeded(mask)
      case .dare: coding = .dare(mask)
      case .sparse: coding = .sparse(isExact: flags & 32 != 0)
      case .lossless: coding = .lossless
      case .lowrank: coding = .lowrank(rank: rank32)
      }
      // Factors are of whole rows.
      let isWhole = codec == .lowrank
      let rows = max(1, elements / rowLength)
      let wholeCount = rows * rowLength <= BlockPlace.maximumCount ? rows * rowLength : rowLength
      place = BlockPlace(
        first: isWhole ? 0 : Int(first), count: isWhole ? wholeCount : elements, rowLength: rowLength,
        dtype: codec == .stored && flags & 32 != 0 ? .i64 : dtype)
    }
  }

  /// The bytes of every base.
  private static let basePattern = (0..<BlockPlace.maximumCount * 8).map { place in
    UInt8(truncatingIfNeeded: place &* 37 &+ place >> 8)
  }

  static func block(_ bytes: [UInt8], with decoder: BlockDecoder) {
    guard let choice = BlockChoice(bytes.prefix(BlockChoice.byteCount)) else { return }
    let place = choice.place
    guard place.count * place.dtype.byteCount <= BlockPlace.maximumCount * 8 else { return }
    let rowCount = max(1, (place.first + place.count) / place.rowLength)
    let shape = Shape([rowCount, place.rowLength]) ?? Shape(vector: place.count)
    let base = choice.hasBase ? ArchiveBase(dtype: place.dtype) : nil
    let info = TensorInfo(name: "x", dtype: place.dtype, shape: shape)
    if choice.coding.problem(info, base: base) != nil { return }
    let tensor = ArchiveTensor(
      info: info, coding: choice.coding, base: base, baseHash: nil, resultHash: nil, sharedBlock: nil, blocks: 0..<1)
    var rest = bytes.dropFirst(BlockChoice.byteCount)
    // As a file has it: payloads of a length that the index would be believed for.
    if case .lowrank = choice.coding {
      let shared = rest.prefix(choice.sharedByteCount)
      rest = rest.dropFirst(choice.sharedByteCount)
      guard choice.coding.sharedByteCounts(of: shape).contains(shared.count) else { return }
      let isSound = Array(shared).withUnsafeBytes { (try? decoder.decodeShared($0, of: tensor)) != nil }
      guard isSound else { return }
    }
    guard choice.coding.byteCounts(of: place).contains(rest.count) else { return }
    let payload = Array(rest)
    let baseBytes = Array(basePattern[..<(place.count * place.dtype.byteCount)])
    do {
      // Exactly as long as they are, so that the address sanitizer sees a read beyond.
      try payload.withUnsafeBytes { payload in
        try baseBytes.withUnsafeBytes { baseBytes in
          try decoder.decode(payload, of: tensor, place, base: choice.hasBase ? baseBytes : nil)
        }
      }
    } catch {
      promise(isOneLine("\(error)"), "a message is one line")
      return
    }
    switch choice.coding {
    case .ternary, .ternaryPlane, .ternaryContext, .sign, .seeded:
      var values = [Float](repeating: .nan, count: place.count)
      values.withUnsafeMutableBufferPointer { buffer in
        if let start = buffer.baseAddress { decoder.planes.expand(0..<place.count, of: place, into: start) }
      }
      promise(values.allSatisfy { $0.isFinite }, "a decoded block is finite")
    default: break
    }
  }
}
