import Foundation
import Testing
import WeirTensors

@testable import WeirIO

/// Bytes that differ from place to place.
private func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

/// The writer that failed, or the error that it threw.
private func failure(_ body: () throws(CheckpointError) -> Void) -> CheckpointError? {
  do throws(CheckpointError) { try body() } catch { return error }
  return nil
}

/// Writes `content` in blocks, the last first.
private func write(_ content: [UInt8], to writer: OutputFileWriter, block: Int) throws {
  let buffer = try AlignedBuffer(byteCount: block)
  for offset in stride(from: 0, to: content.count, by: block).reversed() {
    let end = min(offset + block, content.count)
    buffer.bytes.initializeMemory(as: UInt8.self, repeating: 0xEE)
    buffer.fill(from: content[offset..<end])
    try writer.write(buffer, count: end - offset, at: offset)
  }
}

/// Checks what a process said before it trapped; a release build traps without a word.
private func expectTrap(_ result: ExitTest.Result, _ message: String) {
  #if DEBUG
    #expect(String(decoding: result.standardErrorContent, as: UTF8.self).contains(message))
  #endif
}

@Suite struct OutputFileWriterTests {
  @Test(arguments: [0, 1, 4095, 4096, 4097, 65536, 3 * 65536 + 17], [true, false])
  func `Blocks in any order make the exact file`(_ count: Int, _ unbuffered: Bool) throws {
    let scratch = try Scratch()
    let content = pattern(count)
    let writer = try OutputFileWriter(path: scratch.path("x"), byteCount: count, unbuffered: unbuffered)
    if !unbuffered { #expect(!writer.isUnbuffered) }
    try write(content, to: writer, block: 65536)
    try writer.finish()
    #expect(try scratch.bytes("x") == content)
  }

  @Test(.enabled(if: FileManager.default.isWritableFile(atPath: "/dev/shm")))
  func `A file system in memory takes the same blocks`() throws {
    let path = "/dev/shm/weir-test-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let content = pattern(70_001)
    let writer = try OutputFileWriter(path: path, byteCount: content.count)
    try write(content, to: writer, block: 8192)
    try writer.finish()
    #expect(try [UInt8](Data(contentsOf: URL(filePath: path))) == content)
  }

  @Test func `Many threads write one file`() throws {
    let scratch = try Scratch()
    let block = 8192
    let content = pattern(block * 40 + 5)
    let writer = try OutputFileWriter(path: scratch.path("x"), byteCount: content.count)
    DispatchQueue.concurrentPerform(iterations: 41) { number in
      let piece = content[(number * block)..<min((number + 1) * block, content.count)]
      #expect(throws: Never.self) {
        let buffer = try AlignedBuffer(byteCount: block)
        buffer.fill(from: piece)
        try writer.write(buffer, count: piece.count, at: number * block)
      }
    }
    try writer.finish()
    #expect(try scratch.bytes("x") == content)
  }

  @Test func `Plain bytes longer than a piece are written whole`() throws {
    let scratch = try Scratch()
    let content = pattern(2 << 20 | 123)
    let writer = try OutputFileWriter(path: scratch.path("x"), byteCount: content.count)
    try writer.write(content, at: 0)
    try writer.finish()
    #expect(try scratch.bytes("x") == content)
  }

  @Test func `A file that exists is refused and left alone`() throws {
    let scratch = try Scratch()
    let path = try scratch.add("x", "mine")
    let error = failure { () throws(CheckpointError) in _ = try OutputFileWriter(path: path, byteCount: 10) }
    #expect(error?.kind == .alreadyExists)
    #expect(try scratch.text("x") == "mine")
  }

  @Test func `A folder that does not exist is named`() throws {
    let scratch = try Scratch()
    let path = scratch.path("no/x")
    let error = failure { () throws(CheckpointError) in _ = try OutputFileWriter(path: path, byteCount: 10) }
    #expect(error?.kind == .cannotCreate)
    #expect(error?.description == "\(path): cannot be created: no such file or directory (errno 2)")
  }

  @Test func `A file larger than the disk is refused at once and not left behind`() throws {
    let scratch = try Scratch()
    let path = scratch.path("x")
    let error = failure { () throws(CheckpointError) in _ = try OutputFileWriter(path: path, byteCount: 1 << 52) }
    guard case .noSpace(let needed, _) = error?.kind else {
      Issue.record("expected an error about space, found \(String(describing: error))")
      return
    }
    #expect(needed == 1 << 52)
    #expect(try scratch.names() == [])
  }

