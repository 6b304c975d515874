import Evaluation
import Testing

/// Reference: scripts/goldens/evaluation.py.
@Suite struct DistanceTests {
  private struct Golden: Decodable {
    struct Case: Decodable {
      var columns: Int
      var a: [Float]
      var b: [Float]
      var frechet: Double
      var kernel: Double
      var neighbours: Int
      var fidelity: Fidelity
    }
    var cases: [Case]
  }

  private struct Eigen: Decodable {
    var size: Int
    var matrix: [Double]
    var values: [Double]
  }

  private func cases() throws -> [(Golden.Case, FeatureMatrix, FeatureMatrix)] {
    let golden: Golden = try loadGolden("distances")
    return golden.cases.map {
      (
        $0, FeatureMatrix(values: $0.a, columns: $0.columns),
        FeatureMatrix(values: $0.b, columns: $0.columns)
      )
    }
  }

  /// scipy's square root of a matrix; a is the real set.
  @Test func frechet() throws {
    for (golden, a, b) in try cases() {
      #expect(abs(frechetDistance(a, b) - golden.frechet) < 1e-9 * golden.frechet)
      #expect(abs(frechetDistance(b, a) - golden.frechet) < 1e-9 * golden.frechet)
      #expect(abs(frechetDistance(a, a)) < 1e-9 * golden.frechet)
    }
  }

  /// scikit-learn's polynomial kernel; products are of single precision.
  @Test func kernel() throws {
    for (golden, a, b) in try cases() {
      let size = max(abs(golden.kernel), 1)
      #expect(abs(kernelDistance(a, b) - golden.kernel) < 1e-5 * size)
    }
  }

  /// prdc by the authors of density and coverage: counts, so nothing is left to rounding but ties.
  @Test func fidelity() throws {
    for (golden, a, b) in try cases() {
      let found = Fidelity(of: b, reference: a, neighbours: golden.neighbours)
      #expect(abs(found.precision - golden.fidelity.precision) < 1e-9)
      #expect(abs(found.recall - golden.fidelity.recall) < 1e-9)
      #expect(abs(found.density - golden.fidelity.density) < 1e-9)
      #expect(abs(found.coverage - golden.fidelity.coverage) < 1e-9)
    }
  }

  /// numpy's values, and vectors that make the matrix again.
  @Test func eigen() throws {
    let golden: Eigen = try loadGolden("eigen")
    let size = golden.size
    let eigen = SymmetricEigen(golden.matrix, size: size)
    for (value, expected) in zip(eigen.values, golden.values) {
      #expect(abs(value - expected) < 1e-12)
    }
    for i in 0..<size {
      for j in 0..<size {
        let element = (0..<size).reduce(0) {
          $0 + eigen.values[$1] * eigen.vectors[$1 * size + i] * eigen.vectors[$1 * size + j]
        }
        #expect(abs(element - golden.matrix[i * size + j]) < 1e-12)
      }
    }
    let root = eigen.squareRoot
    for i in 0..<size {
      for j in 0..<size {
        let element = (0..<size).reduce(0) { $0 + root[i * size + $1] * root[$1 * size + j] }
        #expect(abs(element - golden.matrix[i * size + j]) < 1e-12)
      }
    }
  }

  /// The kernel distance of sets from one distribution is 0 in the mean, and the draws of one about it.
  @Test func kernelIsUnbiased() {
    var generator = SeededGenerator(seed: 5)
    let distances = (0..<200).map { _ in
      let sets = (0..<2).map { _ in
        FeatureMatrix(values: (0..<15 * 6).map { _ in Float(generator.nextNormal()) }, columns: 6)
      }
      return kernelDistance(sets[0], sets[1])
    }
    let figure = Figure(distances)
    #expect(abs(figure.mean) < 3 * figure.deviation / Double(200).squareRoot())
    #expect(distances.contains { $0 < 0 })
  }

  /// Products of any number of rows and columns, overlapping rows too.
  @Test func products() {
    var generator = SeededGenerator(seed: 6)
    for (rows, others, columns) in [(1, 1, 1), (4, 4, 16), (5, 7, 33), (9, 3, 20), (3, 8, 47)] {
      let a = (0..<rows * columns).map { _ in Float(generator.nextNormal()) }
      let b = (0..<others * columns).map { _ in Float(generator.nextNormal()) }
      let left = FeatureMatrix(values: a, columns: columns)
      let products = left.products(with: FeatureMatrix(values: b, columns: columns))
      let step = 3
      let count = (b.count - columns) / step + 1
      let sliding = left.slidingProducts(over: b, from: 0, step: step, count: count)
      func product(_ row: Int, _ start: Int) -> Double {
        (0..<columns).reduce(0) { $0 + Double(a[row * columns + $1]) * Double(b[start + $1]) }
      }
      for row in 0..<rows {
        for other in 0..<others {
          let expected = product(row, other * columns)
          #expect(abs(Double(products[row * others + other]) - expected) < 1e-5 * Double(columns))
        }
        for place in 0..<count {
          let expected = product(row, place * step)
          #expect(abs(Double(sliding[row * count + place]) - expected) < 1e-5 * Double(columns))
        }
      }
    }
  }
}
