internal import WeirTensors

extension CheckpointError: CustomStringConvertible {
  /// One line that says where, what is wrong, what was expected and what to do.
  public var description: String {
    var text = ""
    if let file {
      text += MessageText.escaped(file)
      if let position { text += ":\(position.line):\(position.column)" }
      text += ": "
    }
    if let tensor { text += "tensor \(MessageText.quoted(tensor)): " }
    text += summary
    if let errno { text += ": \(SystemError.text(errno)) (errno \(errno))" }
    if let remedy { text += "; \(remedy)" }
    return text
  }

  private var place: String { byteOffset.map { " at byte \($0)" } ?? "" }

  private var summary: String { summary(of: kind) }

  private func summary(of kind: Kind) -> String {
    switch kind {
    case .notFound: "no such file or folder"
    case .notARegularFile: "not a regular file, expected a file or a folder of files"
    case .cannotOpen: "cannot be opened"
    case .system(let call): "\(call) failed\(place)"

    case .readFailed: "read failed\(place)"
    case .truncated(let found, let expected):
      (found.map { "file has shrunk to \($0) bytes" } ?? "file has shrunk")
        + ", expected the \(expected) it had when it was opened"
    case .changed: "file was written to after it was opened, expected nobody to do so during a run"
    case .unsupportedFormat(let format, _): "\(format), expected safetensors"
    case .fileTooShort(let count, let minimum): "file is \(count) bytes, expected at least \(minimum)"
    case .fileTooLarge(let count, let limit): Self.excess("file", UInt64(max(0, count)), limit)

    case .headerTooLarge(let count, _) where count >= 1 << 40:
      "the first eight bytes are no header's length (\(Self.size(count))), expected a safetensors file"
    case .headerTooLarge(let count, let limit): Self.excess("header", count, limit)
    case .headerBeyondFile(let count, let available):
      "header is \(Self.size(count)), expected at most the \(available) bytes that follow its length"
    case .invalidJSON(let message):
      (position == nil ? byteOffset.map { "byte \($0): " } ?? "" : "") + message
    case .malformed(let found, let expected): "\(found)\(position == nil ? place : ""), expected \(expected)"
    case .unknownDType(let name):
      "unknown dtype \(MessageText.quoted(name)), expected one of "
        + DType.allCases.map(\.rawValue).joined(separator: ", ")
    case .badTensorName(let reason): "tensor name\(place) \(reason)"
    case .shapeTooLarge(let extents, let dtype):
      "shape \(Self.list(extents)) of \(dtype) has more bytes than a file can hold, expected at most \(Int.max)"
    case .wrongByteCount(let found, let expected, let type):
      "\(found) bytes\(byteOffset.map { " at offset \($0)" } ?? ""), expected \(expected) for \(type)"
    case .overlap(let other): "data\(place) overlaps that of \(MessageText.quoted(other)), expected none to overlap"
    case .hole(let count): "\(Self.bytes(count))\(place) in no tensor, expected none"
    case .trailingBytes(let count): "\(Self.bytes(count))\(place) after the last tensor, expected none"
    case .dataBeyondFile(let end, let count): "data ends at byte \(end), expected at most the file's \(count) bytes"
    case .tooManyTensors(let found, let limit): "\(found) tensors, limit is \(limit)"

    case .noCheckpoint: "no checkpoint in this folder, expected a .safetensors file or an index"
    case .ambiguousFolder(let names): "several possible checkpoints (\(Self.list(names))), expected one"
    case .incompleteShards(let missing): "shard \(MessageText.quoted(missing)) is missing, expected the whole series"
    case .leavesFolder(let name):
      "file name \(MessageText.quoted(name)) leads out of the folder, expected a plain file name"
    case .shardMissing(let name):
      "names \(MessageText.quoted(name)), which does not exist, expected it beside the index"
    case .tensorNotInShard(let shard): "not in \(MessageText.quoted(shard)), expected there by the index"
    case .duplicateTensor(let other): "also in \(MessageText.quoted(other)), expected in one file only"
    case .checkpointTooLarge(let limit):
      "takes the checkpoint beyond \(limit) bytes, expected at most that many"

    case .isArchive: "is a task-vector archive, expected a checkpoint"
    case .notAnArchive: "is no task-vector archive, expected one ('format' is 'tva' in its metadata)"
    case .newerArchive(let needed, let supported):
      "archive needs a reader of version \(MessageText.escaped(needed)), this one reads up to version \(supported)"
    case .corrupt(let what): "checksum of \(what) is not that of its bytes, expected the same"
    case .inBlock(let number, let cause): "block \(number): \(summary(of: cause))"

    case .cannotCreate: "cannot be created"
    case .writeFailed(let offset): "write failed at offset \(offset)"
    case .noSpace(let needed, let free):
      "needs \(Quantity.text(needed)) of disk space" + (free.map { ", \(Quantity.text($0)) free" } ?? "")
    case .alreadyExists: "already exists, expected a new path"
    case .wouldOverwriteInput(let input):
      "would write over the input \(MessageText.quoted(input)), expected another path"
    case .syncFailed: "could not be synced to the disk"
    case .nameNotSynced: "is complete and in place, but its name could not be synced to the disk"
    case .renameFailed(let target): "could not be renamed to \(MessageText.quoted(target))"
    case .outputDiffers(let found, let expected): "finished file has \(found), expected \(expected)"
    case .outputBusy: "another run is writing this output, expected one at a time"
    case .notReplaceable(let reason): "\(reason), expected a model folder or file to overwrite"
    case .outputClosed: "output was already finished or given up, expected an open one"
    case .outOfMemory(let count): "no memory for a buffer of \(Quantity.text(count))"
    }
  }

