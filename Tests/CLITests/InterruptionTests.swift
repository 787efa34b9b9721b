import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite(.serialized) struct InterruptionTests {
  /// A model of 1.5 GB of zeros that takes no room on the disk.
  private func makeLarge(in folder: String) throws {
    let count = 48
    let bytes = 32 << 20
    let tensors = (0..<count).map { number in
      let offsets = "[\(number * bytes),\((number + 1) * bytes)]"
      return #""t\#(number)":{"dtype":"F32","shape":[\#(bytes / 4096),1024],"data_offsets":\#(offsets)}"#
    }
    let header = safetensorsBytes(header: "{\(tensors.joined(separator: ","))}")
    try writeFile("\(folder)/large.safetensors", header)
    try resizeFile("\(folder)/large.safetensors", to: header.count + count * bytes)
  }

  /// Starts a long merge, waits until it has begun to write, and lets `body` do something to it.
  private func interrupt(
    _ destination: String, flags: [String] = [], _ body: (pid_t) -> Void
  ) throws -> (exit: Int32, said: String, left: [String]) {
    try withTemporaryDirectory { folder in
      try makeLarge(in: folder)
      let process = try Program.start(
        ["merge", "ties", "--base", "large.safetensors", "large.safetensors", "--density", "0.3", "-o", destination]
          + flags, in: folder, output: "\(folder)/output", errors: "\(folder)/errors")
      while try !names(in: folder).contains(".\(destination).weir-partial") {
        guard kill(process, 0) == 0 else { break }
        usleep(500)
      }
      body(process)
      let exit = Program.wait(process)
      let left = try names(in: folder).filter { !["large.safetensors", "output", "errors"].contains($0) }
      return (exit, String(decoding: try readFile("\(folder)/errors"), as: UTF8.self), left)
    }
  }

  @Test(.timeLimit(.minutes(2)), arguments: [SIGINT, SIGTERM])
  func `An interrupted run says how far it came and leaves what it has finished`(_ signal: Int32) throws {
    for destination in ["out", "out.safetensors"] {
      let run = try interrupt(destination) { kill($0, signal) }
      #expect(run.exit == 130)
      let partial = ".\(destination).weir-partial"
      if run.left.isEmpty {
        #expect(GoldenCase.matches(run.said, "error: interrupted at {any} %, nothing was left at \(destination)\n"))
      } else {
        #expect(run.left == [partial])
        let advice = "; run the same command again to go on from there, or remove '\(partial)' to give it up\n"
        // A run that is ended late may have left a part without a finished piece, which the next one clears away.
        #expect(
          GoldenCase.matches(run.said, "error: interrupted at {any} %\(advice)")
            || GoldenCase.matches(run.said, "error: interrupted at {any} %, nothing was left at \(destination)\n"))
      }
    }
  }

  @Test(.timeLimit(.minutes(2)))
  func `A terminal shows a bar, which is gone at the end`() throws {
    let (terminal, name) = try Terminal.open()
    defer { close(terminal) }
    try withTemporaryDirectory { folder in
      try makeLarge(in: folder)
      let process = try Program.start(
        ["merge", "ties", "--base", "large.safetensors", "large.safetensors", "--density", "0.3", "-o", "out"],
        in: folder, output: "\(folder)/output", errors: name)
      var said: [UInt8] = []
      var block = [UInt8](repeating: 0, count: 4096)
      var isAsked = false
      // Reading fails once the program has closed its end.
      while case let count = read(terminal, &block, block.count), count > 0 {
        said += block[..<count]
        guard !isAsked, String(decoding: said, as: UTF8.self).contains("B/s") else { continue }
        isAsked = true
        kill(process, SIGINT)
      }
      #expect(Program.wait(process) == 130)
      let text = String(decoding: said, as: UTF8.self)
      #expect(text.contains("━") && text.contains(" %  "))
      let last = try #require(text.unicodeScalars.split(separator: "\u{1B}[K".unicodeScalars).last)
      #expect(String(last).hasPrefix("error: interrupted at "))
      #expect(try readFile("\(folder)/output") == [])
    }
  }

  @Test(.timeLimit(.minutes(2)))
  func `A run that was told to ignore an interruption goes on`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      let script = "trap '' INT; \"$1\" merge linear base math -o out --quiet & kill -INT $!; wait $!"
      #expect(try Shell.run(script, [Program.path], in: folder) == 0)
      #expect(try names(in: "\(folder)/out").contains("model.safetensors"))
    }
  }

  @Test(.timeLimit(.minutes(2)), arguments: ["compress", "soup"])
  func `An interrupted search ends its command and leaves nothing`(_ command: String) throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      let before = Set(try names(in: folder))
      let output = command == "soup" ? "out" : "x.tv.safetensors"
      let process = try Program.start(
        [command, "base", "math", "-o", output, "--evaluate", "touch begun; sleep 100; echo 1 {}"], in: folder,
        output: "\(folder)/output", errors: "\(folder)/errors")
      while try !names(in: folder).contains("begun") {
        guard kill(process, 0) == 0 else { break }
        usleep(500)
      }
      kill(process, SIGTERM)
      #expect(Program.wait(process) == 130)
      #expect(String(decoding: try readFile("\(folder)/errors"), as: UTF8.self).contains("error: interrupted"))
      #expect(Set(try names(in: folder)).subtracting(before) == ["begun", "output", "errors"])
    }
  }
}
