internal import WeirTensors

/// What a chat model learnt over its own base, added to another descendant of that base.
enum ChatVector: Method {
  private static let ratio = Parameter.number(
    "ratio", default: 1, perModel: true, "scale of the pair's vector, given with the chat model")
  private static let skipsEmbeddings = Parameter.flag(
    "skip_embed", default: false,
    "leave tensors whose names contain embed_tokens, word_embeddings or lm_head as the base has them")

  static let declaration = MethodDeclaration(
    name: "chat_vector",
    summary: "Adds the differences of pairs of models, a chat model and what it was trained from, to a third",
    formula: "out = θ₀ + Σ rᵥ·(θ_chat,ᵥ − θ_base,ᵥ)             models are chat, base, chat, base … in this order",
    inputs: .models(base: .required, count: 2...1024), signature: .uniform,
    parameters: [ratio, skipsEmbeddings],
    source: "Huang et al., 2023, “Chat Vector”, arXiv:2310.04799",
    differs: [
      "Rows of special tokens are not moved from the chat models' embeddings; the released extractor stores the wrong model's."
    ],
    example: #"{"op": "chat_vector", "base": "pretrained_on", "models": ["chat", "base"], "skip_embed": true}"#)

  static func merge(_ merge: Merge) throws(MethodError) -> Value {
    guard var result = merge.base else { throw .missingInput }
    if merge.flag(skipsEmbeddings), Self.isEmbedding(merge.tensor.name) { return result }
    let values = Dictionary(uniqueKeysWithValues: merge.models.map { ($0.index, $0.value) })
    for chat in merge.models where chat.index.isMultiple(of: 2) {
      guard let base = values[chat.index + 1] else {
        throw MethodError("a chat model has no base after it with this tensor, expected models in pairs: chat, base")
      }
      result = result + (chat.value - base) * chat[ratio]
    }
    return result
  }

  private static func isEmbedding(_ name: String) -> Bool {
    ["embed_tokens", "word_embeddings", "lm_head"].contains(where: name.contains)
  }
}
