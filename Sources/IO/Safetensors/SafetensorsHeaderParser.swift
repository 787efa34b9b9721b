internal import WeirTensors

/// Reads the entries of a header one after the other, then checks that their data fits together.
struct SafetensorsHeaderParser {
  private var scanner: JSONScanner
  private let file: String
  private var tensors: [TensorInfo] = []
  private var ranges: [Range<Int>] = []
  private var metadata: [String: String]?
  private var names: Set<String> = []

  /// Extents of one shape: more than any tensor has, few enough to bound what a hostile header costs.
  private static let maximumRank = 64

  init(_ text: [UInt8], file: String) {
    scanner = JSONScanner(text, limits: JSONLimits(values: .max))
    self.file = file
    // An entry has about a hundred bytes: growing the set would hash every name again, several times.
    names.reserveCapacity(text.count / 128)
  }

  mutating func parse() throws(CheckpointError) {
    var more = try json { (scanner) throws(JSONError) in try scanner.openObject() }
    while more {
      scanner.skipSpace()
      let place = scanner.offset
      let name = try json { (scanner) throws(JSONError) in try scanner.readKey() }
      if name == SafetensorsHeader.metadataName {
        guard metadata == nil else { throw converted(scanner.duplicate(name, at: place)) }
        try readMetadata()
      } else {
        try check(name, at: place)
        guard names.insert(name).inserted else { throw converted(scanner.duplicate(name, at: place)) }
        try readEntry(name, at: place)
      }
      more = try json { (scanner) throws(JSONError) in try scanner.nextMember() }
    }
    try json { (scanner) throws(JSONError) in try scanner.finish() }
  }

  private func check(_ name: String, at place: Int) throws(CheckpointError) {
    if let reason = SafetensorsHeader.problem(withName: name) {
      throw CheckpointError(.badTensorName(reason), file: file, byteOffset: 8 + place)
    }
    guard tensors.count < SafetensorsHeader.maximumTensorCount else {
      let limit = SafetensorsHeader.maximumTensorCount
      throw CheckpointError(.tooManyTensors(found: limit + 1, limit: limit), file: file)
    }
  }

  private mutating func readMetadata() throws(CheckpointError) {
    var found: [String: String] = [:]
    var more = try json { (scanner) throws(JSONError) in try scanner.openObject() }
    while more {
      scanner.skipSpace()
      let place = scanner.offset
      let key = try json { (scanner) throws(JSONError) in try scanner.readKey() }
      let value = try json { (scanner) throws(JSONError) in try scanner.readValue() }
      guard let text = value.string else {
        throw CheckpointError(
          .malformed(
            found: "metadata \(MessageText.quoted(key)) is \(value.kindName)", expected: "a string"),
          file: file, byteOffset: 8 + value.offset)
      }
      guard found.updateValue(text, forKey: key) == nil else {
        throw converted(scanner.duplicate(key, at: place))
      }
      more = try json { (scanner) throws(JSONError) in try scanner.nextMember() }
    }
    metadata = found
  }

  // MARK: Entries

  private mutating func readEntry(_ name: String, at place: Int) throws(CheckpointError) {
    var dtypeName: String?
    var extents: [Int]?
    var offsets: (begin: Int, end: Int)?
    var more = try json(tensor: name) { (scanner) throws(JSONError) in try scanner.openObject() }
    while more {
      scanner.skipSpace()
      let keyPlace = scanner.offset
      let key = try json(tensor: name) { (scanner) throws(JSONError) in try scanner.readKey() }
      switch key {
      case "dtype" where dtypeName == nil:
        dtypeName = try json(tensor: name) { (scanner) throws(JSONError) in
          scanner.skipSpace()
          guard scanner.peek == UInt8(ascii: "\"") else { throw scanner.unexpected("a dtype in double quotes") }
          return try scanner.readString()
        }
      case "shape" where extents == nil:
        extents = try json(tensor: name) { (scanner) throws(JSONError) in
          try Self.readCounts(&scanner, limit: Self.maximumRank)
        }
      case "data_offsets" where offsets == nil:
        offsets = try readOffsets(name)
      case "dtype", "shape", "data_offsets":
        throw converted(scanner.duplicate(key, at: keyPlace), tensor: name)
      default:
        throw CheckpointError(
          .malformed(
            found: "key \(MessageText.quoted(key))", expected: "only 'dtype', 'shape' and 'data_offsets'"),
          file: file, tensor: name, byteOffset: 8 + keyPlace)
      }
      more = try json(tensor: name) { (scanner) throws(JSONError) in try scanner.nextMember() }
    }
    guard let dtypeName, let extents, let offsets else {
      let missing = dtypeName == nil ? "dtype" : extents == nil ? "shape" : "data_offsets"
      throw CheckpointError(
        .malformed(found: "no '\(missing)'", expected: "'dtype', 'shape' and 'data_offsets'"),
        file: file, tensor: name, byteOffset: 8 + place)
    }
    try append(name, dtypeName, extents, offsets)
  }

