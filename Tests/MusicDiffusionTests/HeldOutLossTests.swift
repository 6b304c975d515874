import Foundation
import MusicDiffusion
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

    /// A run on one clip, which it learns by heart, ends when others are no longer drawn better, and
    /// keeps the model that was best on them.
    @Test func memorisationEndsTheRun() throws {
      try withDataset(files: 6) { dataset in
        try withTemporaryFolder { folder in
          // A rate that does harm after the first steps stands for memorisation, which takes longer.
          func make(_ steps: Int, resume: Bool = false) throws -> Trainer {
            try trainer(folder, dataset, steps: steps, resume: resume) {
              ($0.batchSize, $0.warmUpSteps, $0.learningRate) = (2, 30, 2e-2)
              ($0.saveInterval, $0.patience, $0.coolDown) = (4, 2, 0)
            }
          }
          let first = try make(400)
          var means: [Double] = []
          let outcome = try first.run(onEvaluate: { means.append($0.last.mean) })
          try #require(outcome == .stoppedEarly)
          let evaluations = try #require(first.state.evaluations)
          #expect(evaluations.sinceBest == 2)
          #expect(means.count == first.state.steps / 4)
          let best = try #require(means.min())
          #expect(evaluations.best.mean == best)
          #expect(evaluations.best.step == 4 * (means.count - 2))
          #expect(
            try Model(contentsOf: folder.path).configuration.history.steps == evaluations.best.step)
          #expect(try TrainingState.saved(in: folder) == first.state)
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
          #expect(throws: ModelError.self) { try Model.averaged(path, width: 0.002) }
          #expect(throws: ModelError.noSnapshots((folder / "wide").path)) {
            try Model.averaged((folder / "wide").path, width: 0.1)
          }
        }
      }
    }
  }
}
