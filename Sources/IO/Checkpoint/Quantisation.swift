internal import WeirTensors

/// Recognises weights that stand for others: packed integers with scales, on which arithmetic would be wrong.
enum Quantisation {
  /// The method and where it is said: `GPTQ (quantization_config.quant_method)`; `nil` for plain weights.
  static func description(config: JSONValue?, catalogue: Catalogue) -> String? {
    if let config {
      let nested = ["text_config", "llm_config", "language_config"].compactMap { config[$0] }
      for object in [config] + nested {
        if let found = described(object) { return found }
      }
    }
    return described(catalogue)
  }

  private static func described(_ config: JSONValue) -> String? {
    for key in ["quantization_config", "compression_config"] {
      guard let settings = config[key], let members = settings.object, !members.isEmpty else { continue }
      if let method = settings["quant_method"]?.string { return "\(displayName(method)) (\(key).quant_method)" }
      let isBitsAndBytes = members.contains { $0.key.hasPrefix("load_in_") || $0.key.hasPrefix("bnb_") }
      return "\(isBitsAndBytes ? "bitsandbytes" : "an unnamed method") (\(key))"
    }
    if let bits = config["quantization"]?["bits"]?.int { return "MLX, \(bits) bits (quantization.bits)" }
    return nil
  }

  private static func displayName(_ method: String) -> String {
    switch method.lowercased() {
    case "gptq", "awq", "hqq", "aqlm", "fp8", "mxfp4": method.uppercased()
    default: MessageText.escaped(String(method.prefix(40)))
    }
  }

  /// Endings that only quantised weights have, and what they tell of.
  private static let endings = [
    (".qweight", "GPTQ or AWQ"), (".qzeros", "GPTQ or AWQ"), (".absmax", "bitsandbytes"), (".SCB", "bitsandbytes"),
    (".weight_packed", "compressed-tensors"), (".weight_scale_inv", "FP8 with scales"),
  ]

  private static func described(_ catalogue: Catalogue) -> String? {
    for tensor in catalogue.tensors {
      for (ending, method) in endings where tensor.name.hasSuffix(ending) {
        return "\(method) (tensors named '*\(ending)')"
      }
      // Scales of integers; a model may well have floating-point weights of that name.
      for ending in [".scales", ".weight_scale"] where tensor.name.hasSuffix(ending) {
        let weight = catalogue[tensor.name.dropLast(ending.count) + ".weight"]
        if let weight, !weight.dtype.isMergeable {
          return "packed \(weight.dtype.rawValue) (tensors named '*\(ending)')"
        }
      }
    }
    return nil
  }
}
