import TestSupport
import Testing

@testable import WeirIO

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("Window reader")
struct WindowReaderTests {
  /// Bytes that tell their place.
  private func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

  @Test(arguments: ReadPolicy.allCases) func `Windows show the bytes of their range`(_ policy: ReadPolicy) throws {
    try withTemporaryDirectory { folder in
      let bytes = pattern(100_003)
      try writeFile("\(folder)/x", bytes)
      let file = try InputFile(path: "\(folder)/x", policy: policy)
      #expect(file.byteCount == bytes.count)
      #expect(file.isMapped == (policy != .read))
      var reader = WindowReader()
      for range in [0..<1, 0..<bytes.count, 4095..<4097, 5..<5, 99_999..<100_003, 100_003..<100_003, 8192..<12288] {
        for slot in [0, 3] {
          let window = try reader.open(file, range, slot: slot)
          #expect(Array(window) == Array(bytes[range]))
          if range.count % 2 == 0 { reader.close(slot: slot) }
        }
      }
      try file.checkIntact()
    }
  }

  @Test(arguments: ReadPolicy.allCases) func `Slots hold windows side by side`(_ policy: ReadPolicy) throws {
    try withTemporaryDirectory { folder in
      let bytes = pattern(50_000)
      try writeFile("\(folder)/x", bytes)
      let file = try InputFile(path: "\(folder)/x", policy: policy)
      var reader = WindowReader()
      let first = try reader.open(file, 10..<20_000, slot: 0)
      let second = try reader.open(file, 10_000..<30_000, slot: 1)
      reader.close(slot: 1)
      _ = try reader.open(file, 19_000..<21_000, slot: 1)
      reader.close(slot: 7)
      #expect(Array(first) == Array(bytes[10..<20_000]))
      if policy != .read { #expect(Array(second) == Array(bytes[10_000..<30_000])) }
    }
  }

  @Test(arguments: ReadPolicy.allCases) func `An empty file has empty windows`(_ policy: ReadPolicy) throws {
    try withTemporaryDirectory { folder in
      try writeFile("\(folder)/x", "")
      var reader = WindowReader()
      #expect(try reader.open(InputFile(path: "\(folder)/x", policy: policy), 0..<0, slot: 0).isEmpty)
    }
  }

  @Test(arguments: ReadPolicy.allCases)
  func `A file that shrinks after it was opened is an error`(_ policy: ReadPolicy) throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/x"
      try writeFile(path, pattern(100_000))
      let file = try InputFile(path: path, policy: policy)
      try resizeFile(path, to: 50_000)
      var reader = WindowReader(reach: 0)
      let expected = CheckpointError(.truncated(found: 50_000, expected: 100_000), file: path)
      #expect(throws: expected) { _ = try reader.open(file, 60_000..<70_000, slot: 0) }
      #expect(
        expected.description
          == "\(path): file has shrunk to 50000 bytes, expected the 100000 it had when it was opened; "
          + "fetch the file again, and do not change it during a run")
      #expect(Array(try reader.open(file, 0..<4096, slot: 0)) == Array(pattern(4096)))
    }
  }

  @Test func `A page that is lost while it is looked at reads as zeros and is remembered`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/x"
      try writeFile(path, pattern(100_000))
      let file = try InputFile(path: path, policy: .map)
      let other = try InputFile(path: path, policy: .map)
      var reader = WindowReader()
      let window = try reader.open(file, 0..<100_000, slot: 0)
      try resizeFile(path, to: 0)
      #expect(window[90_000] == 0)
      #expect(window[0] == 0)
      let expected = CheckpointError(.truncated(found: 0, expected: 100_000), file: path)
      #expect(throws: expected) { try file.checkIntact() }
      #expect(throws: expected) { _ = try reader.open(file, 0..<1, slot: 1) }
      try other.checkPages()
      #expect(throws: expected) { try other.checkIntact() }
    }
  }

  @Test func `A page that is lost though the file has its length is the disk's failure`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/x"
      try writeFile(path, pattern(100_000))
      let file = try InputFile(path: path, policy: .map)
      var reader = WindowReader()
      let window = try reader.open(file, 0..<100_000, slot: 0)
      try resizeFile(path, to: 0)
      #expect(window[0] == 0)
      try resizeFile(path, to: 100_000)
      let expected = CheckpointError(.readFailed, file: path, errno: EIO)
      #expect(throws: expected) { _ = try reader.open(file, 0..<1, slot: 0) }
      #expect(expected.description.hasPrefix("\(path): read failed: input/output error"))
    }
  }

  @Test(arguments: ReadPolicy.allCases)
  func `A file that was written to after it was opened is an error`(_ policy: ReadPolicy) throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/x"
      try writeFile(path, pattern(100_000))
      let file = try InputFile(path: path, policy: policy)
      try file.checkIntact()
      // Time stamps are as coarse as the system's clock ticks, a few milliseconds.
      usleep(20_000)
      try writeFile(path, [UInt8](repeating: 7, count: 100_000))
      let expected = CheckpointError(.changed, file: path)
      #expect(throws: expected) { try file.checkIntact() }
      #expect(
        expected.description
          == "\(path): file was written to after it was opened, expected nobody to do so during a run; "
          + "run again when nothing writes to it")
    }
  }

  @Test(arguments: ReadPolicy.allCases)
  func `A path that leads to another file by now does no harm`(_ policy: ReadPolicy) throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/x"
      try writeFile(path, pattern(100_000))
      let file = try InputFile(path: path, policy: policy)
      try writeFile("\(folder)/y", "another")
      #expect(rename("\(folder)/y", path) == 0)
      var reader = WindowReader()
      #expect(Array(try reader.open(file, 0..<100_000, slot: 0)) == pattern(100_000))
      try file.checkIntact()
    }
  }

  @Test func `A mapped file keeps no descriptor`() throws {
    try withTemporaryDirectory { folder in
      try writeFile("\(folder)/x", "0123456789")
      // More than the usual limit of 1024 descriptors.
      let files = try (0..<1500).map { _ in try InputFile(path: "\(folder)/x", policy: .map) }
      var reader = WindowReader()
      #expect(Array(try reader.open(files[1499], 3..<5, slot: 0)) == Array("34".utf8))
    }
  }

  @Test func `A pipe is refused without waiting for its writer`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/x.safetensors"
      #expect(mkfifo(path, 0o600) == 0)
      #expect(throws: CheckpointError(.notARegularFile, file: path)) { try InputFile(path: path) }
      #expect(throws: CheckpointError(.notARegularFile, file: path)) { try Checkpoint.open(path) }
    }
  }

  @Test func `Workers read neighbouring windows of one file at once`() async throws {
    try await withTemporaryDirectory { folder in
      let bytes = pattern(3_000_000)
      try writeFile("\(folder)/x", bytes)
      for policy in ReadPolicy.allCases {
        let file = try InputFile(path: "\(folder)/x", policy: policy)
        try await withThrowingTaskGroup(of: Bool.self) { group in
          for worker in 0..<4 {
            group.addTask {
              var reader = WindowReader()
              var isEqual = true
              for start in stride(from: worker * 5001, to: bytes.count - 5001, by: 4 * 5001) {
                let window = try reader.open(file, start..<start + 5001, slot: 0)
                isEqual = isEqual && window.elementsEqual(bytes[start..<start + 5001])
                reader.close(slot: 0)
              }
              return isEqual
            }
          }
          for try await isEqual in group { #expect(isEqual) }
        }
      }
    }
  }

  @Test func `Windows keep their file alive`() throws {
    try withTemporaryDirectory { folder in
      try writeFile("\(folder)/x", "0123456789")
      var reader = WindowReader()
      let window = try reader.open(InputFile(path: "\(folder)/x"), 0..<10, slot: 0)
      #expect(Array(window) == Array("0123456789".utf8))
    }
  }

  @Test func `A window outside its file is a caller's mistake`() async {
    await #expect(processExitsWith: .failure) {
      let file = try InputFile(path: "/proc/self/exe")
      var reader = WindowReader()
      _ = try reader.open(file, 0..<file.byteCount + 1, slot: 0)
    }
  }

  #if os(Linux)
    /// Bytes of a file that this process has mapped and resident; other tests map files meanwhile.
    private func residentBytes(_ path: String) throws -> Int {
      var isOwn = false
      var sum = 0
      for line in String(decoding: try readFile("/proc/self/smaps"), as: UTF8.self).split(separator: "\n") {
        let words = line.split(separator: " ")
        if words.first?.hasSuffix(":") == false { isOwn = line.hasSuffix(path) }
        if isOwn, words.first == "Rss:" { sum += try #require(Int(words[1])) << 10 }
      }
      return sum
    }

    @Test(arguments: [262_144 + 100, 100_000, 1 << 20], [true, false])
    func `Windows over a large file leave nothing behind`(_ step: Int, _ allowsLargePages: Bool) throws {
      try withTemporaryDirectory { folder in
        let byteCount = 64 << 20
        try writeFile("\(folder)/x", [UInt8](repeating: 1, count: byteCount))
        let file = try InputFile(path: "\(folder)/x", policy: .map)
        // The first falls behind by several windows, and closes them long after what lies around them was let go.
        var slow = WindowReader(reach: step, allowsLargePages: allowsLargePages)
        var fast = WindowReader(reach: 2 * step, allowsLargePages: allowsLargePages)
        var sum = 0
        for (number, start) in stride(from: 0, to: byteCount, by: step).enumerated() {
          let range = start..<min(start + step, byteCount)
          let window =
            number % 8 == 0
            ? try slow.open(file, range, slot: number / 8 % 2) : try fast.open(file, range, slot: 0)
          for place in stride(from: 0, to: window.count, by: 4096) { sum += Int(window[place]) }
          // Two windows of a step and one of two, and the rest of large pages around them.
          guard number % 16 == 15 else { continue }
          let around = 3 * 2 * (allowsLargePages ? WindowReader.largePageByteCount : 4096)
          let resident = try residentBytes("\(folder)/x")
          #expect((1...4 * step + around).contains(resident))
        }
        for slot in 0..<2 { slow.close(slot: slot) }
        fast.close(slot: 0)
        #expect(try residentBytes("\(folder)/x") == 0)
        #expect(sum > 0)
      }
    }
  #endif
}
