import Audio
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

@Suite struct TrainingConfigurationTests {
  /// A linear rise over the first hundred steps, a linear fall over the last two fifths.
  @Test func learningRateRisesStaysAndFalls() {
    var configuration = TrainingConfiguration(preset: .draft)
    configuration.learningRate = 1e-3
    configuration.steps = 1000
    func rate(_ step: Int) -> Double {
      configuration.learningRate(
        step: step, progress: configuration.progress(steps: step, seconds: 0))
    }
    for (step, expected) in [
      (0, 1e-5), (49, 5e-4), (99, 1e-3), (100, 1e-3), (600, 1e-3), (800, 5e-4), (999, 2.5e-6),
    ] {
      #expect(abs(rate(step) - expected) < 1e-12, "step \(step)")
    }
    configuration.coolDown = 0
    #expect(rate(999) == 1e-3)
    // A run that ends before it has warmed up falls too.
    (configuration.coolDown, configuration.steps) = (0.4, 50)
    #expect(rate(49) < rate(40))
  }

  /// Steps or hours, whichever comes first.
  @Test func progressIsThatOfTheNearerEnd() {
    var configuration = TrainingConfiguration(preset: .draft)
    configuration.steps = 100
    #expect(configuration.progress(steps: 25, seconds: 1e9) == 0.25)
    configuration.hours = 2
    #expect(configuration.progress(steps: 25, seconds: 3600) == 0.5)
    #expect(configuration.progress(steps: 75, seconds: 3600) == 0.75)
    configuration.steps = nil
    #expect(configuration.progress(steps: 1 << 40, seconds: 7200) == 1)
  }
}

@Suite struct AveragedWeightsTests {
  /// Karras et al. 2024 (arXiv:2312.02696) give 16.97 and 6.94 for widths of 5 and 10 %.
  @Test func gammaIsThePapers() {
    #expect(abs(AveragedWeights.gamma(width: 0.05) - 16.97) < 0.005)
    #expect(abs(AveragedWeights.gamma(width: 0.10) - 6.94) < 0.005)
  }

  /// Equation 6 there: after step t, the weights of step s count in proportion to s to the power of
  /// gamma, here exactly (s^(γ+1) − (s−1)^(γ+1)) / t^(γ+1).
  @Test func averageIsThatOfThePaper() throws {
    let (values, average) = (ParameterStore(seed: 1), ParameterStore(seed: 1))
    let parameter = try values.root.parameter("x", [1], .zeros)
    let averaged = try average.root.parameter("x", [1], .ones)
    let weights = AveragedWeights(average, width: 0.1)
    let exponent = AveragedWeights.gamma(width: 0.1) + 1
    let optimizer = try AdamW(parameters: values, weightDecay: 0)
    var history: [Double] = []
    for step in 1...20 {
      // Any update will do.
      try (parameter * sin(Double(step))).sum().backward()
      try optimizer.step(learningRate: 0.1)
      values.zeroGradients()
      history.append(try parameter.item())
      try weights.update(from: values, step: step)
      var expected = 0.0
      for (index, value) in history.enumerated() {
        let (before, after) = (Double(index), Double(index + 1))
        expected += value * (pow(after, exponent) - pow(before, exponent))
      }
      expected /= pow(Double(step), exponent)
      #expect(try abs(averaged.item() - expected) < 1e-5)
    }
  }
}

@Suite struct KnownRegionTests {
  private func mask(_ region: KnownRegion, frames: Int, bins: Int) -> [Float] {
    var mask = [Float](repeating: 0, count: frames * bins)
    mask.withUnsafeMutableBufferPointer {
      region.fill($0.baseAddress!, frames: frames, bins: bins)
    }
    return mask
  }

