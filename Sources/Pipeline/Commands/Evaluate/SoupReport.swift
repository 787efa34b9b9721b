public import WeirIO
internal import WeirTensors

/// Which models a greedy soup is made of, and why.
public struct SoupReport: Sendable {
  /// One model that was tried in the soup.
  public struct Step: Sendable {
    public let model: String
    /// Its own score.
    public let alone: Double
    /// The score of the soup with it.
    public let together: Evaluator.Outcome
    public let isTaken: Bool
  }

  public let best: String
  public let bestScore: Double
  public let acceptance: SoupRequest.Acceptance
  public private(set) var steps: [Step] = []
  /// The score of the soup.
  public private(set) var score: Double
  /// The models that it is the average of, the best first.
  public private(set) var ingredients: [String]
  /// What makes it.
  public internal(set) var pipeline: PipelineText

  init(best: String, score: Double, acceptance: SoupRequest.Acceptance) {
    self.best = best
    bestScore = score
    self.acceptance = acceptance
    self.score = score
    ingredients = [best]
    pipeline = PipelineText(made: [])
  }

  mutating func add(_ step: Step) {
    steps.append(step)
    guard step.isTaken, let together = step.together.score else { return }
    ingredients.append(step.model)
    score = together
  }

  /// What was tried, in the order of the models' own scores.
  public var text: String {
    var table = TextTable([.left("model"), .right("alone"), .right("soup with it"), .left("taken")])
    table.add([best, Score.text(bestScore), Score.text(bestScore), "yes"])
    for step in steps {
      var verdict = step.isTaken ? "yes" : "no"
      if case .failure(let reason) = step.together { verdict += ": \(reason)" }
      let together = step.together.score.map { Score.text($0) } ?? "none"
      table.add([step.model, Score.text(step.alone), together, verdict])
    }
    let made =
      ingredients.count == 1
      ? "the best model alone: no other improved it" : "\(ingredients.count) of \(steps.count + 1) models"
    return "\(table.text())\nsoup of \(made), score \(Score.text(score))\n"
  }

  /// The same, for programs.
  public var json: JSONValue {
    let first = JSONValue.object([
      ("model", .string(best)), ("alone", .number(bestScore)), ("together", .number(bestScore)), ("taken", .bool(true)),
    ])
    let others = steps.map { step -> JSONValue in
      var members: [(String, JSONValue)] = [("model", .string(step.model)), ("alone", .number(step.alone))]
      switch step.together {
      case .score(let score): members.append(("together", .number(score)))
      case .failure(let reason): members += [("together", .null), ("failure", .string(reason))]
      }
      return .object(members + [("taken", .bool(step.isTaken))])
    }
    return .object([
      ("models", .array([first] + others)), ("ingredients", .array(ingredients.map { .string($0) })),
      ("score", .number(score)), ("accept", .string(acceptance.rawValue)),
    ])
  }
}
