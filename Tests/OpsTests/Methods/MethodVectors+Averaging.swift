import TestSupport

extension MethodVectors {
  static let checkpoints: [Vector] = averagedCheckpoints + largest + layered

  private static let averagedCheckpoints = [
    Vector(
      "checkpoint_average", "simply", Call(models: f.models),
      [1.125, -1.8125, 0.479167, 3.145833, -0.270833, -0.770833, 2.208333, -0.5625]),
    Vector(
      "checkpoint_average", "by place", Call(models: f.models, choices: ["kind": "wma"]),
      [0.979167, -1.739583, 0.552083, 3.114583, -0.322917, -0.78125, 1.916667, -0.416667]),
    Vector(
      "checkpoint_average", "exponentially", Call(models: f.models, numbers: ["alpha": 0.2], choices: ["kind": "ema"]),
      [1.285, -1.9575, 0.5075, 3.2575, -0.2725, -0.86, 2.42, -0.82]),
    Vector(
      "checkpoint_average", "exponentially, closed",
      Call(models: f.models, numbers: ["alpha": 0.2], choices: ["kind": "ema", "ema_form": "closed"]),
      [1.059426, -1.781762, 0.515369, 3.134221, -0.296107, -0.778689, 2.07377, -0.5]),
  ]

  private static let largest = [
    Vector(
      "magmax", "selected", with(all3) { $0.numbers = ["lambda": 1] },
      delta: [0.5, 0.375, -0.5, 0.375, -0.5625, 0.625, -1, -0.625]),
    Vector("magmax", "λ .5", all3, [1.25, -1.8125, 0.25, 3.1875, -0.28125, -0.6875, 1.5, -0.8125]),
    Vector(
      "magmax", "of equal magnitudes the later", Call(base: [0], models: [[0.5], [-0.5]], numbers: ["lambda": 1]),
      [-0.5]),
    Vector(
      "nearswap", "steps of .25", Call(base: f.base, models: [f.m1], numbers: ["t": 0.25]),
      [1.25, -2.125, 0.5, 3.25, -0.25, -0.9375, 2.25, -0.75]),
    Vector(
      "chat_vector", "half of a chat model's", Call(base: f.m3, models: [f.m1, f.base], numbers: ["ratio": 0.5]),
      [0.875, -1.75, 0.9375, 3.375, -0.6875, -0.96875, 1.375, -0.5625]),
  ]

  private static let layers = (0..<4).map { ReferencePart("layers.\($0).w", [2]) }
  private static let blocks = [ReferencePart("embed", [2])] + layers.prefix(3)

  private static let layered = [
    Vector(
      "layer_swap", "outer layers and one blended",
      Call(
        models: [f.m2, f.m1],
        numbers: ["bottom": 1, "top": 1, "transition_bottom": 1, "transition_top": 0], choices: ["outside": "a"],
        parts: layers),
      [1.25, -1.625, 0.25, 3.125, -0.25, -0.9375, 2.875, -0.3125]),
    Vector(
      "lines", "α .2", Call(base: f.base, models: [f.m1], numbers: ["alpha": 0.2], parts: blocks),
      [1.1, -2.025, 0.5, 3.075, -0.15, -0.9625, 2.75, -1.125]),
    Vector(
      "lines_multi", "after the paper's TIES",
      Call(
        base: f.base,
        models: [
          zip(f.base, [0.375, 0.34375, -0.5, 0.375, -0.40625, 0.625, 0.8125, -0.625]).map { $0 + $1 }, f.m1, f.m2, f.m3,
        ], numbers: ["beta": 0.6], parts: blocks),
      [1.115385, -1.894231, 0.346154, 3.115385, -0.246875, -0.620192, 2.7375, -1.067308]),
  ]
}
