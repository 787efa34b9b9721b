import Foundation
import Testing
import WeirTensors

@testable import WeirIO

/// The error that `body` throws.
private func failure(_ body: () throws(CheckpointError) -> Void) -> CheckpointError? {
  do throws(CheckpointError) { try body() } catch { return error }
  return nil
}

/// The error of opening an output.
private func refusal(
  _ path: String, isFile: Bool = false, overwrite: Bool = false, inputs: [String] = []
) -> CheckpointError? {
  failure { () throws(CheckpointError) in
    _ = try OutputFolder(finalPath: path, isFile: isFile, overwrite: overwrite, inputs: inputs)
  }
}

private func layout(_ sizes: [Int], fileName: String? = nil) throws -> OutputLayout {
  OutputLayout(
    tensors: try sizes.enumerated().map { try tensor("t\($0.offset)", .u8, [$0.element]) }, shardBytes: 100,
    fileName: fileName)
}

/// Writes every file of a layout with data bytes of 7.
private func fill(_ folder: OutputFolder, _ layout: OutputLayout) throws {
  for file in layout.files {
    let writer = try folder.makeWriter(for: file)
    let data = [UInt8](repeating: 7, count: file.byteCount - file.header.count)
    try writer.write(data, at: file.header.count)
    try writer.finish()
  }
}

