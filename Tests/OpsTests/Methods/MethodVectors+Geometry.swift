import TestSupport

extension MethodVectors {
  static let geometry: [Vector] = means + stock + varm + signatures

  private static let means = [
    Vector(
      "multislerp", "weights 1, 2, 1", Call(models: f.models, perModel: ["weight": [1, 2, 1]]),
      [1.169429, -1.814948, 0.385876, 3.183683, -0.220304, -0.697411, 2.404875, -0.488049]),
    Vector(
      "multislerp", "on task vectors", with(all3) { $0.perModel = ["weight": [1, 2, 1]] },
      [1.337926, -1.549402, 0.210927, 3.164378, -0.397156, -0.348833, 2.795963, -0.530738]),
    Vector(
      "karcher", "three models", Call(models: f.models),
      [1.1311, -1.86759, 0.51899, 3.26875, -0.29644, -0.80531, 2.21977, -0.54401], tolerance: 1e-5),
    Vector(
      "karcher", "far apart", Call(models: [f.x, f.y, f.m1]),
      [1.28788, 0.27696, 0.86381, 1.47304, 0.49734, 1.46203, 3.05548, -1.7124], tolerance: 1e-5),
  ]

  private static let pair = Call(base: f.base, models: [f.m1, f.m2])

  private static let stock = [
    Vector(
      "model_stock", "two", pair,
      [1.212782, -1.929073, 0.358145, 3.070927, -0.070927, -0.80495, 2.461027, -0.624123]),
    Vector(
      "model_stock", "three, and t is negative", all3,
      [0.801765, -2.297353, 0.533039, 2.768726, 0.429509, -1.363431, 1.669608, -0.400882]),
    Vector(
      "model_stock", "three, by angles", with(all3) { $0.choices = ["angle_mean": "angle"] },
      zip(f.base, zip(f.m1, zip(f.m2, f.m3))).map { base, models in
        let mean = (models.0 + models.1.0 + models.1.1) / 3
        return -1.848757 * mean + 2.848757 * base
      }),
    Vector(
      "model_stock", "rows",
      with(pair) {
        $0.flags = ["filter_wise": true]
        $0.shape = [2, 4]
      }, [1.050119, -1.983294, 0.466587, 3.016706, -0.086018, -0.763451, 2.559116, -0.650531]),
  ]

  private static let varm = [
    Vector(
      "varm", "squares", all3,
      [1.08855, -1.792987, 0.495246, 3.13649, -0.282686, -0.771444, 2.137579, -0.524118])
  ]

  private static let robust = Call(base: f.m1, models: [f.base, f.m1, f.m2])

  private static let signatures = [
    Vector(
      "rws", "whole", robust, [1.536301, -1.696575, 0, 3.089726, -0.143151, -0.339212, 3.304452, -0.670377]),
    Vector(
      "rws", "half", with(robust) { $0.numbers = ["alpha": 0.5] },
      [1.518151, -1.910788, 0.25, 3.232363, -0.196575, -0.638356, 3.027226, -0.897688]),
  ]
}
