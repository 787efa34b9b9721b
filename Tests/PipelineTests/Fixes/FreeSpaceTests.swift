import TestSupport
import Testing
import WeirIO

/// Which disk a path will be on.
@Suite struct FreeSpaceTests {
  @Test func `A path that is not there yet is on the disk of the nearest folder above it`() throws {
    try withTemporaryDirectory { folder in
      let there = device(of: folder)
      #expect(there != nil)
      #expect(device(of: "\(folder)/not/yet/there.safetensors") == there)
      #expect(freeBytes(at: "\(folder)/not/yet/there.safetensors") != nil)
    }
  }

  #if os(Linux)
    @Test func `The process file system is another disk`() throws {
      try withTemporaryDirectory { #expect(device(of: "/proc/none") != device(of: $0)) }
    }
  #endif
}
