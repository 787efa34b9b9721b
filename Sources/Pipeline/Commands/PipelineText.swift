internal import WeirIO

/// A pipeline's text and where it came from: a file, or something that made it.
public struct PipelineText: Sendable {
  public let bytes: [UInt8]
  /// The file as the user named it; `nil` for standard input and for a pipeline made from flags.
  public let file: String?
  /// Where its relative paths start; empty for the working directory.
  public let folder: String
  /// Whether it was made from flags: its lines and columns then mean nothing to the user.
  let isMade: Bool
  /// How many entries of the output's `codec` were made from a `--rule`.
  private let ruleCount: Int

  private static let maximumByteCount = 64 << 20

  /// Takes a text that has no file.
  public init(standardInput bytes: [UInt8]) {
    self.init(bytes: bytes, file: nil, folder: "", isMade: false)
  }

  init(made bytes: [UInt8], ruleCount: Int = 0) {
    self.init(bytes: bytes, file: nil, folder: "", isMade: true, ruleCount: ruleCount)
  }

  private init(bytes: [UInt8], file: String?, folder: String, isMade: Bool, ruleCount: Int = 0) {
    self.bytes = bytes
    self.file = file
    self.folder = folder
    self.isMade = isMade
    self.ruleCount = ruleCount
  }

  /// Reads a pipeline's file.
  ///
  /// - Throws: ``PipelineError`` of kind `request` where it cannot be read.
  public static func read(_ path: String) throws(PipelineError) -> PipelineText {
    let hint = "'weir merge', 'weir copy' and 'weir inspect' take models"
    guard !path.hasSuffix(".safetensors") else {
      throw PipelineError(.request, "\(path): a checkpoint, expected a pipeline in JSON; \(hint)")
    }
    let bytes: [UInt8]
    do throws(CheckpointError) {
      bytes = try TextFile.read(path, maximumByteCount: maximumByteCount)
    } catch {
      guard error.kind == .notARegularFile else { throw PipelineError(.request, error.description) }
      throw PipelineError(.request, "\(path): not a file, expected a pipeline in JSON; \(hint)")
    }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    return PipelineText(bytes: bytes, file: path, folder: folder, isMade: false)
  }

  /// Reads and checks the pipeline.
  ///
  /// - Parameters:
  ///   - overrides: values for declared variables.
  ///   - outputPath: a place for the only output instead of its own.
  /// - Throws: ``PipelineError`` of kind `request` with everything that is wrong.
  public func parse(
    overrides: [String: String] = [:], outputPath: String? = nil
  ) throws(PipelineError) -> PipelineSpec {
    do {
      return try PipelineSpec.parse(
        text: bytes, file: file, folder: folder, overrides: overrides, outputPath: outputPath)
    } catch {
      throw worded(error)
    }
  }

  /// Plans a pipeline that this text gave.
  ///
  /// - Throws: ``PipelineError`` of kind `request`; its diagnostics begin with what was odd in the text.
  public func plan(_ spec: PipelineSpec, options: RunOptions = RunOptions()) throws(PipelineError) -> Plan {
    do {
      return try Plan.make(spec, options: options)
    } catch {
      throw worded(PipelineError(error.kind, spec.warnings + error.diagnostics))
    }
  }

  /// The diagnostic as the user should see it: of a pipeline that he did not write, in the words of his flags.
  public func worded(_ diagnostic: Diagnostic) -> Diagnostic {
    guard isMade else { return diagnostic }
    return Diagnostic(MadePipeline.inFlags(diagnostic.message, ruleCount: ruleCount), severity: diagnostic.severity)
  }

  /// The error with all its diagnostics so worded.
  public func worded(_ error: PipelineError) -> PipelineError {
    PipelineError(error.kind, error.diagnostics.map(worded))
  }
}
