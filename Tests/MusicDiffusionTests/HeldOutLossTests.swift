import Audio
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

extension TrainerTests {
  @Suite struct HeldOutTests {
    /// At each checkpoint, on the same grid of noise levels; the mean of a network that knows nothing
    /// is about 1, and falls as it learns.
    @Test func heldOutLossFollowsTheRun() throws {
      try withDataset(files: 6) { dataset in
        #expect(dataset.heldOut?.fileCount == 4)
        try withTemporaryFolder { folder in
          let trainer = try trainer(folder, dataset, steps: 24) {
            ($0.batchSize, $0.warmUpSteps, $0.learningRate, $0.saveInterval) = (4, 5, 2e-3, 8)
            $0.augmentation = nil
          }
          var losses: [HeldOutLoss] = []
          _ = try trainer.run(onEvaluate: { losses.append($0.last) })
          #expect(losses.map(\.step) == [8, 16, 24])
          #expect(losses.allSatisfy { $0.sigmas == losses[0].sigmas && $0.sigmas.count == 8 })
          #expect(losses[0].sigmas == losses[0].sigmas.sorted())
          #expect(losses.allSatisfy { $0.losses.count == 8 && $0.losses.allSatisfy(\.isFinite) })
          #expect(losses[0].mean < 1.2)
          #expect(losses[2].mean < losses[1].mean && losses[1].mean < losses[0].mean)
          #expect(trainer.state.evaluations?.best == losses[2])
        }
      }
    }

    /// Files of one window each, chords of notes of their own, half of which are learned from: few enough
    /// to be learned by heart.
    private func withChords(_ body: (Dataset) throws -> Void) throws {
      try withTemporaryFolder { folder in
        for file in 0..<10 {
          var random = RandomGenerator(seed: UInt64(file), stream: 5)
          let notes = (0..<6).map { _ in 150 * pow(20, random.uniform()) }
          let samples = (0..<2048).map { index in
            notes.reduce(Float(0)) { sum, frequency in
              sum + Float(0.1 * sin(2 * Double.pi * frequency * Double(index) / 8000))
            }
          }
          let noise = random.normals(2048)
          try (folder / "data").write(
            AudioBuffer(channels: [zip(samples, noise).map { $0 + 0.01 * $1 }], sampleRate: 8000),
            to: "\(file).wav")
        }
        try body(
          Dataset(
            folder: AudioFolder((folder / "data").path),
            representation: Representation(
              spectrogram: SpectrogramSettings(
                sampleRate: 8000, fftSize: 512, hopLength: 128, melBins: 128),
              channels: 1, windowFrames: 16, padsShortClips: false),
            heldOut: 0.5, cache: folder / "cache"))
      }
    }

    /// A run on five windows, which it learns by heart, ends when others are no longer drawn better while
    /// its own still are, and keeps the model that was best on them.
    @Test func memorisationEndsTheRun() throws {
      try withChords { dataset in
        #expect(dataset.training.fileCount == 5 && dataset.heldOut?.fileCount == 5)
        try withTemporaryFolder { folder in
          let trainer = try trainer(folder, dataset, steps: 600) {
            ($0.batchSize, $0.warmUpSteps, $0.learningRate) = (4, 10, 2e-3)
            ($0.saveInterval, $0.patience, $0.coolDown) = (20, 5, 0)
            ($0.augmentation, $0.knownProbability) = (nil, 0)
            // What is known by heart shows where there is much noise.
            $0.noise.levels = NoiseDistribution(logMean: 1, logStandardDeviation: 1.6)
          }
          var heldOut: [Double] = []
          let outcome = try trainer.run(onEvaluate: { heldOut.append($0.last.mean) })
          // Of the steps before each evaluation.
          let own = heldOut.indices.map { number in
            let lines = trainer.log.lines.filter {
              $0.loss != nil && (20 * number + 1...20 * number + 20).contains($0.step)
            }
            return lines.reduce(0) { $0 + $1.loss! * Double($1.steps ?? 1) } / 20
          }
          try #require(outcome == .stoppedEarly)
          let evaluations = try #require(trainer.state.evaluations)
          let best = try #require(heldOut.indices.min { heldOut[$0] < heldOut[$1] })
          #expect(evaluations.best.step == 20 * (best + 1) && evaluations.sinceBest == 5)
          #expect(evaluations.best.mean == heldOut[best] && heldOut.count == best + 6)
          #expect(trainer.state.steps == 20 * (best + 6))
          // It has turned, while what is learned from is drawn better and better.
          let later = heldOut.dropFirst(best + 1)
          #expect(later.reduce(0, +) / 5 > 1.01 * heldOut[best], "\(heldOut)")
          #expect(own[best + 5] < 0.95 * own[best], "\(own)")
          let kept = try Model(contentsOf: folder.path)
          #expect(kept.configuration.history.steps == evaluations.best.step)
          #expect(try TrainingState.saved(in: folder) == trainer.state)
        }
      }
    }

    @Test func patienceNeedsHeldOutFiles() throws {
      _ = try withDataset { dataset in
        try withTemporaryFolder { folder in
          #expect(throws: ModelError.noHeldOut(dataset.path)) {
            _ = try trainer(folder, dataset, steps: 1) { $0.patience = 3 }
          }
        }
      }
    }

    /// A new average out of a run's snapshots is a model that loads; one as long as the model's own is
    /// the model.
    @Test func snapshotsGiveOtherAverages() throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          _ = try trainer(folder / "model", dataset, steps: 12) { $0.saveInterval = 1 }.run()
          let path = (folder / "model").path
          let own = try Model(contentsOf: path)
          let same = try Model.averaged(path, width: 0.05)
          #expect(same.step == 12 && same.error < 1e-6)
          for (name, tensor) in own.parameters.named {
            let other = try #require(same.model.parameters[name])
            #expect(try difference(tensor.detach(), other.detach()) < 1e-4)
          }
          let wide = try Model.averaged(path, width: 0.15)
          #expect(wide.error < 0.05)
          try wide.model.save(to: (folder / "wide").path)
          #expect(try Model(contentsOf: (folder / "wide").path).configuration.history.steps == 12)
          // The model of an earlier checkpoint is that of a run which ended there.
          _ = try trainer(folder / "short", dataset, steps: 5) {
            ($0.saveInterval, $0.coolDown) = (1, 0)
          }.run()
          _ = try trainer(folder / "long", dataset, steps: 7) {
            ($0.saveInterval, $0.coolDown) = (1, 0)
          }.run()
          let early = try Model.averaged((folder / "long").path, width: 0.05, step: 5)
          #expect(early.step == 5 && early.model.configuration.history.steps == 5)
          for (name, tensor) in try Model(contentsOf: (folder / "short").path).parameters.named {
            let other = try #require(early.model.parameters[name])
            #expect(try difference(tensor.detach(), other.detach()) < 1e-4)
          }
          #expect(throws: ModelError.self) { try Model.averaged(path, width: 0.1, step: 13) }
          #expect(throws: ModelError.self) { try Model.averaged(path, width: 0.002) }
          #expect(throws: ModelError.noSnapshots((folder / "wide").path)) {
            try Model.averaged((folder / "wide").path, width: 0.1)
          }
        }
      }
    }
  }
}
