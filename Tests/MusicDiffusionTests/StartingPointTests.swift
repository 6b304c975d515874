import Audio
import Corpus
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

/// A run that begins with the weights of a model: `compose train --from`.
@Suite struct StartingPointTests {
  /// A dataset with a sound for each label.
  private func withDataset(
    labels: [String], hopLength: Int = 128, _ body: (Dataset) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      for (index, label) in labels.enumerated() {
        let audio = sound(seconds: 1, frequency: 300 * Double(index + 1), seed: UInt64(index))
        try (folder / "data").write(audio, to: "\(label)/\(index).wav")
      }
      try body(
        Dataset(
          folder: AudioFolder((folder / "data").path),
          representation: Representation(
            spectrogram: SpectrogramSettings(
              sampleRate: 8000, fftSize: 512, hopLength: hopLength, melBins: 128),
            channels: 1, windowFrames: 32, padsShortClips: false),
          cache: folder / "cache"))
    }
  }

  private func trainer(
    _ folder: URL, _ dataset: Dataset, from start: StartingPoint?, learningRate: Double = 6e-4,
    change: (inout TrainingConfiguration) -> Void = { _ in }
  ) throws -> Trainer {
    var configuration = TrainingConfiguration(preset: .draft)
    (configuration.steps, configuration.batchSize) = (2, 2)
    (configuration.learningRate, configuration.warmUpSteps) = (learningRate, 1)
    change(&configuration)
    return try Trainer(
      folder: folder, dataset: dataset, configuration: configuration, device: .cpu,
      precision: .float32, resume: false, from: start)
  }

  private func withModel(_ body: (StartingPoint) throws -> Void) throws {
    try withDataset(labels: ["high", "low"]) { dataset in
      try withTemporaryFolder { folder in
        _ = try trainer(folder / "first", dataset, from: nil, learningRate: 0.01).run()
        try body(StartingPoint(Model(contentsOf: (folder / "first").path), name: "first"))
      }
    }
  }

  /// All weights are the model's before the first step, a label's vector goes with its name, and one
  /// that the model does not know begins as none.
  @Test func aRunBeginsWithTheModelsWeights() throws {
    try withModel { start in
      try withDataset(labels: ["low", "new"]) { dataset in
        try withTemporaryFolder { folder in
          let run = try trainer(folder / "second", dataset, from: start)
          let (own, other) = (start.model.parameters, run.model.parameters)
          #expect(own.names == other.names)
          let labels = "embedding.labels.weight"
          for name in own.names where name != labels {
            #expect(try own[name]!.floats() == other[name]!.floats(), "\(name)")
          }
          func row(_ store: ParameterStore, _ index: Int) throws -> [Float] {
            try store[labels]!.narrow(dimension: 0, start: index, length: 1).floats()
          }
          #expect(try row(other, 0) == row(own, 1))
          #expect(try row(other, 1) == row(own, 2))
          #expect(try row(other, 2) == row(own, 2))
          #expect(try row(own, 0) != row(own, 1))
          #expect(run.state.model.history.startedFrom == "first")
        }
      }
    }
  }

  /// A loss that explodes before the first checkpoint goes back to the model's weights, not to random
  /// ones.
  @Test func anExplosionGoesBackToTheModel() throws {
    try withModel { start in
      try withDataset(labels: ["low", "new"]) { dataset in
        try withTemporaryFolder { folder in
          let run = try trainer(folder / "second", dataset, from: start, learningRate: 1) {
            $0.steps = 40
            $0.gradientClip = 1e9
          }
          struct Stop: Error {}
          var recoveries = 0
          #expect(throws: Stop.self) {
            try run.run(onRecover: { _ in
              recoveries += 1
              throw Stop()
            })
          }
          #expect(recoveries == 1)
          let name = "stem.weight"
          #expect(
            try run.model.parameters[name]!.floats() == start.model.parameters[name]!.floats())
        }
      }
    }
  }

  /// The model decides what nobody else has: what stands in a settings file counts more.
  @Test func whatIsGivenIsNotTheModels() throws {
    try withModel { start in
      var settings = TrainingConfiguration(preset: .draft)
      settings.widths = [32, 64, 96]
      settings.noise.levels = NoiseDistribution(logMean: -2, logStandardDeviation: 1)
      let given = settings
      start.apply(to: &settings, except: ["widths", "noise"])
      #expect(settings.widths == given.widths && settings.noise == given.noise)
      start.apply(to: &settings)
      #expect(settings.widths == start.model.configuration.network.widths)
      #expect(settings.noise == start.model.configuration.noise)
    }
  }

  /// A filter of details, or that there is none, goes with a model into what begins with it, guides it or learns from it,
  /// whatever their own widths would ask for.
  @Test(arguments: [3, 0]) func filtersGoWithTheModel(_ kernels: Int) throws {
    try withDataset(labels: ["high", "low"]) { dataset in
      try withTemporaryFolder { folder in
        _ = try trainer(folder / "first", dataset, from: nil) {
          $0.detailKernels = kernels
          $0.widths = kernels > 0 ? [32, 64, 96] : [16, 32, 64]
        }.run()
        let model = try Model(contentsOf: (folder / "first").path)
        let expected = kernels > 0 ? kernels : nil
        #expect(model.configuration.network.detailKernels == expected)
        let start = StartingPoint(model, name: "first")
        var settings = TrainingConfiguration(preset: .draft)
        start.apply(to: &settings)
        let runs = [
          settings, try TrainingConfiguration(guideOf: model.configuration),
          try TrainingConfiguration(distilling: model, fingerprint: "", steps: 2),
        ]
        for settings in runs {
          #expect(settings.network(labelCount: 2).detailKernels == expected)
        }
        let next = try trainer(folder / "second", dataset, from: start) {
          $0 = settings
          $0.steps = 1
        }
        #expect(next.model.parameters.names == model.parameters.names)
        #expect(next.model.parameters.names.contains { $0.hasPrefix("detail") } == (kernels > 0))
      }
    }
  }

  /// What is of another kind is refused in one line.
  @Test func anotherKindIsRefused() throws {
    try withModel { start in
      func refused(
        _ dataset: Dataset, _ reason: String,
        change: (inout TrainingConfiguration) -> Void = { _ in }
      ) throws {
        try withTemporaryFolder { folder in
          let error = #expect(throws: ModelError.self) {
            _ = try trainer(folder / "second", dataset, from: start, change: change)
          }
          let text = "\(error.map { "\($0)" } ?? "")"
          #expect(text.contains(reason) && !text.contains("\n"), "\(text)")
        }
      }
      try withDataset(labels: ["low"], hopLength: 64) { dataset in
        try refused(dataset, "another kind of spectrogram")
      }
      try withDataset(labels: ["low"]) { dataset in
        try refused(dataset, "a network of the same size") { $0.widths = [32, 64, 96] }
        try refused(dataset, "predicts edm") { $0.noise.prediction = .v }
      }
    }
  }
}
