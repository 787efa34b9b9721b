import Testing
import WeirTensors

struct FigureTests {
  @Test(arguments: [
    (0.0, "0"), (1, "1.000"), (-12.3456, "-12.35"), (999.96, "1000"), (9999.96, "10000"), (0.00012344, "0.0001234"),
    (0.000012344, "1.234e-05"), (123_456_789, "1.235e+08"), (9.9999e-7, "1.000e-06"), (-1e-300, "-1.000e-300"),
    (.infinity, "inf"), (-.infinity, "-inf"), (.nan, "NaN"),
  ]) func `A figure has four significant digits`(_ value: Double, _ expected: String) {
    #expect(Figure.text(value) == expected)
  }

  @Test(arguments: [
    (0.0, "0 %"), (1, "100 %"), (0.123456, "12.3 %"), (0.0001, "<0.1 %"), (0.99999, ">99.9 %"), (0.5, "50.0 %"),
  ]) func `A share that is neither none nor all does not read so`(_ share: Double, _ expected: String) {
    #expect(Figure.percent(share) == expected)
  }
}
