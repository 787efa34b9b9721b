/// Hashes tensors whose bytes come in parts, in any order and from any thread.
///
///     hash of a tensor = XXH3-128 of (XXH3-128 of its first MiB, XXH3-128 of its second MiB, …)
///
/// A whole piece is hashed where it lies. Of a piece that comes in parts, the part that stands next in line is hashed where it
/// lies too; one that comes too early is copied, and kept until those before it have come.
///
/// - Memory: 16 bytes for each piece of the tensors at work, and the early parts: about as much as is being computed ahead.
public final class TensorHasher: Sendable {
  /// Bytes of every piece but a tensor's last.
  public static let pieceByteCount = 1 << 20

  private let byteCounts: [Int]
  private let tensors: [Lock<Pieces>]

  /// Prepares to hash tensors of so many bytes each.
  public init(byteCounts: [Int]) {
    self.byteCounts = byteCounts
    tensors = byteCounts.map { count in
      Lock(Pieces(left: count / Self.pieceByteCount + (count % Self.pieceByteCount == 0 ? 0 : 1)))
    }
  }

  /// A piece of a tensor and its hash.
  public struct Piece: Hashable, Sendable {
    public let tensor: Int
    public let number: Int
    public let hash: Hash128

    public init(tensor: Int, number: Int, hash: Hash128) {
      self.tensor = tensor
      self.number = number
      self.hash = hash
    }
  }

  /// The bytes of a piece, counted from its tensor's first; `nil` where there is no such piece.
  public func bytes(of piece: Piece) -> Range<Int>? {
    guard byteCounts.indices.contains(piece.tensor), piece.number >= 0, piece.number <= byteCounts[piece.tensor] >> 20
    else { return nil }
    let start = piece.number * Self.pieceByteCount
    let end = min(start + Self.pieceByteCount, byteCounts[piece.tensor])
    return start < end ? start..<end : nil
  }

  /// Takes the hash of a piece that is known already; bytes of it that come all the same are passed over.
  public func take(_ piece: Piece) {
    guard bytes(of: piece) != nil else { return }
    tensors[piece.tensor].withLock { if !$0.isKnown(piece.number) { $0.finish(piece.number, piece.hash) } }
  }

  /// Takes bytes `offset ..< offset + bytes.count` of a tensor; each byte of it comes once.
  ///
  /// - Parameters:
  ///   - bytes: read during the call only.
  ///   - tensor: the place of the tensor's size in what was given at the start.
  ///   - offset: the bytes' place in the tensor.
  /// - Returns: the pieces that these bytes were the last of.
  @discardableResult
  public func add(_ bytes: UnsafeRawBufferPointer, of tensor: Int, at offset: Int) -> [Piece] {
    let size = byteCounts[tensor]
    precondition(offset >= 0 && bytes.count <= size && offset <= size - bytes.count, "bytes lie in their tensor")
    var finished: [Piece] = []
    var start = offset
    while start < offset + bytes.count {
      let (part, way) = begin(tensor, start..<offset + bytes.count, nil)
      start = part.range.upperBound
      // SAFETY: both ends lie between `offset` and the end of `bytes`.
      let slice = unsafe UnsafeRawBufferPointer(
        rebasing: bytes[part.range.lowerBound - offset..<part.range.upperBound - offset])
      if case .stream(let stream) = way { unsafe stream.add(slice) }
      if let piece = unsafe end(tensor, part, way, slice) { finished.append(piece) }
    }
    return finished
  }

  /// The hash of a tensor; `nil` while bytes of it are missing.
  public func hash(of tensor: Int) -> Hash128? { tensors[tensor].withLock(\.hash) }

  /// The hash of a tensor whose bytes are all here.
  public static func hash(of bytes: [UInt8]) -> Hash128 {
    let hasher = TensorHasher(byteCounts: [bytes.count])
    // SAFETY: the buffer lives for the call.
    unsafe _ = bytes.withUnsafeBytes { unsafe hasher.add($0, of: 0, at: 0) }
    return hasher.hash(of: 0) ?? Hash128(of: [])
  }

  // MARK: Pieces

  /// One tensor's pieces.
  private struct Pieces {
    /// Pieces that are not yet hashed.
    var left: Int
    /// The pieces' hashes, while the tensor is at work.
    var hashes: [Hash128?] = []
    /// Pieces of which a part has come.
    var begun: [Int: Begun] = [:]
    var hash: Hash128?

    init(left: Int) {
      self.left = left
      if left == 0 { hash = Hash128(of: []) }
    }

    func isKnown(_ piece: Int) -> Bool { hash != nil || (piece < hashes.count && hashes[piece] != nil) }

    mutating func finish(_ piece: Int, _ hash: Hash128) {
      precondition(!isKnown(piece), "each byte of a tensor comes once")
      if hashes.isEmpty { hashes = Array(repeating: nil, count: left) }
      hashes[piece] = hash
      left -= 1
      if left == 0 {
        self.hash = Hash128(of: hashes.compactMap(\.self))
        hashes = []
      }
    }
  }

  /// One piece that comes in parts.
  private struct Begun {
    let stream = HashStream()
    /// Bytes that are hashed, or being hashed.
    var hashed = 0
    /// Whether a thread has the stream.
    var isBusy = false
    /// Parts that came too early, by their place in the piece.
    var early: [Int: [UInt8]] = [:]
  }

  /// The bytes of one piece that come at once, counted from their tensor's first.
  struct Part {
    let piece: Int
    /// Where in the piece they begin, and how long the piece is.
    let place: Int
    let length: Int
    let range: Range<Int>
  }