@Suite struct OutputFolderTests {
  @Test func `Nothing stands under the final name before the commit and everything after`() throws {
    let scratch = try Scratch()
    let layout = try layout([60, 60, 1])
    let folder = try OutputFolder(finalPath: scratch.path("out/"))
    try fill(folder, layout)
    try folder.addFile("config.json", bytes: Array("{}".utf8))
    try folder.addFile("1_Pooling/config.json", bytes: [])
    #expect(try scratch.names() == [".out.weir-partial"])
    try folder.commit()
    #expect(try scratch.names() == ["out"])
    #expect(
      try scratch.names("out") == [
        "1_Pooling", "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
      ])
    #expect(
      try scratch.bytes("out/model-00002-of-00002.safetensors")
        == layout.files[1].header + [UInt8](repeating: 7, count: 61))
    #expect(try scratch.text("out/config.json") == "{}")
    folder.discard()  // nothing to do any more
    #expect(try scratch.names() == ["out"])
  }

  @Test func `Discarding leaves nothing, not even the parent folders that were made`() throws {
    let scratch = try Scratch()
    let folder = try OutputFolder(finalPath: scratch.path("a/b/out"))
    try fill(folder, try layout([5]))
    #expect(try scratch.names("a/b") == [".out.weir-partial"])
    folder.discard()
    folder.discard()
    #expect(try scratch.names() == [])
    #expect(failure { () throws(CheckpointError) in try folder.commit() }?.kind == .outputClosed)
    #expect(
      failure { () throws(CheckpointError) in try folder.addFile("x", bytes: []) }?.kind == .outputClosed)
  }

  @Test func `A commit happens once`() throws {
    let scratch = try Scratch()
    let folder = try OutputFolder(finalPath: scratch.path("out"))
    try folder.commit()
    #expect(failure { () throws(CheckpointError) in try folder.commit() }?.kind == .outputClosed)
    #expect(try scratch.names("out") == [])
  }

  @Test func `An existing output is refused unless overwriting was asked for`() throws {
    let scratch = try Scratch()
    try scratch.add("out/config.json", "old")
    let error = refusal(scratch.path("out"))
    #expect(error?.kind == .alreadyExists)
    #expect(error?.description.contains("; choose another or allow overwriting with --overwrite") == true)
    #expect(try scratch.names() == ["out"])

    let folder = try OutputFolder(finalPath: scratch.path("out"), overwrite: true)
    try folder.addFile("new.json", bytes: [])
    #expect(try scratch.text("out/config.json") == "old")
    try folder.commit()
    #expect(try scratch.names("out") == ["new.json"])
    #expect(try scratch.names() == ["out"])
  }

  @Test func `An empty folder may be filled`() throws {
    let scratch = try Scratch()
    try scratch.makeFolder("out")
    let folder = try OutputFolder(finalPath: scratch.path("out"))
    try folder.addFile("config.json", bytes: [])
    try folder.commit()
    #expect(try scratch.names("out") == ["config.json"])
  }

  @Test func `Only what looks like a model is overwritten`() throws {
    let scratch = try Scratch()
    try scratch.add("photos/holiday.jpg")
    try scratch.add("clone/.git/HEAD")
    try scratch.add("clone/config.json")
    try scratch.add("file.safetensors")
    try scratch.add("real/config.json")
    try scratch.link("link", to: "real")
    func reason(_ name: String, isFile: Bool = false) -> CheckpointError.Kind? {
      refusal(scratch.path(name), isFile: isFile, overwrite: true)?.kind
    }
    #expect(
      reason("photos") == .notReplaceable("folder holds neither a config.json nor a .safetensors file"))
    #expect(reason("clone") == .notReplaceable("folder is a git working copy"))
    #expect(reason("file.safetensors") == .notReplaceable("is a file"))
    #expect(reason("real", isFile: true) == .notReplaceable("is a folder"))
    #expect(reason("link") == .notReplaceable("is a symbolic link"))
    #expect(try scratch.names() == ["clone", "file.safetensors", "link", "photos", "real"])
  }

  @Test func `An input is never written over, by whatever name`() throws {
    let scratch = try Scratch()
    try scratch.add("models/base/model.safetensors")
    try scratch.add("models/base/config.json")
    try scratch.link("alias", to: "models/base")
    let base = scratch.path("models/base")
    for input in [base, base + "/", scratch.path("alias"), base + "/model.safetensors"] {
      #expect(
        refusal(base, overwrite: true, inputs: ["elsewhere", input])?.kind == .wouldOverwriteInput(input))
      #expect(
        refusal(scratch.path("models"), overwrite: true, inputs: [input])?.kind == .wouldOverwriteInput(input))
    }
    let file = base + "/model.safetensors"
    #expect(refusal(file, isFile: true, overwrite: true, inputs: [file])?.kind == .wouldOverwriteInput(file))
    // A new file beside an input, or a folder below it, changes no input.
    #expect(refusal(base + "/other.safetensors", isFile: true, inputs: [file]) == nil)
    #expect(refusal(base + "/out", inputs: [base]) == nil)
  }

  @Test func `A model cache's folder of links is an input too`() throws {
    let scratch = try Scratch()
    try scratch.add("cache/blobs/abc")
    try scratch.makeFolder("cache/snapshots/1")
    try scratch.link("cache/snapshots/1/model.safetensors", to: "../../blobs/abc")
    let input = scratch.path("cache/snapshots/1/model.safetensors")
    for name in ["cache/snapshots/1", "cache/snapshots", "cache", "cache/blobs"] {
      #expect(refusal(scratch.path(name), overwrite: true, inputs: [input])?.kind == .wouldOverwriteInput(input))
    }
  }

  @Test func `An input in the staging folder is not cleared away`() throws {
    let scratch = try Scratch()
    let input = try scratch.add(".out.weir-partial/files/model.safetensors")
    #expect(refusal(scratch.path("out"), inputs: [input])?.kind == .wouldOverwriteInput(input))
    #expect(try scratch.names(".out.weir-partial/files") == ["model.safetensors"])
  }

  @Test func `What a killed run left is removed`() throws {
    let scratch = try Scratch()
    try scratch.add(".out.weir-partial/lock", "")
    try scratch.add(".out.weir-partial/files/deep/model.safetensors")
    try scratch.add("precious")
    try scratch.link(".out.weir-partial/files/link", to: "../../precious")
    let folder = try OutputFolder(finalPath: scratch.path("out"))
    try folder.commit()
    #expect(try scratch.names("out") == [])
    #expect(try scratch.names() == ["out", "precious"])
  }

  @Test func `An interrupted replacement is put back first`() throws {
    let scratch = try Scratch()
    try scratch.add(".out.weir-partial/replaced/config.json", "old")
    #expect(refusal(scratch.path("out"))?.kind == .alreadyExists)
    #expect(try scratch.text("out/config.json") == "old")
    #expect(try scratch.names() == ["out"])
  }

  @Test func `A replacement in two steps ends with the new output or the old one`() throws {
    let scratch = try Scratch()
    try scratch.add("out/old")
    let staging = try StagingFolder(for: scratch.path("out"))
    try staging.prepare(for: scratch.path("out"))
    #expect(staging.replaceInTwoSteps(scratch.path("out"), with: scratch.path("missing")) == ENOENT)
    #expect(try scratch.names("out") == ["old"])
    try scratch.add(".out.weir-partial/files/new")
    #expect(staging.replaceInTwoSteps(scratch.path("out"), with: staging.filesPath) == 0)
    #expect(try scratch.names("out") == ["new"])
    staging.remove()
    #expect(try scratch.names() == ["out"])
  }

  @Test func `Two runs into one output are refused, one after the other is not`() throws {
    let scratch = try Scratch()
    let first = try OutputFolder(finalPath: scratch.path("out"))
    try first.addFile("a", bytes: [1])
    let error = refusal(scratch.path("out"))
    #expect(error?.kind == .outputBusy)
    #expect(
      error?.description == scratch.path(".out.weir-partial")
        + ": another run is writing this output, expected one at a time; wait for the other run or choose another path")
    #expect(try scratch.bytes(".out.weir-partial/files/a") == [1])
    first.discard()
    #expect(refusal(scratch.path("out")) == nil)
  }

  @Test func `A lock that is let go of twice closes no other file`() throws {
    let scratch = try Scratch()
    let path = scratch.path("lock")
    let lock = FileLock(OutputCalls.lockFile(path))
    #expect(lock.isHeld)
    lock.release()
    let descriptor = open("/dev/null", O_RDONLY)
    lock.release()
    #expect(!lock.isHeld && fcntl(descriptor, F_GETFD) >= 0)
    close(descriptor)
  }

  @Test func `A run that is let go of leaves its lock open and its files for the next`() throws {
    let scratch = try Scratch()
    do {
      let folder = try OutputFolder(finalPath: scratch.path("out"))
      try folder.addFile("a", bytes: [1])
    }
    #expect(try scratch.names(".out.weir-partial/files") == ["a"])
    let folder = try OutputFolder(finalPath: scratch.path("out"))
    #expect(try scratch.names(".out.weir-partial/files") == [])
    folder.discard()
  }

  @Test func `A header that changed on its way is found`() throws {
    let scratch = try Scratch()
    let folder = try OutputFolder(finalPath: scratch.path("out"))
    try fill(folder, try layout([5]))
    let handle = try #require(FileHandle(forUpdatingAtPath: folder.path(of: "model.safetensors")))
    try handle.seek(toOffset: 100)
    try handle.write(contentsOf: [1])
    try handle.close()
    let error = failure { () throws(CheckpointError) in try folder.commit() }
    #expect(error?.kind == .outputDiffers(found: "another header", expected: "the one that was laid out"))
    #expect(try scratch.names() == [".out.weir-partial"])
    folder.discard()
    #expect(try scratch.names() == [])
  }

  @Test(
    arguments: ["", "__metadata__", "a\nb", "\u{7F}", String(repeating: "n", count: 4097)],
    [[:], ["format": "pt"]])
  func `A file that no reader would open is not committed`(_ name: String, _ metadata: [String: String]) throws {
    let scratch = try Scratch()
    let folder = try OutputFolder(finalPath: scratch.path("out"))
    let tensors = try [tensor("a", .u8, [5]), tensor(name, .u8, [1])]
    try fill(folder, OutputLayout(tensors: tensors, shardBytes: 100, metadata: metadata))
    #expect(failure { () throws(CheckpointError) in try folder.commit() } != nil)
    #expect(try scratch.names() == [".out.weir-partial"])
    folder.discard()
  }

  @Test func `A file that was cut or never finished is found`() throws {
    let scratch = try Scratch()
    let folder = try OutputFolder(finalPath: scratch.path("out"))
    let layout = try layout([5])
    let writer = try folder.makeWriter(for: layout.files[0])
    #expect(
      failure { () throws(CheckpointError) in try folder.commit() }?.kind
        == .outputDiffers(found: "a writer at work", expected: "it to be done"))
    try writer.finish()
    let handle = try #require(FileHandle(forUpdatingAtPath: folder.path(of: "model.safetensors")))
    try handle.truncate(atOffset: 4099)
    try handle.close()
    #expect(
      failure { () throws(CheckpointError) in try folder.commit() }?.kind
        == .outputDiffers(found: "4099 bytes", expected: "4101"))
    folder.discard()
  }

  @Test func `An output that appears during the run is not replaced`() throws {
    let scratch = try Scratch()
    for isFile in [false, true] {
      let folder = try OutputFolder(finalPath: scratch.path("out"), isFile: isFile)
      try folder.addFile("out", bytes: [1])
      try scratch.add(isFile ? "out" : "out/mine", "mine")
      #expect(failure { () throws(CheckpointError) in try folder.commit() }?.kind == .alreadyExists)
      folder.discard()
      #expect(try scratch.text(isFile ? "out" : "out/mine") == "mine")
      try FileManager.default.removeItem(atPath: scratch.path("out"))
    }
  }

  @Test func `One file is renamed out of the staging folder`() throws {
    let scratch = try Scratch()
    for overwrite in [false, true] {
      let folder = try OutputFolder(
        finalPath: scratch.path("new/merged.safetensors"), isFile: true, overwrite: overwrite)
      try fill(folder, try layout([5, 200], fileName: "merged.safetensors"))
      try folder.commit()
      #expect(try scratch.names("new") == ["merged.safetensors"])
    }
    #expect(try scratch.bytes("new/merged.safetensors").count == 4096 + 205)
    #expect(refusal(scratch.path("new/merged.safetensors"), isFile: true)?.kind == .alreadyExists)
  }

  @Test func `A file output of no file or two is a mistake that is reported`() throws {
    let scratch = try Scratch()
    let folder = try OutputFolder(finalPath: scratch.path("x"), isFile: true)
    let error = failure { () throws(CheckpointError) in try folder.commit() }
    #expect(error?.kind == .outputDiffers(found: "0 files", expected: "one"))
    folder.discard()
  }

  @Test(arguments: ["", "/", ".", "..", "a/..", "a/."])
  func `A path without a name of its own is refused`(_ path: String) {
    guard case .malformed = refusal(path)?.kind else {
      Issue.record("expected the path to be refused")
      return
    }
  }

  @Test(arguments: ["", "../x", "/x", "a//b", "a/../b", "./a", "a/"])
  func `A name that leads out of the output is refused`(_ name: String) throws {
    let scratch = try Scratch()
    let folder = try OutputFolder(finalPath: scratch.path("out"))
    #expect(
      failure { () throws(CheckpointError) in try folder.addFile(name, bytes: []) }?.kind == .leavesFolder(name))
    folder.discard()
    #expect(try scratch.names() == [])
  }

  @Test func `A zero byte in a path or a name is refused`() throws {
    // The system would take the path to end there.
    guard case .malformed = refusal("nul\0byte")?.kind else {
      Issue.record("expected the path to be refused")
      return
    }
    let scratch = try Scratch()
    let folder = try OutputFolder(finalPath: scratch.path("out"))
    #expect(
      failure { () throws(CheckpointError) in try folder.addFile("a\0b", bytes: []) }?.kind == .leavesFolder("a\0b"))
    folder.discard()
  }

  @Test func `A parent that is a file is named and nothing is made`() throws {
    let scratch = try Scratch()
    try scratch.add("file")
    let error = refusal(scratch.path("file/a/out"))
    #expect(error?.kind == .cannotCreate)
    #expect(try scratch.names() == ["file"])
  }

  @Test func `Files are copied through links and nothing but files`() throws {
    let scratch = try Scratch()
    let content = String(repeating: "0123456789", count: 150_000)
    try scratch.add("blobs/abc", content)
    try scratch.link("tokenizer.json", to: "blobs/abc")
    try #require(mkfifo(scratch.path("pipe"), 0o600) == 0)
    let folder = try OutputFolder(finalPath: scratch.path("out"))
    try folder.copyFile(from: scratch.path("tokenizer.json"), as: "tokenizer.json")
    for (name, kind) in [
      ("blobs", CheckpointError.Kind.notARegularFile), ("pipe", .notARegularFile), ("missing", .notFound),
    ] {
      let path = scratch.path(name)
      #expect(failure { () throws(CheckpointError) in try folder.copyFile(from: path, as: name) }?.kind == kind)
    }
    let path = scratch.path("tokenizer.json")
    #expect(
      failure { () throws(CheckpointError) in try folder.copyFile(from: path, as: "tokenizer.json") }?.kind
        == .alreadyExists)
    try folder.commit()
    #expect(try scratch.names("out") == ["tokenizer.json"])
    #expect(try scratch.text("out/tokenizer.json") == content)
    #expect(
      try FileManager.default.attributesOfItem(atPath: scratch.path("out/tokenizer.json"))[.type] as? FileAttributeType
        == .typeRegular)
  }
}
