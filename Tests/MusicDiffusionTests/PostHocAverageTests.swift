import Foundation
import MusicDiffusion
import Testing
import Torch

@Suite struct PostHocAverageTests {
  private struct Golden: Decodable {
    struct Case: Decodable {
      var widths: [Double]
      var steps: [Int]
      var width: Double
      var step: Int
      var coefficients: [Double]
      var error: Double
    }
    var cases: [Case]
  }

  /// Reference: scripts/goldens/ema.py, which integrates and solves numerically.
  @Test func coefficientsAreThePapers() throws {
    for golden in try loadGolden("ema", as: Golden.self).cases {
      let profiles = zip(golden.widths, golden.steps).map {
        PostHocAverage.Profile(width: $0, step: $1)
      }
      let (values, error) = PostHocAverage.coefficients(
        of: profiles, for: PostHocAverage.Profile(width: golden.width, step: golden.step))
      for (value, expected) in zip(values, golden.coefficients) {
        #expect(abs(value - expected) < 1e-6 * max(1, abs(expected)), "width \(golden.width)")
      }
      #expect(abs(error - golden.error) < 1e-6)
    }
  }

  /// Snapshots of two averages of a walk of 2000 steps give the averages of other widths, kept
  /// directly, to a thousandth of how far these are from one another.
  @Test(arguments: [0.07, 0.08, 0.15])
  func reconstructionIsTheDirectAverage(_ width: Double) throws {
    let steps = 2000
    let widths = [0.05, 0.10]
    let values = ParameterStore(seed: 1)
    let parameter = try values.root.parameter("x", [64], .normal(standardDeviation: 1))
    func average(_ width: Double) throws -> (AveragedWeights, Tensor) {
      let store = ParameterStore(seed: 1)
      let tensor = try store.root.parameter("x", [64], .zeros)
      return (AveragedWeights(store, width: width), tensor)
    }
    let kept = try widths.map(average)
    let direct = try average(width)
    var profiles: [PostHocAverage.Profile] = []
    var snapshots: [[Float]] = []
    var random = RandomGenerator(seed: 2)
    for step in 1...steps {
      try values.copy(from: [
        "x": parameter.detach() + Tensor(random.normals(64).map { 0.05 * $0 }, shape: [64])
      ])
      for (average, _) in kept + [direct] { try average.update(from: values, step: step) }
      guard step % 100 == 0 else { continue }
      for (width, average) in zip(widths, kept) {
        profiles.append(PostHocAverage.Profile(width: width, step: step))
        snapshots.append(try average.1.detach().floats())
      }
    }
    let (coefficients, error) = PostHocAverage.coefficients(
      of: profiles, for: PostHocAverage.Profile(width: width, step: steps))
    #expect(error < 0.01)
    let wanted = try direct.1.detach().floats().map(Double.init)
    var (squares, differences) = (0.0, 0.0)
    for index in 0..<64 {
      let value = zip(coefficients, snapshots).reduce(0) { $0 + $1.0 * Double($1.1[index]) }
      squares += pow(value - wanted[index], 2)
      differences += pow(Double(snapshots[snapshots.count - 2][index]) - wanted[index], 2)
    }
    #expect((squares / differences).squareRoot() < 0.02)
  }
}