  /// How a part is hashed.
  enum Way {
    /// It need not be.
    case known
    /// It is a whole piece: by the caller's own stream, or in one go.
    case whole(HashStream?)
    /// By the stream of its piece, in which it stands next in line.
    case stream(HashStream)
    /// Others come before it.
    case late
  }

  /// Begins with the first part of some bytes.
  ///
  /// - Parameter own: a stream of the caller's, for a whole piece.
  func begin(_ tensor: Int, _ bytes: Range<Int>, _ own: HashStream?) -> (Part, Way) {
    let piece = bytes.lowerBound / Self.pieceByteCount
    let start = piece * Self.pieceByteCount
    let length = min(Self.pieceByteCount, byteCounts[tensor] - start)
    let part = Part(
      piece: piece, place: bytes.lowerBound - start, length: length,
      range: bytes.lowerBound..<min(bytes.upperBound, start + length))
    guard !tensors[tensor].withLock({ $0.isKnown(piece) }) else { return (part, .known) }
    guard part.range.count < length else {
      own?.reset()
      return (part, .whole(own))
    }
    guard case .hash(let stream) = take(tensor, part, nil) else { return (part, .late) }
    return (part, .stream(stream))
  }

  /// Ends a part whose bytes are in its stream, if it has one; its piece where that is whole now.
  func end(_ tensor: Int, _ part: Part, _ way: Way, _ bytes: UnsafeRawBufferPointer) -> Piece? {
    switch way {
    case .known: return nil
    case .whole(let stream):
      let hash = unsafe stream?.hash ?? Hash128(bytes)
      tensors[tensor].withLock { $0.finish(part.piece, hash) }
      return Piece(tensor: tensor, number: part.piece, hash: hash)
    case .stream(let stream):
      return follow(tensor, part, stream).map { Piece(tensor: tensor, number: part.piece, hash: $0) }
    case .late:
      var step = take(tensor, part, nil)
      // What comes too early is copied outside the lock, and its turn may have come by then.
      if case .wait = step { unsafe step = take(tensor, part, Array(bytes)) }
      guard case .hash(let stream) = step else { return nil }
      unsafe stream.add(bytes)
      return follow(tensor, part, stream).map { Piece(tensor: tensor, number: part.piece, hash: $0) }
    }
  }

  /// Hashes what came early and follows a part; the piece's hash where nothing is missing.
  private func follow(_ tensor: Int, _ part: Part, _ stream: HashStream) -> Hash128? {
    var end = part.place + part.range.count
    while true {
      switch next(tensor, part.piece, end, part.length) {
      case .part(let part):
        // SAFETY: the array lives for the call.
        unsafe part.withUnsafeBytes { unsafe stream.add($0) }
        end += part.count
      case .whole(let hash): return hash
      case .nothing: return nil
      }
    }
  }

  private enum Step {
    case hash(HashStream)
    case wait
  }

  /// What follows a hashed part of a piece.
  private enum Next {
    /// A part that came early.
    case part([UInt8])
    /// Nothing: this was the last.
    case whole(Hash128)
    /// Nothing that has come.
    case nothing
  }

  /// Gives the stream to the caller whose part is next in line; keeps the copy of another.
  private func take(_ tensor: Int, _ part: Part, _ copy: [UInt8]?) -> Step {
    tensors[tensor].withLock { pieces in
      var state = pieces.begun.removeValue(forKey: part.piece) ?? Begun()
      defer { pieces.begun[part.piece] = state }
      guard state.isBusy || state.hashed != part.place else {
        state.isBusy = true
        return .hash(state.stream)
      }
      if let copy { state.early[part.place] = copy }
      return .wait
    }
  }

  /// Notes that the piece is hashed up to `end`; gives the part that follows, if it has come.
  private func next(_ tensor: Int, _ piece: Int, _ end: Int, _ length: Int) -> Next {
    tensors[tensor].withLock { pieces in
      guard var state = pieces.begun.removeValue(forKey: piece) else { return .nothing }
      guard end < length else {
        let hash = state.stream.hash
        pieces.finish(piece, hash)
        return .whole(hash)
      }
      state.hashed = end
      let next = state.early.removeValue(forKey: end)
      state.isBusy = next != nil
      pieces.begun[piece] = state
      return next.map { .part($0) } ?? .nothing
    }
  }
}

extension TensorHasher {
  /// The hash of a file's bytes, taken as a tensor's.
  public static func hash(ofFile path: String) throws(CheckpointError) -> Hash128 {
    let file = try InputDescriptor(path)
    var hashes: [Hash128] = []
    for start in stride(from: 0, to: file.byteCount, by: pieceByteCount) {
      hashes.append(Hash128(try file.readAll(min(pieceByteCount, file.byteCount - start), at: start)))
    }
    return Hash128(of: hashes)
  }

  /// The hash of a tensor that lies in an open file.
  public static func hash(of file: InputFile, _ bytes: Range<Int>) throws(CheckpointError) -> Hash128 {
    var reader = WindowReader(reach: 0)
    var hashes: [Hash128] = []
    for start in stride(from: bytes.lowerBound, to: bytes.upperBound, by: pieceByteCount) {
      // SAFETY: the window stays until the next is opened.
      let piece = try unsafe reader.open(file, start..<min(start + pieceByteCount, bytes.upperBound), slot: 0)
      hashes.append(unsafe Hash128(piece))
    }
    return Hash128(of: hashes)
  }
}