  private mutating func readOffsets(_ name: String) throws(CheckpointError) -> (begin: Int, end: Int) {
    let start = scanner.offset
    let counts = try json(tensor: name) { (scanner) throws(JSONError) in try Self.readCounts(&scanner, limit: 2) }
    guard counts.count == 2 else {
      throw CheckpointError(
        .malformed(found: "\(counts.count) data_offsets", expected: "2"), file: file, tensor: name,
        byteOffset: 8 + start)
    }
    return (counts[0], counts[1])
  }

  private static func readCounts(_ scanner: inout JSONScanner, limit: Int) throws(JSONError) -> [Int] {
    var counts: [Int] = []
    var more = try scanner.openArray()
    while more {
      guard counts.count < limit else { throw scanner.unexpected("at most \(limit) numbers") }
      counts.append(try scanner.readCount())
      more = try scanner.nextElement()
    }
    return counts
  }

  private mutating func append(
    _ name: String, _ dtypeName: String, _ extents: [Int], _ offsets: (begin: Int, end: Int)
  ) throws(CheckpointError) {
    guard let dtype = DType(rawValue: dtypeName) else {
      throw CheckpointError(.unknownDType(dtypeName), file: file, tensor: name)
    }
    guard offsets.begin <= offsets.end else {
      throw CheckpointError(
        .malformed(
          found: "data_offsets [\(offsets.begin), \(offsets.end)]", expected: "the first not above the second"),
        file: file, tensor: name)
    }
    guard let shape = Shape(extents), !shape.elementCount.multipliedReportingOverflow(by: dtype.byteCount).overflow
    else {
      throw CheckpointError(.shapeTooLarge(extents, dtype: dtypeName), file: file, tensor: name)
    }
    let tensor = TensorInfo(name: name, dtype: dtype, shape: shape)
    guard offsets.end - offsets.begin == tensor.byteCount else {
      throw CheckpointError(
        .wrongByteCount(
          found: offsets.end - offsets.begin, expected: tensor.byteCount, type: "\(dtypeName) \(shape)"),
        file: file, tensor: name, byteOffset: offsets.begin)
    }
    tensors.append(tensor)
    ranges.append(offsets.begin..<offsets.end)
  }

  // MARK: The whole

  /// Orders the tensors by their data and checks that they cover all of it, each byte once.
  func header(fileByteCount known: Int?) throws(CheckpointError) -> SafetensorsHeader {
    let dataOffset = 8 + scanner.bytes.count
    let fileByteCount = known ?? sum(dataOffset, ranges.reduce(0) { max($0, $1.upperBound) })
    let dataByteCount = fileByteCount - dataOffset
    let order = dataOrder()
    var end = 0
    var absolute: [Range<Int>] = []
    absolute.reserveCapacity(order.count)
    for (step, place) in order.enumerated() {
      let range = ranges[place]
      let name = tensors[place].name
      if range.lowerBound < end {
        throw CheckpointError(
          .overlap(other: tensors[order[step - 1]].name), file: file, tensor: name,
          byteOffset: sum(dataOffset, range.lowerBound))
      }
      if range.lowerBound > end {
        throw CheckpointError(
          .hole(byteCount: range.lowerBound - end), file: file, byteOffset: sum(dataOffset, end))
      }
      guard range.upperBound <= dataByteCount else {
        throw CheckpointError(
          .dataBeyondFile(end: sum(dataOffset, range.upperBound), byteCount: fileByteCount), file: file,
          tensor: name)
      }
      absolute.append(dataOffset + range.lowerBound..<dataOffset + range.upperBound)
      end = range.upperBound
    }
    guard end == dataByteCount else {
      throw CheckpointError(.trailingBytes(dataByteCount - end), file: file, byteOffset: dataOffset + end)
    }
    return SafetensorsHeader(
      tensors: order.map { tensors[$0] }, ranges: absolute, metadata: metadata ?? [:], dataOffset: dataOffset)
  }

  /// `base + offset`, held at the largest number: hostile offsets reach this before they are refused.
  private func sum(_ base: Int, _ offset: Int) -> Int {
    let (result, overflow) = base.addingReportingOverflow(offset)
    return overflow ? .max : result
  }

  /// The places of the tensors, by first byte, an empty tensor before one that begins where it stands.
  private func dataOrder() -> [Int] {
    let places = Array(tensors.indices)
    let isOrdered = zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound }
    guard !isOrdered else { return places }
    return places.sorted { a, b in
      (ranges[a].lowerBound, ranges[a].upperBound, a) < (ranges[b].lowerBound, ranges[b].upperBound, b)
    }
  }

  // MARK: Errors

  /// Does one step of the scanner, its error told as one of this file.
  private mutating func json<Value>(
    tensor: String? = nil, _ step: (inout JSONScanner) throws(JSONError) -> Value
  ) throws(CheckpointError) -> Value {
    do {
      return try step(&scanner)
    } catch {
      throw converted(error, tensor: tensor)
    }
  }

  private func converted(_ error: JSONError, tensor: String? = nil) -> CheckpointError {
    CheckpointError(
      .invalidJSON(error.message), file: file, tensor: tensor, byteOffset: 8 + error.offset)
  }
}
