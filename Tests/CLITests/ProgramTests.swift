import TestSupport
import Testing
import WeirIO
import WeirPipeline

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite struct ProgramTests {
  private func weir(_ arguments: [String]) throws -> String {
    try withTemporaryDirectory { folder in
      let result = try Program.run(arguments, in: folder)
      #expect(result.exit == 0)
      #expect(result.errors == "")
      return result.output
    }
  }

  @Test(arguments: [
    "run", "plan", "merge", "copy", "compress", "apply", "soup", "check", "inspect", "diff", "verify", "methods",
    "schema",
  ])
  func `Every command's help shows an example`(_ command: String) throws {
    let help = try weir([command, "--help"])
    #expect(help.contains("Example"))
    #expect(help.contains("  weir \(command)"))
  }

  @Test(arguments: MethodReference.codecs.map(\.name))
  func `Every codec has a page, in words and in JSON`(_ name: String) throws {
    #expect(try weir(["methods", name]).contains("\(name) (codec): "))
    let json = try JSON.parse(try weir(["methods", name, "--json"]))
    #expect((json["codec"] ?? json)["kind"]?.string == "codec")
  }

  @Test(arguments: MethodReference.declarations.map(\.name))
  func `Every operation has a page, in words and in JSON`(_ name: String) throws {
    #expect(try weir(["methods", name]).hasPrefix("\(name): "))
    let json = try JSON.parse(try weir(["methods", name, "--json"]))
    #expect(json["name"]?.string == name)
    #expect(json["parameters"]?.array != nil)
  }

  @Test func `The list of methods names all of them`() throws {
    let names = try #require(JSON.parse(try weir(["methods", "--json"])).array).compactMap { $0["name"]?.string }
    #expect(names == (MethodReference.declarations + MethodReference.codecs).map(\.name))
  }

  @Test func `The schema is JSON and describes every operation`() throws {
    let schema = try JSON.parse(try weir(["schema"]))
    #expect(schema["$schema"]?.string == "https://json-schema.org/draft/2020-12/schema")
    for name in MethodReference.declarations.map(\.name) { #expect(schema["$defs"]?["node \(name)"] != nil) }
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `There are completions for every shell`(_ shell: String) throws {
    let script = try weir(["--generate-completion-script", shell])
    #expect(script.contains("weir"))
    #expect(script.contains("inspect"))
  }

  @Test func `Plans, checks and inspections are JSON where that is asked for`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      func json(_ arguments: [String], exit: Int32 = 0) throws -> JSONValue {
        let result = try Program.run(arguments + ["--json"], in: folder)
        #expect(result.exit == exit)
        return try JSON.parse(result.output)
      }
      let plan = try json(["plan", "pipelines/ties.json"])
      #expect(plan["outputs"]?.array?.first?["tensors"]?.array?.count == 4)
      #expect(plan["bytes_read"]?.int == 6336)
      let inspection = try json(["inspect", "half"])
      #expect(inspection["files"]?.array?.count == 2)
      #expect(inspection["parameters"]?.int == 264)
      #expect(try json(["check", "base", "math"])["can_be_merged"]?.bool == true)
      #expect(try json(["check", "base", "wide"], exit: 1)["can_be_merged"]?.bool == false)
      let report = try json(["copy", "base", "-o", "out", "--quiet"])
      #expect(report["outputs"]?.array?.first?["path"]?.string == "out")
    }
  }

  @Test func `A reader that goes away ends the program without a word`() throws {
    try withTemporaryDirectory { folder in
      // The shell's subshell closes its end of the pipe before the program writes more than a pipe holds.
      let script = "(\"$1\" schema; echo $? > code) 2> said | true"
      let result = try Shell.run(script, [Program.path], in: folder)
      #expect(result == 0)
      #expect(try readFile("\(folder)/code") == Array("0\n".utf8))
      #expect(try readFile("\(folder)/said") == [])
    }
  }

  @Test(.enabled(if: access("/dev/full", W_OK) == 0))
  func `A full disk under standard output is an error`() throws {
    try withTemporaryDirectory { folder in
      #expect(try Shell.run("\"$1\" schema > /dev/full 2> said", [Program.path], in: folder) == 1)
      let said = String(decoding: try readFile("\(folder)/said"), as: UTF8.self)
      #expect(said == "error: standard output: write failed: no space left on device (errno 28)\n")
    }
  }

  @Test func `A limit on the size of files is an error, and nothing is left`() throws {
    try withTemporaryDirectory { folder in
      try World.make(in: folder)
      let before = try snapshot(folder)
      #expect(try Shell.run("ulimit -f 4; exec \"$1\" copy base -o out 2> said", [Program.path], in: folder) == 1)
      let said = String(decoding: try readFile("\(folder)/said"), as: UTF8.self)
      #expect(said.hasPrefix("error: ") && said.contains("file too large") && said.count { $0 == "\n" } == 1, "\(said)")
      #expect(try snapshot(folder).filter { $0.key != "said" } == before)
    }
  }

  #if os(Linux)
    @Test func `OpenBLAS is not loaded at the start`() throws {
      try withTemporaryDirectory { folder in
        #expect(try Shell.run("ldd \"$1\" > needed", [Program.path], in: folder) == 0)
        let needed = String(decoding: try readFile("\(folder)/needed"), as: UTF8.self)
        #expect(needed.contains("libc.so"))
        #expect(!needed.contains("openblas"))
        #expect(!needed.contains("libFoundation.so"))
      }
    }
  #endif

  @Test func `The program starts at once`() throws {
    try withTemporaryDirectory { folder in
      let clock = ContinuousClock()
      let times = try (0..<10).map { _ in try clock.measure { _ = try Program.run(["--help"], in: folder) } }
      // A release build takes a few milliseconds; the bound leaves room for a debug build on a busy machine.
      #expect(try #require(times.min()) < .milliseconds(250))
    }
  }
}
