/// One document of a recipe, with the place of everything that a message may speak of.
struct Recipe: Sendable {
  /// What other documents of the file call its result; `nil` for the last of them, or the only one.
  let name: Located<String>?
  let method: RecipeMethod
  let methodPosition: Position
  let baseModel: ModelReference?
  let body: Body
  let parameters: RecipeParameters
  /// The type that the other tool computes in, and the type that it writes.
  let dtype: Located<String>?
  let outDType: Located<String>?
  let chatTemplate: Located<String>?
  /// What is said of vocabularies.
  let vocabulary: RecipeVocabulary?
  let position: Position

  /// What is merged.
  enum Body: Sendable {
    /// Whole models.
    case models([RecipeSource])
    /// Runs of layers, one on another.
    case slices([RecipeSlice])
    /// Parts of a model, each with a body of its own.
    case modules([RecipeModule])
  }
}

/// A value and where it stands.
struct Located<Value: Sendable>: Sendable {
  let value: Value
  let position: Position

  init(_ value: Value, at position: Position) {
    self.value = value
    self.position = position
  }
}

/// A model that goes in, whole or some of its layers.
struct RecipeSource: Sendable {
  let model: ModelReference
  /// `nil` for all of them.
  let layers: Located<Range<Int>>?
  let parameters: RecipeParameters
}

/// Runs of layers that are merged into one run of the output.
struct RecipeSlice: Sendable {
  let sources: [RecipeSource]
  let baseModel: ModelReference?
  let parameters: RecipeParameters
  let position: Position
}

/// A part of a model: a text decoder, a vision tower.
struct RecipeModule: Sendable {
  let name: Located<String>
  let body: Recipe.Body
  let parameters: RecipeParameters
}

/// The parameters of one place of a recipe.
struct RecipeParameters: Sendable {
  var settings: [String: RecipeSetting] = [:]

  subscript(name: String) -> RecipeSetting? { settings[name] }
}

/// The value of a parameter: the first entry that holds for a tensor.
struct RecipeSetting: Sendable {
  /// A number, or numbers over the layers, for tensors whose names have a text in them.
  struct Entry: Sendable {
    /// `nil` for all tensors.
    let filter: Located<String>?
    /// One number, or more that are spread over the layers.
    let values: [Double]
    let position: Position

    /// Whether it is the same in every layer.
    var isConstant: Bool { values.allSatisfy { $0 == values.first } }
  }

  let entries: [Entry]
  let keyPosition: Position
  let position: Position
}
