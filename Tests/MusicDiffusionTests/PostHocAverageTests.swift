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
  /// directly, to a fiftieth of how far these have come since the snapshot before.
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

  /// Of 400 checkpoints, as many snapshots as are kept lie all over the run, the last among them, and
  /// reach every width that is promised within 4 %, at whatever checkpoint one stops; 0.05 to 0.15, within
  /// 1 %.
  @Test func snapshotsStaySpread() {
    var kept: [Int] = []
    for step in 1...400 {
      kept.append(step)
      while let surplus = AverageSnapshots.surplus(kept) { kept.remove(at: surplus) }
      #expect(kept.count == min(step, AverageSnapshots.limit) && kept.last == step)
      guard step > AverageSnapshots.limit else { continue }
      let gaps = zip(kept.dropFirst(), kept).map { $0 - $1 }
      // The last one is as new as it is.
      #expect(gaps.max()! <= 3 * gaps.dropLast().min()!, "step \(step): \(kept)")
      guard step % 25 == 0 else { continue }
      let profiles = kept.flatMap { step in
        [0.05, 0.10].map { PostHocAverage.Profile(width: $0, step: step) }
      }
      for (width, limit) in [(0.03, 0.04), (0.05, 0.01), (0.08, 0.01), (0.15, 0.01), (0.2, 0.04)] {
        let target = PostHocAverage.Profile(width: width, step: step)
        let error = PostHocAverage.coefficients(of: profiles, for: target).error
        #expect(error < limit, "width \(width) at \(step)")
      }
    }
    #expect(PostHocAverage.widths == 0.03...0.2)
  }

  /// A run that is killed while it removes what is too much, or before its checkpoint stands, goes on to
  /// the same files.
  @Test func snapshotsFollowFromTheSteps() throws {
    try withTemporaryFolder { folder in
      let store = ParameterStore(seed: 1)
      _ = try store.root.parameter("x", [4], .ones)
      let averages = [AveragedWeights(store, width: 0.05)]
      let whole = AverageSnapshots(modelFolder: folder / "whole")
      let killed = AverageSnapshots(modelFolder: folder / "killed")
      for step in 1...60 {
        try whole.write(averages, step: step)
        // Killed between writing and removing: the file is there, and all others are.
        if step > 1, step % 3 == 1 {
          let last = try #require(killed.files().last).url
          try FileManager.default.copyItem(
            at: last,
            to: killed.folder / String(format: "step-%08d.safetensors", step))
          killed.removeAll(after: step - 1)
        }
        // Killed after that, before the checkpoint.
        if step % 3 == 2 {
          try killed.write(averages, step: step)
          killed.removeAll(after: step - 1)
        }
        try killed.write(averages, step: step)
        #expect(killed.files().map(\.step) == whole.files().map(\.step), "step \(step)")
      }
      #expect(whole.files().count == AverageSnapshots.limit)
    }
  }
}
