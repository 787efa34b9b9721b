import ArgumentParser
import WeirIO
import WeirPipeline

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract:
      "Shows what a checkpoint or adapter holds (dtypes, layers, files, tensors), or an archive (codecs, sizes, fingerprints).",
    discussion: """
      Examples:
        weir inspect model
        weir inspect model/model-00001-of-00002.safetensors --tensors
        weir inspect x.tv.safetensors --density
      """)

  @Argument(help: "A folder, a '.safetensors' file, an index or an archive.", completion: .file())
  var path: String

  @Flag(help: "Show every tensor.")
  var tensors = false

  @Flag(help: "Print in JSON, every tensor included.")
  var json = false

  @Flag(help: "Decode an archive's ternary tensors, and say what they keep and how near their entropy they are coded.")
  var density = false

  @OptionGroup var reading: ReadingFlags

  func run() throws {
    let options = try reading.options()
    guard !ArchiveInspection.isArchive(path, options: options) else { return try inspectArchive(options) }
    guard !density else {
      throw PipelineError(.request, "--density is given for a checkpoint, expected an archive; drop it")
    }
    let inspection = try Inspection(path: path, options: options)
    for note in inspection.notes { Console.say("warning: \(note)") }
    if json {
      Console.write(inspection.json)
    } else {
      Console.write(inspection.text(tensors: tensors))
    }
  }

  private func inspectArchive(_ options: RunOptions) throws(PipelineError) {
    var inspection = try ArchiveInspection(path: path, options: options)
    if density {
      try inspection.countKept(
        threads: options.threads, progress: Progress(bytesToRead: inspection.ternaryByteCount))
    }
    if json {
      Console.write(inspection.json)
    } else {
      Console.write(inspection.text(tensors: tensors))
    }
  }
}
