import Foundation
import MusicDiffusion
import Testing
import Torch

@Suite struct DropoutTests {
  private func ones(_ shape: [Int]) throws -> Tensor {
    try Tensor([Float](repeating: 1, count: shape.reduce(1, *)), shape: shape)
  }

  /// As many values as asked for are left out, and the others are larger by so much that the mean
  /// stays.
  @Test(arguments: [0.1, 0.5])
  func leavesOutItsShare(_ rate: Double) throws {
    var dropout = Dropout(rate: rate, seed: 1, stream: 2)
    let values = try dropout(ones([4, 6, 50, 50])).floats()
    #expect(Set(values).count == 2)
    let kept = try #require(values.max())
    #expect(abs(Double(kept) - 1 / (1 - rate)) < 1e-4)
    // The standard deviation of the share is at most 0.002.
    #expect(abs(Double(values.count { $0 == 0 }) / Double(values.count) - rate) < 0.01)
    #expect(values.allSatisfy { $0 == 0 || $0 == kept })
  }

  /// Seed, stream and call decide, not the layout; an odd number of values is no trouble.
  @Test func followsFromSeedAndStream() throws {
    let x = try normal([3, 5, 3, 7], seed: 1)
    func dropped(_ x: Tensor, seed: UInt64 = 1, stream: UInt64 = 2) throws -> [[Float]] {
      var dropout = Dropout(rate: 0.5, seed: seed, stream: stream)
      return [try dropout(x).floats(), try dropout(x).floats()]
    }
    let first = try dropped(x)
    #expect(try dropped(x) == first)
    #expect(try dropped(x.channelsLast()) == first)
    #expect(first[0] != first[1])
    #expect(try dropped(x, seed: 2)[0] != first[0])
    #expect(try dropped(x, stream: 3)[0] != first[0])
  }

  @Test func keepsTheTypeAndTheLayout() throws {
    var dropout = Dropout(rate: 0.25, seed: 1, stream: 2)
    let x = try normal([2, 8, 4, 4], seed: 1).to(.bfloat16).channelsLast()
    let y = try dropout(x)
    #expect(y.dtype == .bfloat16 && y.isChannelsLast && y.shape == x.shape)
  }

  /// The loss that is learned from has it, and gradients flow past what is left out; the network that
  /// draws has none.
  @Test func isThereInTrainingAlone() throws {
    let golden = try UNetTests.Golden()
    let denoiser = Denoiser(
      network: golden.network, preconditioning: Preconditioning(sigmaData: 0.5),
      precision: .float32)
    func loss(_ dropout: Dropout?) throws -> [Float] {
      try denoiser.loss(
        signal: golden["signal"], noise: golden["noise"], sigmas: golden.sigmas,
        condition: golden.condition, dropout: dropout
      ).floats()
    }
    let plain = try loss(nil)
    #expect(try loss(Dropout(rate: 0, seed: 1, stream: 1)) == plain)
    let dropped = try loss(Dropout(rate: 0.3, seed: 1, stream: 1))
    #expect(try loss(Dropout(rate: 0.3, seed: 1, stream: 1)) == dropped)
    #expect(zip(plain, dropped).allSatisfy { $0 != $1 && $1.isFinite })
  }
}

extension TrainerTests {
  @Suite struct RegularisationTests {
    /// A run with dropout is stopped and resumed bit for bit, also where several batches make an
    /// update, and is another one than without.
    @Test func runWithDropoutIsResumedExactly() throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          func make(_ name: String, dropout: Double? = 0.2, resume: Bool = false) throws -> Trainer
          {
            try trainer(folder / name, dataset, steps: 4, resume: resume) {
              ($0.dropout, $0.accumulation) = (dropout, 2)
            }
          }
          _ = try make("whole").run()
          var made = 0
          _ = try make("parts").run(onStep: { _ in made += 1 }, shouldStop: { made == 2 })
          _ = try make("parts", resume: true).run()
          try expectEqualRuns(folder / "whole", folder / "parts")
          _ = try make("without", dropout: nil).run()
          #expect(
            try Data(contentsOf: folder / "whole/model.safetensors")
              != Data(contentsOf: folder / "without/model.safetensors"))
        }
      }
    }

    /// Settings of versions that had neither are read as before.
    @Test func settingsWithoutTheFieldsAreRead() throws {
      var configuration = TrainingConfiguration(preset: .draft)
      configuration.steps = 1
      let plain = try JSONEncoder().encode(configuration)
      let text = String(decoding: plain, as: UTF8.self)
      #expect(!text.contains("dropout\"") && !text.contains("multiScale"))
      #expect(try JSONDecoder().decode(TrainingConfiguration.self, from: plain) == configuration)
    }

    /// Weights of convolutions and products decay; gains, biases, embeddings and positions do not.
    @Test func weightsOfProductsAloneDecay() throws {
      let store = ParameterStore(seed: 1)
      var configuration = Preset.draft.network(labelCount: 3)
      configuration.augmentationWidth = 6
      _ = try UNet(store.root, configuration: configuration)
      let decaying = zip(store.named, store.decays).filter(\.1).map(\.0)
      let others = zip(store.named, store.decays).filter { !$1 }.map(\.0)
      #expect(decaying.allSatisfy { $0.name.hasSuffix(".weight") && $0.tensor.shape.count >= 2 })
      #expect(decaying.contains { $0.name == "down.0.blocks.0.conv1.weight" })
      #expect(decaying.contains { $0.name == "down.2.attention.0.qkv.weight" })
      #expect(decaying.contains { $0.name == "embedding.first.weight" })
      let names = Set(others.map(\.name))
      #expect(names.isSuperset(of: ["bin_position", "embedding.labels.weight", "head.bias"]))
      for other in others where other.tensor.shape.count >= 2 {
        #expect(["bin_position", "embedding.labels.weight"].contains(other.name))
      }
    }
  }
}
