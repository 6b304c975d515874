import Foundation
import MusicDiffusion
import Testing
import Torch

@Suite(.serialized) struct TrainerTests {
  /// The loss of a network that knows nothing is 1; tones are soon learned.
  @Test func lossFalls() throws {
    try withDataset { dataset in
      try withTemporaryFolder { folder in
        let trainer = try trainer(folder, dataset, steps: 30) {
          ($0.batchSize, $0.warmUpSteps, $0.learningRate) = (4, 5, 2e-3)
          $0.augmentation = nil
        }
        var steps: [Int] = []
        #expect(try trainer.run { steps.append($0.step) } == .finished)
        #expect(steps == Array(1...30))
        #expect(trainer.state.steps == 30)
        #expect(trainer.state.model.history.loss < 0.85)
        #expect(trainer.state.model.history.clipsSeen == 120)
        #expect(trainer.state.seconds > 0)
      }
    }
  }

  /// A run that is stopped and resumed ends with the same bytes as one that is not: weights,
  /// averages and the optimizer's moments.
  @Test(arguments: [1, 3, 4])
  func resumedRunEqualsUninterruptedOne(_ stop: Int) throws {
    try withDataset { dataset in
      try withTemporaryFolder { folder in
        let (whole, parts) = (folder / "whole", folder / "parts")
        try #expect(trainer(whole, dataset, steps: 6).run() == .finished)
        var made = 0
        let first = try trainer(parts, dataset, steps: 6)
        #expect(
          try first.run(onStep: { _ in made += 1 }, shouldStop: { made == stop }) == .interrupted)
        #expect(first.state.steps == stop)
        let second = try trainer(parts, dataset, steps: 6, resume: true)
        #expect(second.state.steps == stop)
        #expect(try second.run() == .finished)
        try expectEqualRuns(whole, parts)
      }
    }
  }

  /// What a run is stopped by and where it saves does not change it.
  @Test func savesAtEachInterval() throws {
    try withDataset { dataset in
      try withTemporaryFolder { folder in
        var saved: [Int] = []
        let often = try trainer(folder / "model", dataset, steps: 5) { $0.saveInterval = 2 }
        _ = try often.run(onSave: { step in
          saved.append(step)
          let state = try TrainingState.saved(in: folder / "model")
          #expect(state.steps == step)
          #expect(
            try Model(contentsOf: (folder / "model").path).configuration.history.steps == step)
        })
        #expect(saved == [2, 4, 5])
        #expect(
          try contents(folder / "model") == [
            "config.json", "log.jsonl", "model.safetensors", "tensorboard", "training",
          ])
        #expect(
          try contents(folder / "model/training") == ["checkpoint.safetensors", "snapshots"])
        #expect(
          try contents(folder / "model/training/snapshots")
            == [2, 4, 5].map { "step-0000000\($0).safetensors" })
        try #expect(trainer(folder / "other", dataset, steps: 5).run() == .finished)
        try expectEqualRuns(folder / "model", folder / "other")
      }
    }
  }

  /// The model folder holds the averages, rounded to half precision, and draws with them.
  @Test func modelIsTheAverage() throws {
    try withDataset { dataset in
      try withTemporaryFolder { folder in
        let trainer = try trainer(folder, dataset, steps: 3)
        _ = try trainer.run()
        let saved = try SafeTensors.read((folder / "model.safetensors").path).tensors
        let checkpoint = try SafeTensors.read(
          (folder / "training/checkpoint.safetensors").path
        ).tensors
        #expect(saved.count == trainer.model.parameters.names.count)
        for (name, tensor) in saved {
          let average = try #require(checkpoint["average." + name])
          #expect(tensor.dtype == .float16)
          #expect(try tensor.floats() == average.to(.float16).floats())
        }
        let model = try Model(contentsOf: folder.path)
        #expect(model.configuration == trainer.state.model)
        #expect(model.configuration.labels == ["high", "low"])
        #expect(model.configuration.history.files == 4)
        #expect(model.parameters.count == trainer.parameterCount)
      }
    }
  }

  /// Gradients of any size move the weights by no more than AdamW's step: with a clip far below
  /// every norm and a decay of 0, the update is that of the same direction.
  @Test func clipsGradients() throws {
    try withDataset { dataset in
      try withTemporaryFolder { folder in
        let clips = [1e-3, 1e-2]
        let moments = try clips.map { clip in
          let folder = folder / "\(clip)"
          _ = try trainer(folder, dataset, steps: 1) { $0.gradientClip = clip }.run()
          let tensors = try SafeTensors.read(
            (folder / "training/checkpoint.safetensors").path
          ).tensors.filter { $0.key.hasPrefix("optimizer.first.") }
          // The first moment after one step is (1 − beta1) times the clipped gradient.
          let squares = try tensors.values.map { try $0.square().sum().item() }.reduce(0, +)
          return squares.squareRoot() / (1 - 0.9)
        }
        for (moment, clip) in zip(moments, clips) {
          #expect(abs(moment - clip) < 1e-3 * clip)
        }
      }
    }
  }

  /// One update of two batches goes by the mean of their gradients, and a run of such updates is
  /// resumed exactly.
  @Test func accumulatesGradients() throws {
    try withDataset { dataset in
      try withTemporaryFolder { folder in
        func make(_ name: String, steps: Int, resume: Bool = false) throws -> Trainer {
          try trainer(folder / name, dataset, steps: steps, resume: resume) {
            ($0.accumulation, $0.gradientClip) = (2, 1e9)
          }
        }
        let first = try make("one", steps: 1)
        _ = try first.run()
        #expect(first.state.model.history.clipsSeen == 4)
        let store = ParameterStore(seed: 3)
        let network = try UNet(store.root, configuration: first.state.model.network)
        let denoiser = Denoiser(
          network: network, preconditioning: first.state.model.preconditioning,
          precision: .float32)
        for index in 0..<2 {
          let batch = try Batch(
            step: index, from: dataset, first.state.configuration, device: .cpu)
          let losses = try denoiser.loss(
            signal: batch.signal, noise: batch.noise, sigmas: batch.sigmas,
            condition: batch.condition)
          try (losses.mean() * 0.5).backward()
        }
        let tensors = try SafeTensors.read(
          (folder / "one/training/checkpoint.safetensors").path
        ).tensors
        for (name, gradient) in zip(store.names, store.gradients) {
          // The first moment after one step is (1 − beta1) times the gradient.
          let moment = try #require(tensors["optimizer.first." + name])
          let expected = try gradient.map { try $0 * 0.1 } ?? moment * 0
          #expect(try difference(moment, expected) < 1e-6, "\(name)")
        }
        _ = try make("parts", steps: 4).run(shouldStop: { true })
        _ = try make("parts", steps: 4, resume: true).run()
        _ = try make("whole", steps: 4).run()
        try expectEqualRuns(folder / "whole", folder / "parts")
      }
    }
  }

  @Test func whatCannotBeResumedIsAnError() throws {
    try withDataset { dataset in
      try withTemporaryFolder { folder in
        let path = folder.path
        #expect(throws: ModelError.nothingToResume(path)) {
          try trainer(folder, dataset, steps: 2, resume: true)
        }
        _ = try trainer(folder, dataset, steps: 1).run()
        let checkpoint = folder / "training/checkpoint.safetensors"
        let whole = try Data(contentsOf: checkpoint)
        func check(_ damaged: Data) throws {
          try damaged.write(to: checkpoint)
          do {
            _ = try trainer(folder, dataset, steps: 2, resume: true)
            Issue.record("damage was not noticed")
          } catch ModelError.damagedModel(let found, let reason) {
            #expect(found == path)
            #expect(!reason.contains("\n"))
          } catch ModelError.invalidConfiguration(let reason) {
            #expect(!reason.contains("\n"))
          }
        }
        try check(whole.prefix(1000))
        try check(whole.dropLast())
        try check(Data())
        let text = String(decoding: whole.prefix(100_000), as: UTF8.self)
        for (part, damage) in [
          ("\\\"steps\\\":1", "\\\"steps\\\":-"), ("\\\"betas\\\":[0.9,", "\\\"betas\\\":[    "),
          ("weights.head.bias", "weights.head.biaz"),
          ("\\\"saveInterval\\\":250", "\\\"saveInterval\\\":000"),
        ] {
          #expect(text.contains(part), "\(part)")
          guard let range = whole.firstRange(of: Data(part.utf8)) else { continue }
          try check(
            whole.replacing(
              range, with: Data(damage.utf8.prefix(range.count))))
        }
        try whole.write(to: checkpoint)
        try withDataset(seed: 5) { other in
          do {
            _ = try trainer(folder, other, steps: 2, resume: true)
            Issue.record("other data was not noticed")
          } catch ModelError.datasetChanged(let found, _) {
            #expect(found == path)
          }
        }
        #expect(try trainer(folder, dataset, steps: 2, resume: true).run() == .finished)
      }
    }
  }

  @Test func settingsThatCannotTrainAreErrors() throws {
    try withDataset { dataset in
      try withTemporaryFolder { folder in
        let changes: [(inout TrainingConfiguration) -> Void] = [
          { $0.steps = nil }, { $0.steps = 0 }, { $0.hours = .nan }, { $0.hours = -1 },
          { $0.batchSize = 0 }, { $0.saveInterval = 0 }, { $0.learningRate = .infinity },
          { $0.betas = [0.9] }, { $0.betas = [0.9, 1] }, { $0.gradientClip = 0 },
          { $0.emaWidth = 0 }, { $0.labelDropout = 2 }, { $0.knownProbability = -0.1 },
        ]
        for change in changes {
          do {
            _ = try trainer(folder / "model", dataset, steps: 1, change: change)
            Issue.record("settings were taken")
          } catch ModelError.invalidConfiguration(let reason) {
            #expect(reason.hasPrefix("training."))
          }
        }
        #expect(try contents(folder).isEmpty)
      }
    }
  }

  /// Once all is in place, a step leaves nothing behind.
  @Test func memoryStaysFlat() throws {
    try withDataset { dataset in
      try withTemporaryFolder { folder in
        var sizes: [Int] = []
        _ = try trainer(folder, dataset, steps: 24).run { _ in sizes.append(residentBytes()) }
        #expect(sizes[23] - sizes[9] < 8 << 20)
      }
    }
  }
}

private func residentBytes() -> Int {
  let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
  return (fields.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
}

extension Data {
  fileprivate func replacing(_ range: Range<Index>, with bytes: Data) -> Data {
    self[..<range.lowerBound] + bytes + self[range.upperBound...]
  }
}
