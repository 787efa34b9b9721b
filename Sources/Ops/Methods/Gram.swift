/// The inner products of some values: all that the coefficients of many methods depend on.
struct Gram {
  let count: Int
  /// The upper triangle, row by row.
  private let products: ArraySlice<Double>

  /// `⟨xᵢ, xⱼ⟩`
  subscript(_ i: Int, _ j: Int) -> Double {
    let (low, high) = (min(i, j), max(i, j))
    return products[products.startIndex + low * count - low * (low - 1) / 2 + high - low]
  }

  /// `‖xᵢ‖`
  func norm(_ i: Int) -> Double { self[i, i].squareRoot() }

  /// `⟨Σ aᵢ·xᵢ, Σ bᵢ·xᵢ⟩`
  func product(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for i in 0..<count { for j in 0..<count { sum += a[i] * self[i, j] * b[j] } }
    return sum
  }

  fileprivate init(count: Int, products: ArraySlice<Double>) {
    self.count = count
    self.products = products
  }
}

extension Merge {
  /// Computes numbers from the inner products of some values, over the tensor or row by row.
  ///
  /// - Parameters:
  ///   - name: names the formula; those of one name have one body.
  ///   - outputs: how many numbers it gives.
  ///   - body: the inner products and the parameters, to the numbers.
  func solve(
    _ name: String, over values: [Value], scope: Scope = .tensor, _ parameters: [Double] = [], outputs: Int,
    body: @escaping @Sendable (Gram, [Double]) throws(MethodError) -> [Double]
  ) throws(MethodError) -> [Value] {
    let count = values.count
    let products = values.indices.flatMap { i in values.indices[i...].map { dot(values[i], values[$0], over: scope) } }
    return try solve(name, products, parameters, count: outputs) { products, parameters throws(MethodError) in
      try body(Gram(count: count, products: products[...]), parameters)
    }
  }

  /// `Σ cₖ·xₖ`, where the coefficients are a formula of the values' inner products.
  func combination(
    _ name: String, of values: [Value], _ parameters: [Double] = [],
    coefficients: @escaping @Sendable (Gram, [Double]) throws(MethodError) -> [Double]
  ) throws(MethodError) -> Value {
    let solved = try solve(name, over: values, parameters, outputs: values.count, body: coefficients)
    return try Weights.sum(zip(values, solved).map { $0 * $1 })
  }
}
