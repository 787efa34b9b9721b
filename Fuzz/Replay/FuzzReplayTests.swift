import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What the fuzzer starts from, and what it once found, through the same targets.
@Suite struct FuzzReplayTests {
  @Test(arguments: FuzzTarget.allCases)
  func `No input of the corpus, and none that once did harm, does any`(_ target: FuzzTarget) throws {
    try withTemporaryDirectory { folder in
      let bench = try FuzzBench(folder: folder)
      let seeds = try Self.files(in: "Corpus/\(target.rawValue)")
      #expect(!seeds.isEmpty, "a target has seeds")
      for path in try seeds + Self.files(in: "Crashes/\(target.rawValue)") { target.run(try readFile(path), on: bench) }
    }
  }

  /// The files of a folder beside this one's; none where there is no such folder.
  private static func files(in name: String) throws -> [String] {
    let here = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
    let path = "/\(here)/\(name)"
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append("\(path)/\(name)") }
    }
    return names.sorted()
  }
}