  @Test func fillsItsPart() {
    let regions: [(KnownRegion, [Float])] = [
      (.none, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
      (.prefix(frames: 1), [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]),
      (.suffix(frames: 2), [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1]),
      (.outside(gap: 1..<3), [1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1]),
      (.band(bins: 1..<2), [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0]),
    ]
    for (region, expected) in regions {
      #expect(mask(region, frames: 4, bins: 3) == expected, "\(region)")
    }
  }

  /// Every kind occurs about as often as it should, and none leaves nothing to learn.
  @Test func drawsEveryKind() {
    var random = RandomGenerator(seed: 1)
    var counts: [String: Int] = [:]
    for _ in 0..<4000 {
      let region = KnownRegion.random(frames: 8, bins: 6, probability: 0.5, &random)
      let name = "\(region)".prefix { $0 != "(" }
      counts[String(name), default: 0] += 1
      let known = mask(region, frames: 8, bins: 6).reduce(0, +)
      #expect(known < 48)
    }
    for (name, share) in [
      ("none", 0.5), ("prefix", 0.25), ("suffix", 0.075), ("outside", 0.125), ("band", 0.05),
    ] {
      // Standard deviations are at most 0.008.
      #expect(abs(Double(counts[name, default: 0]) / 4000 - share) < 0.03, "\(name)")
    }
    var never = RandomGenerator(seed: 2)
    #expect(
      (0..<100).allSatisfy { _ in
        KnownRegion.random(frames: 8, bins: 6, probability: 0, &never) == .none
      })
  }

  /// The smallest windows have regions too.
  @Test func takesAnySize() {
    var random = RandomGenerator(seed: 3)
    for (frames, bins) in [(1, 1), (2, 1), (1, 2), (16, 16)] {
      for _ in 0..<200 {
        let region = KnownRegion.random(frames: frames, bins: bins, probability: 1, &random)
        _ = mask(region, frames: frames, bins: bins)
      }
    }
  }
}

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

// MARK: - Support

private func residentBytes() -> Int {
  let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
  return (fields.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
}

/// Calls `body` with a few prepared tones under the labels `high` and `low`, small enough for the
/// network of the draft preset to train on quickly.
///
/// - Parameter files: of each label; a third is held out where there are enough.
func withDataset<R>(
  seed: UInt64 = 0, files: Int = 2, _ body: (Dataset) throws -> R
) throws -> R {
  try withTemporaryFolder { folder in
    let frequencies = [220.0, 1400].flatMap { low in
      (0..<files).map { low * (1 + 0.4 * Double($0)) }
    }
    for (index, frequency) in frequencies.enumerated() {
      let audio = sound(seconds: 1, frequency: frequency, seed: seed + UInt64(index))
      try (folder / "data").write(audio, to: (index < files ? "low/" : "high/") + "\(index).wav")
    }
    return try body(
      Dataset(
        folder: AudioFolder((folder / "data").path),
        representation: Representation(
          spectrogram: SpectrogramSettings(
            sampleRate: 8000, fftSize: 512, hopLength: 128, melBins: 128),
          channels: 1, windowFrames: 32, padsShortClips: false),
        heldOut: files > 2 ? 1.0 / 3 : 0, cache: folder / "cache"))
  }
}

func trainer(
  _ folder: URL, _ dataset: Dataset, steps: Int, resume: Bool = false,
  change: (inout TrainingConfiguration) -> Void = { _ in }
) throws -> Trainer {
  var configuration = TrainingConfiguration(preset: .draft)
  (configuration.steps, configuration.batchSize, configuration.seed) = (steps, 2, 3)
  change(&configuration)
  return try Trainer(
    folder: folder, dataset: dataset, configuration: configuration, device: .cpu,
    precision: .float32, resume: resume)
}

/// Two runs have made the same model and would go on alike: all but the time they took is equal.
func expectEqualRuns(_ first: URL, _ second: URL) throws {
  let model = "model.safetensors"
  #expect(try Data(contentsOf: first / model) == Data(contentsOf: second / model))
  let checkpoint = "training/checkpoint.safetensors"
  let a = try SafeTensors.read((first / checkpoint).path).tensors
  let b = try SafeTensors.read((second / checkpoint).path).tensors
  #expect(a.keys.sorted() == b.keys.sorted())
  #expect(a.keys.contains("optimizer.step"))
  for (name, tensor) in a {
    let other = try #require(b[name])
    #expect(try tensor.withBytes(Array.init) == other.withBytes(Array.init), "\(name)")
  }
  let states = try [first, second].map { folder in
    var state = try TrainingState.saved(in: folder)
    state.seconds = 0
    state.model.history.trainingHours = 0
    state.configuration.saveInterval = 0
    return state
  }
  #expect(states[0] == states[1])
}

extension Data {
  fileprivate func replacing(_ range: Range<Index>, with bytes: Data) -> Data {
    self[..<range.lowerBound] + bytes + self[range.upperBound...]
  }
}