  private var remedy: String? { remedy(of: kind) }

  private func remedy(of kind: Kind) -> String? {
    switch kind {
    case .isArchive:
      "give it as a source {\"archive\": …} with the base that it applies to, or put both together with 'weir apply'"
    case .notAnArchive: "give it as a checkpoint"
    case .newerArchive: "get a newer version of weir"
    case .corrupt: "fetch the file again"
    case .inBlock(_, let cause): remedy(of: cause)
    case .unsupportedFormat(_, let remedy): remedy
    case .truncated: "fetch the file again, and do not change it during a run"
    case .changed: "run again when nothing writes to it"
    case .headerTooLarge(let count, let limit) where count < 1 << 40 && limit < 1 << 40:
      "raise with --max-header if the file is sound"
    case .fileTooShort, .headerBeyondFile, .dataBeyondFile: "fetch the file again, it may be incomplete"
    case .noCheckpoint: "give the folder that holds the weights"
    case .ambiguousFolder: "give the file or the index itself"
    case .incompleteShards, .shardMissing: "fetch the missing file"
    case .tensorNotInShard: "fetch the index and its shards from one version"
    case .noSpace: "free some space or choose another place"
    case .alreadyExists: "choose another or allow overwriting with --overwrite"
    case .outputBusy: "wait for the other run or choose another path"
    case .notReplaceable: "remove it first or choose another path"
    case .outOfMemory: "lower --memory or end other programs"
    default: nil
    }
  }

  private static func bytes(_ count: Int) -> String { count == 1 ? "1 byte" : "\(count) bytes" }

  /// `header is 210 MB, limit is 100 MB`, exact where the two would read alike.
  private static func excess(_ what: String, _ count: UInt64, _ limit: Int) -> String {
    let (found, allowed) = (size(count), Quantity.text(limit))
    return found == allowed ? "\(what) is \(count) B, limit is \(limit) B" : "\(what) is \(found), limit is \(allowed)"
  }

  private static func size(_ count: UInt64) -> String {
    Int(exactly: count).map(Quantity.text) ?? "\(count) bytes"
  }

  private static func list(_ extents: [Int]) -> String {
    "[" + extents.prefix(8).map(String.init).joined(separator: ", ") + (extents.count > 8 ? ", …]" : "]")
  }

  private static func list(_ names: [String]) -> String {
    names.prefix(3).map(MessageText.quoted).joined(separator: ", ") + (names.count > 3 ? ", …" : "")
  }
}
