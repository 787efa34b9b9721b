internal import WeirIO

/// A pipeline's text and where it came from: a file, or something that made it.
public struct PipelineText: Sendable {
  public let bytes: [UInt8]
  /// The file as the user named it; `nil` for standard input and for a pipeline made from flags.
  public let file: String?
  /// Where its relative paths start; empty for the working directory.
  public let folder: String
  /// What was odd about a recipe that it was made from.
  public let warnings: [Diagnostic]
  private let origin: Origin

  /// What the user wrote.
  private enum Origin {
    case pipeline
    /// Flags, of which so many were a `--rule`.
    case flags(ruleCount: Int)
    case recipe(RecipePlaces, hasOneOutput: Bool)
  }

  private static let maximumByteCount = 64 << 20

  init(made bytes: [UInt8], ruleCount: Int = 0) {
    self.init(bytes: bytes, file: nil, folder: "", .flags(ruleCount: ruleCount))
  }

  private init(bytes: [UInt8], file: String?, folder: String, _ origin: Origin, warnings: [Diagnostic] = []) {
    self.bytes = bytes
    self.file = file
    self.folder = folder
    self.origin = origin
    self.warnings = warnings
  }

  /// Whether it was made from a recipe.
  public var isFromRecipe: Bool {
    if case .recipe = origin { true } else { false }
  }

  /// Takes a text that has no file: a pipeline, or a recipe.
  ///
  /// - Throws: ``PipelineError`` of kind `request` with everything that is wrong with a recipe.
  public static func standardInput(
    _ bytes: [UInt8], outputPath: String? = nil
  ) throws(PipelineError) -> PipelineText {
    try make(bytes, file: nil, folder: "", outputPath)
  }

  /// A pipeline's own text, or that of the pipeline which a recipe stands for.
  private static func make(
    _ bytes: [UInt8], file: String?, folder: String, _ outputPath: String?
  ) throws(PipelineError) -> PipelineText {
    guard RecipeText.isRecipe(bytes, file: file) else {
      return PipelineText(bytes: bytes, file: file, folder: folder, .pipeline)
    }
    let made = try RecipeText.translate(
      bytes, file: file, folder: folder, outputPath: outputPath)
    return PipelineText(
      bytes: made.pipeline, file: file, folder: "", .recipe(made.places, hasOneOutput: made.hasOneOutput),
      warnings: made.warnings)
  }

  /// Reads a file with a pipeline or a recipe in it.
  ///
  /// - Parameter outputPath: where the result of a recipe goes, which names no place itself.
  /// - Throws: ``PipelineError`` of kind `request` where it cannot be read, or with everything that is wrong with a
  ///   recipe.
  public static func read(_ path: String, outputPath: String? = nil) throws(PipelineError) -> PipelineText {
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
    return try make(bytes, file: path, folder: folder, outputPath)
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
    // Several results of a recipe have their places in a folder of that name already.
    var outputPath = outputPath
    if case .recipe(_, hasOneOutput: false) = origin { outputPath = nil }
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
      throw PipelineError(
        error.kind, warnings + worded(PipelineError(error.kind, spec.warnings + error.diagnostics)).diagnostics)
    }
  }

  /// The diagnostic as the user should see it: of a pipeline that he did not write, in the words of his flags, or with
  /// the place in his recipe.
  public func worded(_ diagnostic: Diagnostic) -> Diagnostic {
    switch origin {
    case .pipeline: diagnostic
    case .flags(let ruleCount):
      Diagnostic(MadePipeline.inFlags(diagnostic.message, ruleCount: ruleCount), severity: diagnostic.severity)
    case .recipe(let places, _): places.worded(diagnostic)
    }
  }

  /// The error with all its diagnostics so worded.
  public func worded(_ error: PipelineError) -> PipelineError {
    PipelineError(error.kind, error.diagnostics.map(worded))
  }
}
