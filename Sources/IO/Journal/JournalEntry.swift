/// What a run notes of itself, and how it stands in a record.
public enum JournalEntry: Equatable, Sendable {
  /// What the run is: a text, which comes first.
  case identity([UInt8])
  /// Pieces of tensors that have been computed.
  case pieces([TensorHasher.Piece])
  /// What was gathered over whole models.
  case statistics([UInt8])
  /// The next tensor of an archive, all of whose blocks stand in the file.
  case archived(ArchivedTensor)
  /// The bytes that an archive came to, before it was made anew to fit its size.
  case attempt(byteCount: Int)
  /// All is written and checked, and about to get its final name; a hash of each output of the run.
  case publishing([Hash128])

  /// The entry as a record.
  public var record: Journal.Record {
    var text = ByteText()
    switch self {
    case .identity(let bytes), .statistics(let bytes): text.append(bytes)
    case .pieces(let pieces):
      for piece in pieces {
        text.append(UInt32(truncatingIfNeeded: piece.tensor))
        text.append(UInt32(truncatingIfNeeded: piece.number))
        text.append(piece.hash)
      }
    case .archived(let tensor): tensor.append(to: &text)
    case .attempt(let byteCount): text.append(count: byteCount)
    case .publishing(let hashes): for hash in hashes { text.append(hash) }
    }
    return Journal.Record(kind: kind, payload: text.bytes)
  }

  /// Reads a record; `nil` where it is none that this version writes.
  public init?(_ record: Journal.Record) {
    var cursor = ByteCursor(record.payload[...], of: "record")
    do throws(CheckpointError) {
      switch record.kind {
      case 1: self = .identity(record.payload)
      case 2:
        var pieces: [TensorHasher.Piece] = []
        while cursor.left > 0 {
          let (tensor, number) = (try cursor.number(UInt32.self), try cursor.number(UInt32.self))
          pieces.append(TensorHasher.Piece(tensor: Int(tensor), number: Int(number), hash: try cursor.hash()))
        }
        self = .pieces(pieces)
      case 3: self = .statistics(record.payload)
      case 4: self = .archived(try ArchivedTensor(&cursor))
      case 5: self = .attempt(byteCount: try cursor.count(of: "bytes"))
      case 6:
        var hashes: [Hash128] = []
        while cursor.left > 0 { hashes.append(try cursor.hash()) }
        self = .publishing(hashes)
      default: return nil
      }
    } catch {
      return nil
    }
  }

  private var kind: UInt8 {
    switch self {
    case .identity: 1
    case .pieces: 2
    case .statistics: 3
    case .archived: 4
    case .attempt: 5
    case .publishing: 6
    }
  }
}

/// A tensor of an archive as far as its index says it, known once its last block has been appended.
public struct ArchivedTensor: Equatable, Sendable {
  /// Its place in the layout.
  public let tensor: Int
  /// The number of the codec that it was coded with, and the rank of a low-rank one.
  public let codec: UInt8
  public let rank: Int
  public let hashes: ArchiveHashes
  /// How many numbers of the result are NaNs, and how many infinite.
  public let nanCount: Int
  public let infinityCount: Int
  /// Its blocks' bytes, and their checksums.
  public let byteCounts: [Int]
  public let checksums: [UInt64]

  public init(
    tensor: Int, codec: UInt8, rank: Int, hashes: ArchiveHashes, nanCount: Int, infinityCount: Int, byteCounts: [Int],
    checksums: [UInt64]
  ) {
    self.tensor = tensor
    self.codec = codec
    self.rank = rank
    self.hashes = hashes
    self.nanCount = nanCount
    self.infinityCount = infinityCount
    self.byteCounts = byteCounts
    self.checksums = checksums
  }

  fileprivate func append(to text: inout ByteText) {
    text.append(UInt32(truncatingIfNeeded: tensor))
    text.append(codec)
    text.append(UInt32(truncatingIfNeeded: rank))
    text.append(UInt8(hashes.base == nil ? 0 : 1) | UInt8(hashes.result == nil ? 0 : 2))
    for hash in [hashes.base, hashes.result] { if let hash { text.append(hash) } }
    for count in [nanCount, infinityCount] { text.append(count: count) }
    for (byteCount, checksum) in zip(byteCounts, checksums) {
      text.append(UInt32(truncatingIfNeeded: byteCount))
      text.append(checksum)
    }
  }

  fileprivate init(_ cursor: inout ByteCursor) throws(CheckpointError) {
    tensor = Int(try cursor.number(UInt32.self))
    codec = try cursor.number(UInt8.self)
    rank = Int(try cursor.number(UInt32.self))
    let flags = try cursor.number(UInt8.self)
    hashes = ArchiveHashes(
      base: flags & 1 == 0 ? nil : try cursor.hash(), result: flags & 2 == 0 ? nil : try cursor.hash())
    nanCount = try cursor.count(of: "NaNs")
    infinityCount = try cursor.count(of: "infinities")
    var byteCounts: [Int] = []
    var checksums: [UInt64] = []
    while cursor.left > 0 {
      byteCounts.append(Int(try cursor.number(UInt32.self)))
      checksums.append(try cursor.number(UInt64.self))
    }
    self.byteCounts = byteCounts
    self.checksums = checksums
  }
}
