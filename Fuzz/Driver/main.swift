// The fuzzer: weir-fuzz TARGET FOLDER [what libFuzzer takes…]. FOLDER is empty, and what the target writes goes there.
#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

typealias FuzzArguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
  _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<FuzzArguments>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

nonisolated(unsafe) var chosen: (target: FuzzTarget, bench: FuzzBench)?

let words = CommandLine.arguments
guard words.count >= 3, let target = FuzzTarget(rawValue: words[1]) else {
  let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: " ")
  print("weir-fuzz: usage: weir-fuzz TARGET FOLDER …; targets: \(names)")
  exit(2)
}
chosen = (target, try FuzzBench(folder: words[2]))

var arguments: [UnsafeMutablePointer<CChar>?] = ([words[0]] + words[3...]).map { strdup($0) } + [nil]
var count = CInt(arguments.count - 1)
let code = arguments.withUnsafeMutableBufferPointer { buffer -> CInt in
  guard var start = buffer.baseAddress else { return 2 }
  return runFuzzer(&count, &start) { bytes, count in
    if let chosen { chosen.target.run(Array(UnsafeBufferPointer(start: bytes, count: count)), on: chosen.bench) }
    return 0
  }
}
exit(code)
