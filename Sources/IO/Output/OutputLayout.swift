public import WeirTensors

/// One safetensors file that will be written: its header is final before the first byte of data is known.
public struct OutputFile: Hashable, Sendable {
  public let name: String

  /// The first bytes of the file: the header's length, its JSON, and spaces up to a multiple of 4096; of a file that is
  /// restored they are what they were.
  public let header: [UInt8]

  /// Where blocks begin: what comes before it is the header's, what comes after it of the header is the first block's.
  public var blockStart: Int { header.count / OutputLayout.alignment * OutputLayout.alignment }

  /// Bytes of the whole file.
  public let byteCount: Int

  /// The tensors that it holds, as places in ``OutputLayout/tensors``.
  public let tensors: Range<Int>
}

/// Where every byte of a checkpoint will stand, computed from names, dtypes and shapes alone.
///
/// A file looks like this; the tensors follow each other without gaps, as the format demands:
///
///     0         8                           4096 · n               byteCount
///     | length  | {"__metadata__":…}  spaces | tensor | tensor | … |
public struct OutputLayout: Sendable {
  /// Tensor data begin at a multiple of this, so that aligned blocks can be written unbuffered.
  public static let alignment = 4096

  /// The tensors in the order given, which is the order in the files.
  public let tensors: [TensorInfo]
  public let files: [OutputFile]

  /// The absolute byte offset, in its own file, of each tensor's data.
  public let offsets: [Int]

  /// Bytes of all tensors' data, without headers.
  public let dataByteCount: Int

  /// Lays tensors out in files of at most `shardBytes` of data, as the Hugging Face libraries size them.
  ///
  /// Greedy in tensor order: a tensor that would push the current file beyond the limit starts a new one, and a tensor
  /// larger than the limit stands alone. (`huggingface_hub` keeps filling the earlier file after an oversized tensor;
  /// here order wins, which differs in nothing but the number of files.) No tensors make one file without any.
  ///
  /// - Parameters:
  ///   - tensors: names, dtypes and shapes, in the order wanted in the files.
  ///   - shardBytes: limit of one file's tensor data.
  ///   - fileName: the name of the only file, which then has no limit; `nil` for the Hugging Face names.
  ///   - metadata: the `__metadata__` of every file; `nil` for the format's name and, in a single file, room for hashes.
  public init(
    tensors: [TensorInfo], shardBytes: Int, fileName: String? = nil, metadata: [String: String]? = nil
  ) {
    // A single file carries its hashes itself, which come last: until then zeros hold their room.
    let metadata =
      metadata
      ?? (fileName == nil
        ? ["format": "pt"]
        : Manifest.metadata(tensors, Array(repeating: Hash128(high: 0, low: 0), count: tensors.count)))
    let shards = fileName == nil ? Self.shards(of: tensors, limit: shardBytes) : [0..<tensors.count]
    var offsets: [Int] = []
    offsets.reserveCapacity(tensors.count)
    var files: [OutputFile] = []
    for (number, range) in shards.enumerated() {
      let header = OutputHeader.bytes(for: tensors[range], metadata: metadata)
      var end = header.count
      for tensor in tensors[range] {
        offsets.append(end)
        end += tensor.byteCount
      }
      let name = fileName ?? Self.name(ofShard: number + 1, of: shards.count)
      files.append(OutputFile(name: name, header: header, byteCount: end, tensors: range))
    }
    self.tensors = tensors
    self.files = files
    self.offsets = offsets
    dataByteCount = tensors.reduce(0) { $0 + $1.byteCount }
  }

  /// Lays out the files of a checkpoint that was archived, as they were.
  ///
  /// - Parameters:
  ///   - shards: the files.
  ///   - tensors: theirs, shard by shard, in each in the order of their data.
  ///   - fileName: another name for the only file.
  public init(restoring shards: [ArchiveShard], _ tensors: [TensorInfo], fileName: String? = nil) {
    precondition(fileName == nil || shards.count == 1, "a name for the only file")
    var offsets: [Int] = []
    for shard in shards {
      var end = shard.header.count
      for tensor in tensors[shard.tensors] {
        offsets.append(end)
        end += tensor.byteCount
      }
    }
    self.tensors = tensors
    self.offsets = offsets
    files = shards.map {
      OutputFile(name: fileName ?? $0.name, header: $0.header, byteCount: $0.fileByteCount, tensors: $0.tensors)
    }
    dataByteCount = tensors.reduce(0) { $0 + $1.byteCount }
  }

  /// The same single file with the hashes of its tensors in the header, in the order of the tensors.
  public func sealed(_ hashes: [Hash128]) -> OutputLayout {
    precondition(files.count == 1, "a single file")
    return OutputLayout(
      tensors: tensors, shardBytes: .max, fileName: files[0].name, metadata: Manifest.metadata(tensors, hashes))
  }

  /// Bytes of all files, headers included.
  public var fileByteCount: Int { files.reduce(0) { $0 + $1.byteCount } }

  /// The name under which loaders look for ``indexJSON``.
  public static let indexName = "model.safetensors.index.json"

  /// The index of a checkpoint of several files: which file holds which tensor, in tensor order; `nil` for one file.
  public var indexJSON: [UInt8]? {
    guard files.count > 1 else { return nil }
    var text = JSONWriter(indent: nil)
    text.append("{\n  \"metadata\": {\n    \"total_size\": \(dataByteCount)\n  },\n  \"weight_map\": {")
    var isFirst = true
    for file in files {
      for tensor in tensors[file.tensors] {
        text.append(isFirst ? "\n    " : ",\n    ")
        text.write(tensor.name)
        text.append(": ")
        text.write(file.name)
        isFirst = false
      }
    }
    text.append("\n  }\n}\n")
    return text.bytes
  }

  /// Cuts the tensors into runs, each of which becomes a file.
  private static func shards(of tensors: [TensorInfo], limit: Int) -> [Range<Int>] {
    var shards: [Range<Int>] = []
    var start = 0
    var byteCount = 0
    for (place, tensor) in tensors.enumerated() {
      if place > start, byteCount + tensor.byteCount > limit {
        shards.append(start..<place)
        start = place
        byteCount = 0
      }
      byteCount += tensor.byteCount
    }
    shards.append(start..<tensors.count)
    return shards
  }

  /// `model.safetensors`, or `model-00001-of-00030.safetensors` where there are several.
  private static func name(ofShard number: Int, of count: Int) -> String {
    guard count > 1 else { return "model.safetensors" }
    return "model-\(fiveDigits(number))-of-\(fiveDigits(count)).safetensors"
  }

  private static func fiveDigits(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }
}
