internal import WeirTensors

/// The tensors of one name of all models that have it, and where the rows of each come from.
struct TensorFamily {
  /// Whether rows beyond the tokens are their mean, and not those of the vocabulary's owner.
  let padsWithMean: Bool
  var models: [VocabularyModel] = []
  /// Each model's place of the tensor.
  var places: [Int] = []
  var parts: [GatheredTensor.Part] = []
  /// The extents of a row, and the model that was the first to have them.
  var columns: (extents: [Int], model: String)?
  /// Which of the models the vocabulary is taken from, and which is the base; `nil` where it lacks the tensor.
  var owner: Int?
  var base: Int?
  /// The models that have no tensor of this name, a head, as it is their embedding; in the output's vocabulary the two differ.
  var tied: Set<Int> = []

  init(padsWithMean: Bool) { self.padsWithMean = padsWithMean }

  /// What stands where a model lacks a row, and the rows behind each mean.
  ///
  /// - Parameter tokenRows: the rows that have a token, or lie between such.
  func defaults(
    _ tokens: [String?], _ rules: [String: TokenizerSpec.Rule], _ tokenRows: Int
  ) -> (rows: [RowMap.Row], means: [[GatheredTensor.Place]]) {
    var means: [[GatheredTensor.Place]] = []
    let rows = tokens.enumerated().map { place, token -> RowMap.Row in
      guard let token else {
        // No token: what the owner of the vocabulary has there, and beyond its rows padding.
        if place >= tokenRows, padsWithMean { return .padding }
        if let owner, place < models[owner].rowCount { return .part(owner, row: place) }
        return place < tokenRows ? .zero : .padding
      }
      if let rule = rules[token], let row = row(by: rule) { return row }
      let holders = models.indices.compactMap { number in
        models[number].row(of: token).map { GatheredTensor.Place(part: number, row: $0) }
      }
      guard let first = holders.first else { return .zero }
      if holders.count == 1 { return .part(first.part, row: first.row) }
      if let own = holders.first(where: { $0.part == base }) { return .part(own.part, row: own.row) }
      means.append(holders)
      return .mean(means.count - 1)
    }
    return (rows, means)
  }

  /// The row that a rule names; `nil` where its source lacks the tensor.
  private func row(by rule: TokenizerSpec.Rule) -> RowMap.Row? {
    func part(_ reference: Reference) -> Int? { models.firstIndex { $0.name == reference.name } }
    switch rule.row {
    case .zero: return .zero
    case .same(let reference):
      return part(reference).flatMap { part in models[part].row(of: rule.token).map { .part(part, row: $0) } }
    case .token(let reference, let token):
      return part(reference).flatMap { part in models[part].row(of: token).map { .part(part, row: $0) } }
    case .row(let reference, let number): return part(reference).map { .part($0, row: number) }
    }
  }

  /// The rows of one model: its own where it has the token, unless a rule overrides it.
  func rows(
    of number: Int, _ tokens: [String?], _ rules: [String: TokenizerSpec.Rule], _ defaults: [RowMap.Row]
  ) -> [RowMap.Row] {
    tokens.enumerated().map { place, token in
      guard let token, rules[token]?.isForced != true, let row = models[number].row(of: token) else {
        return defaults[place]
      }
      return .part(number, row: row)
    }
  }

  /// A model's tensor with its rows gathered; `nil` where they are its own as they are and stand under their own name.
  func gathered(
    _ number: Int, _ map: RowMap, _ means: [[GatheredTensor.Place]], _ tokenRows: Int
  ) -> GatheredTensor? {
    let isOwn =
      map.rowCount == models[number].rowCount && map.runs(in: 0..<map.rowCount).count == 1
      && map.runs(in: 0..<map.rowCount).first?.first == .part(number, row: 0)
    guard !isOwn || tied.contains(number) else { return nil }
    return GatheredTensor(
      parts: parts, map: map, means: means, columnCount: (columns?.extents ?? []).reduce(1, *),
      padding: map.rowCount > tokenRows ? PaddingRow(rowCount: tokenRows) : nil)
  }
}