  @Test func `A write that fails names file and place`() async throws {
    // In a process of its own, because the limit on file sizes cannot be taken back.
    let scratch = try Scratch()
    await #expect(processExitsWith: .success) { [path = scratch.path("x") as String] in
      let writer = try OutputFileWriter(path: path, byteCount: 1 << 20)
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 8192, rlim_max: 8192)
      #if canImport(Glibc)
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
      #else
        try #require(setrlimit(RLIMIT_FSIZE, &limit) == 0)
      #endif
      let buffer = try AlignedBuffer(byteCount: 4096)
      try writer.write(buffer, count: 4096, at: 4096)
      let error = try #require(throws: CheckpointError.self) { try writer.write(buffer, count: 4096, at: 65536) }
      #expect(error.kind == .writeFailed(offset: 65536))
      #expect(error.errno == EFBIG)
    }
  }

  @Test func `More files than the soft limit of descriptors are written at once`() async throws {
    // In a process of its own, because the limit holds for all of it.
    let scratch = try Scratch()
    await #expect(processExitsWith: .success) { [folder = scratch.path as String] in
      #if canImport(Glibc)
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      #else
        let files = RLIMIT_NOFILE
      #endif
      var limit = rlimit()
      try #require(getrlimit(files, &limit) == 0)
      limit.rlim_cur = 64
      try #require(setrlimit(files, &limit) == 0)
      var writers: [OutputFileWriter] = []
      for number in 0..<100 { writers.append(try OutputFileWriter(path: "\(folder)/\(number)", byteCount: 1)) }
      for writer in writers {
        try writer.write([7], at: 0)
        try writer.finish()
      }
    }
    #expect(try scratch.names().count == 100)
    #expect(try scratch.bytes("99") == [7])
  }

  @Test func `A block that starts off a page is a caller's mistake`() async throws {
    let scratch = try Scratch()
    let result = try await #require(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [path = scratch.path("x") as String] in
      try OutputFileWriter(path: path, byteCount: 10000).write(AlignedBuffer(byteCount: 4096), count: 4096, at: 100)
    }
    expectTrap(result, "a block starts at a multiple of 4096")
  }

  @Test func `A block that ends off a page within the file is a caller's mistake`() async throws {
    let scratch = try Scratch()
    let result = try await #require(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [path = scratch.path("x") as String] in
      try OutputFileWriter(path: path, byteCount: 10000).write(AlignedBuffer(byteCount: 4096), count: 100, at: 0)
    }
    expectTrap(result, "a block is a multiple of 4096 bytes, or ends the file")
  }

  @Test func `A block beyond the file is a caller's mistake`() async throws {
    let scratch = try Scratch()
    let result = try await #require(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [path = scratch.path("x") as String] in
      try OutputFileWriter(path: path, byteCount: 10000).write(AlignedBuffer(byteCount: 4096), count: 4096, at: 8192)
    }
    expectTrap(result, "a block ends within the file")
  }

  @Test func `A block after the end is a caller's mistake`() async throws {
    let scratch = try Scratch()
    let result = try await #require(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [path = scratch.path("x") as String] in
      let writer = try OutputFileWriter(path: path, byteCount: 4096)
      try writer.finish()
      try writer.write(AlignedBuffer(byteCount: 4096), count: 4096, at: 0)
    }
    expectTrap(result, "a finished file takes no more blocks")
  }

  @Test(arguments: [(0, 4096), (1, 4096), (4096, 4096), (4097, 8192)])
  func `A buffer is zero, starts on a page and ends on one`(_ asked: Int, _ given: Int) throws {
    let buffer = try AlignedBuffer(byteCount: asked)
    let address = UInt(bitPattern: buffer.bytes.baseAddress)
    #expect(address % 4096 == 0)
    #expect(buffer.byteCount == given)
    #expect(buffer.bytes.count == given)
    #expect(buffer.bytes.allSatisfy { $0 == 0 })
  }

  @Test func `More memory than there can be is an error`() {
    let error = failure { () throws(CheckpointError) in _ = try AlignedBuffer(byteCount: 1 << 60) }
    #expect(error?.kind == .outOfMemory(byteCount: 1 << 60))
  }

  @Test func `Free space is told for a path that does not exist yet`() throws {
    let scratch = try Scratch()
    let here = try #require(freeBytes(at: scratch.path))
    #expect(here > 0)
    #expect(freeBytes(at: scratch.path("a/b/c")) != nil)
  }
}
