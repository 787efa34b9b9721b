internal import WeirIO

/// A model as a recipe names it: `path[@revision][+adapter[@revision]]`.
struct ModelReference: Sendable {
  /// A folder, or a model of a hub at one of its revisions.
  struct Place: Hashable, Sendable {
    let path: String
    let revision: String?

    var text: String { revision.map { "\(path)@\($0)" } ?? path }
  }

  let model: Place
  let adapter: Place?
  let position: Position

  /// The reference as it was written.
  var text: String { adapter.map { "\(model.text)+\($0.text)" } ?? model.text }

  /// Whether two references name the same model: where they stand does not matter.
  func names(_ other: ModelReference?) -> Bool { model == other?.model && adapter == other?.adapter }

  init(model: Place, adapter: Place? = nil, position: Position) {
    self.model = model
    self.adapter = adapter
    self.position = position
  }

  /// Reads a reference; `nil` where it has too many signs or nothing between them.
  init?(_ text: String, at position: Position) {
    let parts = text.split(separator: "+", omittingEmptySubsequences: false).map { Place(String($0)) }
    guard (1...2).contains(parts.count), let model = parts[0], parts.count == 1 || parts[1] != nil else { return nil }
    self.init(model: model, adapter: parts.count == 2 ? parts[1] : nil, position: position)
  }
}

extension ModelReference.Place {
  /// Reads `path[@revision]`; `nil` where either is empty, or has a control character.
  init?(_ text: String) {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }),
      !text.unicodeScalars.contains(where: { $0.value < 0x20 })
    else { return nil }
    self.init(path: parts[0], revision: parts.count == 2 ? parts[1] : nil)
  }
}
