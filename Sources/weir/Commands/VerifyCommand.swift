import ArgumentParser
import WeirPipeline

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Reads all of a checkpoint or an archive, and says what is wrong with it.",
    discussion: """
      Examples:
        weir verify model
        weir verify x.tv.safetensors
        weir verify x.tv.safetensors --base base

      Of an archive every header, length and checksum is looked at; of a checkpoint the headers, the index, and the \
      hashes that it carries; of both, all F64, F32, F16 and BF16 numbers for NaNs and infinities. What an archive \
      codes by its base's bytes is decoded where the base is given.

      Exit codes: 0 all is well, 1 something is wrong, 2 there is nothing to verify.
      """)

  @Argument(help: "A folder, a '.safetensors' file, an index or an archive.", completion: .file())
  var path: String

  @Option(help: ArgumentHelp("The checkpoint that an archive was made from.", valueName: "path"), completion: .file())
  var base: String?

  @OptionGroup var scan: ScanFlags

  func run() throws {
    let request = try VerifyRequest(path, base: base, options: try scan.options())
    let verification = try scan.run(reading: request.bytesToRead) { (progress, report) throws(PipelineError) in
      try request.run(progress: progress, report: report)
    }
    if !scan.quiet { for note in verification.notes { Console.say("warning: \(note)") } }
    if scan.json {
      Console.write(verification.json)
    } else {
      Console.write(verification.text)
    }
    if !verification.isSound { throw ExitCode(1) }
  }
}
