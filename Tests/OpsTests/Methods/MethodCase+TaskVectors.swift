extension MethodCase {
  static let masks: [MethodCase] = [
    MethodCase("sce", "all elements") { _ in },
    MethodCase("sce", "a third") { $0.numbers = ["select_topk": 1.0 / 3] },
    MethodCase("sce", "a third, of the authors, with a floor") {
      $0.numbers = ["select_topk": 1.0 / 3, "energy_floor": 1e-6]
      $0.choices = ["variant": "fuseai"]
    },
    MethodCase("sce", "all alike below a high floor") { $0.numbers = ["energy_floor": 1e6] },
    MethodCase("sce", "one model, nothing selected", models: 1) { $0.numbers = ["select_topk": 0.5] },
    MethodCase("ram", "three") { _ in },
    MethodCase("ram", "five, coarse", models: 5) { $0.numbers = ["epsilon": 0.6] },
    MethodCase("ram_plus", "three, coarse") { $0.numbers = ["epsilon": 0.6] },
    MethodCase("ram_plus", "gain and share, over the model") {
      $0.numbers = ["epsilon": 0.75, "r": 0.5, "alpha": 3]
      $0.choices = ["scope": "model"]
    },
    MethodCase("tall_mask", "second task") { $0.numbers = ["tall_lambda": 0.4, "task": 1] },
    MethodCase("tall_mask", "third task of TIES", models: 3) {
      $0.perModel = ["tall_lambda": [0.2, 0.4, 0.6]]
      $0.numbers = ["task": 2]
      $0.choices = ["merged_with": "ties"]
    },
    MethodCase("consensus", "two of three") { $0.numbers = ["tall_lambda": 0.4, "alpha": 0.3] },
    MethodCase("consensus", "no filter") { $0.numbers = ["tall_lambda": 1, "alpha": 0.3, "k": 0] },
    MethodCase("consensus", "more than there are") { $0.numbers = ["tall_lambda": 1, "alpha": 0.3, "k": 4] },
    MethodCase("consensus", "of TIES") {
      $0.numbers = ["tall_lambda": 1, "alpha": 0.3, "k": 1]
      $0.choices = ["merged_with": "ties"]
    },
    MethodCase("emr", "unified") { _ in },
    MethodCase("emr", "second task") {
      $0.numbers = ["task": 1]
      $0.choices = ["output": "task"]
    },
    MethodCase("emr", "third task, every element alike") {
      $0.numbers = ["task": 2]
      $0.choices = ["output": "task", "rescale_rule": "flat"]
    },
  ]
}
