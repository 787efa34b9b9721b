internal import WeirIO

/// The moment in which outputs get their final names, and what a run that was ended in it has left.
struct Publication {
  private let plan: Plan

  init(_ plan: Plan) { self.plan = plan }

  /// Which outputs have their final names already, given by a run that was ended before it could say so.
  ///
  /// A journal notes, before the first rename, what tells each finished output of the run from any other: one that stands in
  /// its place and is just that need not be made.
  func published() throws(PipelineError) -> Set<Int> {
    guard !plan.options.fresh else { return [] }
    var found: Set<Int> = []
    for number in plan.outputs.indices {
      guard let path = plan.outputs[number].finalPath else { continue }
      let entries = OutputFolder.journal(of: path)
      guard case .publishing(let seals)? = entries.last, seals.count == plan.outputs.count,
        case .identity(let bytes)? = entries.first, let identity = RunIdentity(bytes: bytes),
        identity == (try RunIdentity(plan, output: number))
      else { continue }
      for (other, seal) in seals.enumerated() where self.seal(ofFinal: other) == seal { found.insert(other) }
    }
    return found
  }

  private func seal(ofFinal number: Int) -> Hash128? {
    let output = plan.outputs[number]
    return output.finalPath.flatMap {
      OutputFolder.seal(ofFinal: $0, isFile: output.isFile, names: output.layout.files.map(\.name))
    }
  }
}

extension Plan.Output {
  /// Where it will stand; `nil` of one that is only hashed.
  var finalPath: String? {
    switch spec.destination {
    case .folder(let path), .file(let path), .archive(let path): path
    case .digest: nil
    }
  }

  /// Whether it is one file.
  var isFile: Bool {
    if case .folder = spec.destination { false } else { true }
  }
}
