import TestSupport
import Testing
import WeirOps
import WeirTensors

@testable import WeirPipeline

/// How often each method reads a matrix, as the methods' text counts it: its sweeps and the model's, and the reading that applies.
@Suite struct PassesTests {
  private struct Count: Sendable, CustomTestStringConvertible {
    let reads: ClosedRange<Int>
    let node: MergeNode

    var testDescription: String { node.testDescription }

    init(_ reads: ClosedRange<Int>, _ node: MergeNode) {
      self.reads = reads
      self.node = node
    }
  }

  private static func node(
    _ op: String, _ models: [String] = ["m", "n"], base: Bool = true, _ numbers: [String: Double] = [:],
    _ choices: [String: String] = [:], _ flags: [String: Bool] = [:]
  ) -> MergeNode {
    MergeNode(op, models: models, base: base) {
      ($0.numbers, $0.choices, $0.flags) = (numbers, choices, flags)
    }
  }

  private static let once: [Count] = [
    node("linear", base: false), node("mean", base: false), node("lerp", ["m"]),
    node("checkpoint_average", base: false),
    node("passthrough", ["m"], base: false, ["scale": 0.5]),
    node("sparse_soup", base: false, [:], ["mask_policy": "union"]),
    node(
      "layer_swap", base: false, ["bottom": 1, "top": 0, "transition_bottom": 1, "transition_top": 0], ["outside": "b"]),
    node("task_arithmetic"), node("negate", ["m"]), node("analogy", ["m", "n", "m"]), node("extrapolate", ["m"]),
    node("magmax"), node("ram"), node("tall_mask", ["m", "n"], ["tall_lambda": 0.4, "task": 1]),
    node("consensus", ["m", "n"], ["tall_lambda": 0.4, "alpha": 1]), node("nearswap", ["m"], ["t": 0.1]),
    node("chat_vector"), node("lines", ["m"], ["alpha": 0.2]), node("dare_linear", ["m", "n"], ["density": 0.5]),
    node("dare_ties", ["m", "n"], ["density": 0.5]), node("della", ["m", "n"], ["density": 0.5]),
    node("della_linear", ["m", "n"], ["density": 0.5]), node("emr"),
    node("varm", ["m", "n"], [:], ["granularity": "item"]),
    node("breadcrumbs", ["m", "n"], ["density": 0.5], ["variant": "original"]),
  ].map { Count(1...1, $0) }

  private static let twice: [Count] = [
    node("slerp", ["m"], ["t": 0.3]), node("nuslerp"),
    node("nuslerp", ["m", "n"], [:], [:], ["nuslerp_flatten": false]),
    node("nuslerp", ["m", "n"], [:], [:], ["nuslerp_flatten": false, "nuslerp_row_wise": true]), node("widen"),
    node("multislerp", base: false), node("karcher", base: false), node("model_stock"), node("rws", ["m", "n", "m"]),
    node("dare_linear", ["m", "n"], ["density": 0.5], ["rescale_rule": "l1"]),
    node("della", ["m", "n"], ["density": 0.5], ["rescale_rule": "l1"]), node("ram_plus"),
    node("ram_plus", ["m", "n"], [:], ["scope": "model"]), node("emr", ["m", "n"], ["task": 1], ["output": "task"]),
    node("lines_multi", ["m", "n", "m"], ["beta": 0.5]), node("varm"),
    node("varm", ["m", "n"], [:], ["granularity": "layer"]),
    node("lwptv", ["m", "n"], ["eta": 0.5], ["score": "relative"], ["experimental": true]), node("sce"),
    node("sparse_soup", base: false),
  ].map { Count(2...2, $0) }

  private static let more: [Count] = [
    Count(2...3, node("ties", ["m", "n"], ["density": 0.3])),
    Count(2...3, node("breadcrumbs", ["m", "n"], ["density": 0.5, "gamma": 0.1])),
    Count(2...3, node("breadcrumbs_ties", ["m", "n"], ["density": 0.5], ["variant": "mergellm"])),
    Count(2...3, node("hi_merging", ["m", "n"], ["density": 0.3])),
    Count(2...3, node("evo_merging", ["m", "n"], ["density": 0.3])),
    Count(
      2...3,
      node(
        "ties_sv", ["m", "n"], ["density": 0.3, "protected": 0, "slack": 0.5, "protect_fraction": 0.1], [:],
        ["experimental": true])),
    Count(2...3, node("sce", ["m", "n"], ["select_topk": 0.4])),
    Count(3...4, node("ties", ["m", "n"], ["density": 0.3], ["variant": "paper"])),
    Count(3...5, node("pcb")), Count(3...5, node("pcb", ["m", "n"], [:], ["scope": "tensor"])),
    // The text has three: its rows' largest elements, sums and divergences come of one reading, here of one each.
    Count(5...5, node("arcee_fusion", ["m"])),
  ]

  @Test(arguments: once + twice + more)
  private func `A plan counts the readings that the text counts`(item: Count) throws {
    try withScene { scene in
      var random = SplitMix64(seed: 1)
      for name in ["base", "m", "n"] {
        try scene.add(
          name,
          [
            TestTensor("embed.weight", .bf16, [5, 6], random: &random),
            TestTensor("model.layers.0.w", .bf16, [64, 70], random: &random),
            TestTensor("model.layers.1.w", .bf16, [64, 70], random: &random),
          ])
      }
      let names = Array(Set(item.node.inputs)).sorted()
      let plan = try scene.plan(pipeline(names, graph: [("n1", item.node.text)], outputs: [("n1", "out")]))
      let output = plan.outputs[0]
      let reads = (output.tensors.last?.passes ?? 0) + output.modelSweeps
      #expect(item.reads.contains(reads), "\(reads)")
    }
  }

  @Test func `Every method of models and deltas is counted`() {
    let counted = Set((Self.once + Self.twice + Self.more).map(\.node.op))
    // What reads side files has tests of its own; a stack copies.
    let others: Set = ["fisher", "atlas", "dam", "stack"]
    let methods = MethodRegistry.all.map { $0.declaration }.filter { !$0.isPrimitive }.map(\.name)
    #expect(Set(methods).subtracting(counted).subtracting(others).isEmpty)
    #expect(methods.count >= 40)
  }
}
