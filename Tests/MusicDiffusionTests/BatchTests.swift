import MusicDiffusion
import Testing
import Torch

@Suite struct BatchTests {
  private func batch(
    _ dataset: Dataset, step: Int, _ change: (inout TrainingConfiguration) -> Void = { _ in }
  ) throws -> Batch {
    var configuration = TrainingConfiguration(preset: .draft)
    (configuration.batchSize, configuration.seed) = (32, 7)
    change(&configuration)
    return try Batch(step: step, from: dataset, configuration, device: .cpu)
  }

  /// The step and the seed decide all that is random, whatever came before.
  @Test func followsFromSeedAndStep() throws {
    try withDataset { dataset in
      let first = try batch(dataset, step: 3)
      let second = try batch(dataset, step: 3)
      #expect(try first.signal.floats() == second.signal.floats())
      #expect(try first.noise.floats() == second.noise.floats())
      #expect(try first.condition.mask.floats() == second.condition.mask.floats())
      #expect(first.sigmas == second.sigmas)
      #expect(first.condition.labels == second.condition.labels)
      for other in [try batch(dataset, step: 4), try batch(dataset, step: 3) { $0.seed = 8 }] {
        #expect(try difference(first.noise, other.noise) > 1)
        #expect(first.sigmas != other.sigmas)
      }
      // A clip does not depend on the size of its batch.
      let small = try batch(dataset, step: 3) { $0.batchSize = 4 }
      let part = try first.signal.narrow(dimension: 0, start: 0, length: 4)
      #expect(try part.floats() == small.signal.floats())
    }
  }

  @Test func holdsWhatItShould() throws {
    try withDataset { dataset in
      let batch = try batch(dataset, step: 1) { $0.augmentation = nil }
      #expect(batch.signal.shape == [32, 1, 128, 32])
      #expect(batch.noise.shape == batch.signal.shape)
      #expect(batch.condition.mask.shape == [32, 1, 128, 32])
      let known = try batch.signal * batch.condition.mask
      #expect(try difference(batch.condition.known, known) == 0)
      // Normalised: each bin has mean 0 and standard deviation 0.5 over the data.
      #expect(try abs(batch.signal.mean().item()) < 0.05)
      let squares = try (0..<8).map {
        try self.batch(dataset, step: $0) { $0.augmentation = nil }.signal.square().mean().item()
      }
      #expect(abs((squares.reduce(0, +) / 8).squareRoot() - 0.5) < 0.07)
      #expect(try abs(batch.noise.mean().item()) < 0.01)
      #expect(try abs(batch.noise.square().mean().item() - 1) < 0.02)
      // Stratified: one sigma in each thirty-second of the distribution, so they rise.
      #expect(batch.sigmas == batch.sigmas.sorted() && Set(batch.sigmas).count == 32)
    }
  }

  @Test func leavesLabelsOutNowAndThen() throws {
    try withDataset { dataset in
      try #require(dataset.labels == ["high", "low"])
      let labels = try (0..<40).flatMap { try batch(dataset, step: $0).condition.labels }
      let none = Double(labels.count { $0 == 2 }) / Double(labels.count)
      // 0.1, with a standard deviation of 0.008.
      #expect(abs(none - 0.1) < 0.04)
      #expect(Set(labels) == [0, 1, 2])
      let all = try batch(dataset, step: 0) { $0.labelDropout = 0 }.condition.labels
      #expect(!all.contains(2))
    }
  }
}
