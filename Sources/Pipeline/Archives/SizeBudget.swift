#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif
internal import WeirOps

/// Chooses densities so that an archive becomes no larger than it may, with the least squared error.
///
///     minimise Σ D(k) subject to Σ R(k) ≤ budget
///     ternary   D = Σδ² − (Σ|δ| over kept)² / kept        R = n · (h(k) + k) bits
///     sparse    D = Σδ² over what is dropped              R = n · (h(k) + 16 k)
///
/// A tensor's choice minimises D + λR; bisection finds the λ at which the budget is met. As everybody's marginal gain per bit
/// is then the same, no bit would be better spent elsewhere. The coders stay below R where a tensor is not of one density.
struct SizeBudget {
  /// One tensor whose density is free.
  struct Subject {
    let name: String
    let codec: String
    let survey: MagnitudeSurvey
  }

  /// A density with what it costs and loses.
  private struct Choice {
    let density: Double
    let bits: Double
    let error: Double
  }

  private let choices: [(name: String, choices: [Choice])]

  init(_ subjects: [Subject]) { choices = subjects.map { ($0.name, Self.choices($0)) } }

  /// The densities by tensor that fit into `bits`.
  func densities(bits: Double) -> [String: Double] {
    func picked(_ lambda: Double) -> [Choice] {
      choices.compactMap { _, choices in choices.min { $0.error + lambda * $0.bits < $1.error + lambda * $1.bits } }
    }
    var (low, high) = (1e-40, 1e20)
    for _ in 0..<200 where high / low > 1.0001 {
      let middle = (low * high).squareRoot()
      if picked(middle).reduce(0, { $0 + $1.bits }) > bits { low = middle } else { high = middle }
    }
    return Dictionary(
      zip(choices.map(\.name), picked(high).map(\.density)), uniquingKeysWith: { first, _ in first })
  }

  /// Bits of the densest choice of all.
  var mostBits: Double { choices.reduce(0) { $0 + ($1.choices.map(\.bits).max() ?? 0) } }

  private static func choices(_ subject: Subject) -> [Choice] {
    let survey = subject.survey
    let count = Double(max(1, survey.elementCount))
    // The sparsest keeps one element.
    var found: [Choice] = []
    let isSparse = subject.codec == "sparse"
    var (kept, sum, energy) = (0.0, 0.0, 0.0)
    // The first choice keeps one element; a bin of many is taken in parts, as equal magnitudes can be.
    for bin in [(count: 1, magnitude: survey.bins.first?.magnitude ?? 0)] + survey.bins {
      let parts = max(1, min(32, Int(Double(bin.count) / count * 500)))
      for _ in 0..<parts {
        let taken = Double(bin.count) / Double(parts)
        kept = min(count, kept + taken)
        sum += taken * bin.magnitude
        energy += taken * bin.magnitude * bin.magnitude
        let density = kept / count
        found.append(
          Choice(
            density: density, bits: count * (entropy(density) + density * (isSparse ? 16 : 1)),
            error: max(0, survey.energy - (isSparse ? energy : sum * sum / kept))))
      }
    }
    return found
  }

  /// `h(k)`, in bits.
  private static func entropy(_ density: Double) -> Double {
    guard density > 0, density < 1 else { return 0 }
    let kept: Double = -density * log2(density)
    let dropped: Double = -(1 - density) * log2(1 - density)
    return kept + dropped
  }
}
