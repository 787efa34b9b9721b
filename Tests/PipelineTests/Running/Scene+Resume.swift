import Foundation
import TestSupport

@testable import WeirPipeline

extension Scene {
  /// Makes all of an output but its final name, and lets go of it as if the run had ended there.
  func runAlmost(_ text: String, _ options: RunOptions = .test) throws {
    let plan = try plan(text, options)
    let run = try OutputRun(plan, output: 0, Progress(plan))
    try run.write {}
    run.end()
  }

  /// Where the records of a journal end, the first of them after what the run is.
  func recordEnds(_ journal: [UInt8]) -> [Int] {
    var ends: [Int] = []
    var place = 8
    while place < journal.count {
      place += 13 + journal[place..<place + 4].reversed().reduce(0) { $0 << 8 | Int($1) }
      ends.append(place)
    }
    return ends
  }

  /// Ends a run after each record of its journal, goes on, and hands over what each of them gave; the output is then removed.
  func resumeEverywhere(
    _ text: String, _ out: String, _ options: RunOptions = .test, _ body: (RunReport) throws -> Void
  ) throws {
    let partial = path(".\(out).weir-partial")
    try runAlmost(text, options)
    try FileManager.default.moveItem(atPath: partial, toPath: path("template"))
    let journal = try readFile(path("template/journal"))
    for end in recordEnds(journal) {
      try FileManager.default.copyItem(atPath: path("template"), toPath: partial)
      try writeFile("\(partial)/journal", Array(journal[..<end]))
      try body(try run(text, options))
      try FileManager.default.removeItem(atPath: path(out))
    }
    try FileManager.default.removeItem(atPath: path("template"))
  }
}
