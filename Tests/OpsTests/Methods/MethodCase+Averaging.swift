extension MethodCase {
  static let checkpoints: [MethodCase] = [
    MethodCase("checkpoint_average", "alike", base: false) { _ in },
    MethodCase("checkpoint_average", "by place", base: false) { $0.choices = ["kind": "wma"] },
    MethodCase("checkpoint_average", "exponentially", base: false) {
      $0.numbers = ["alpha": 0.3]
      $0.choices = ["kind": "ema"]
    },
    MethodCase("checkpoint_average", "exponentially, closed", models: 5, base: false) {
      $0.choices = ["kind": "ema", "ema_form": "closed"]
    },
    MethodCase("checkpoint_average", "only the newest", base: false) {
      $0.numbers = ["alpha": 1]
      $0.choices = ["kind": "ema"]
    },
    MethodCase("magmax", "three") { _ in },
    MethodCase("magmax", "one, λ", models: 1) { $0.numbers = ["lambda": 0.75] },
    MethodCase("nearswap", "steps", models: 1) { $0.numbers = ["t": 0.3] },
    MethodCase("nearswap", "no step", models: 1) { $0.numbers = ["t": 0] },
    MethodCase("nearswap", "far enough for all", models: 1) { $0.numbers = ["t": 5] },
    MethodCase("nearswap", "below the tool's floor", models: 1) {
      $0.numbers = ["t": 2.5e-7]
      $0.choices = ["floor": "mergekit"]
    },
    MethodCase("chat_vector", "one pair", models: 2) { $0.numbers = ["ratio": 0.5] },
    MethodCase("chat_vector", "two pairs, no embeddings", models: 4) {
      $0.perModel = ["ratio": [0.75, 9, -0.5, 9]]
      $0.flags = ["skip_embed": true]
    },
    MethodCase("layer_swap", "a layer of three from each", models: 2, base: false) {
      $0.numbers = ["bottom": 0, "top": 1, "transition_bottom": 0, "transition_top": 0]
      $0.choices = ["outside": "b"]
    },
    MethodCase("layer_swap", "blended", models: 2, base: false) {
      $0.numbers = ["bottom": 0, "top": 0, "transition_bottom": 1, "transition_top": 0, "blend": 0.25]
      $0.choices = ["outside": "average"]
    },
    MethodCase("lines", "α", models: 1) { $0.numbers = ["alpha": 0.2] },
    MethodCase("lines_multi", "β", models: 4) { $0.numbers = ["beta": 0.6] },
  ]
}
