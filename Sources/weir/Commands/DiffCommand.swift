import ArgumentParser
import WeirIO
import WeirPipeline

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract:
      "Says how two checkpoints differ, tensor by tensor: changed share, norms, cosine, units in the last place.",
    discussion: """
      Examples:
        weir diff base tuned
        weir diff tuned restored --ulps

      Tensors are compared by name. NaNs and infinities are left out of norms and cosine, and counted.
      """)

  @Argument(help: "A folder, a '.safetensors' file or an index.", completion: .file())
  var a: String

  @Argument(help: "What it is compared with.", completion: .file())
  var b: String

  @Flag(help: "Show for every tensor how many units in the last place its elements lie apart.")
  var ulps = false

  @OptionGroup var scan: ScanFlags

  func run() throws {
    let request = try DiffRequest(a, b, options: try scan.options())
    if !scan.quiet { for note in request.a.notes + request.b.notes { Console.say("warning: \(note)") } }
    let diff = try scan.run(reading: request.bytesToRead) { (progress, report) throws(PipelineError) in
      try request.run(progress: progress, report: report)
    }
    if scan.json {
      Console.write(diff.json)
    } else {
      Console.write(diff.text(ulps: ulps))
    }
  }
}
