import Foundation
import MusicDiffusion
import Testing
import Torch

extension TrainerTests {
  @Suite struct MultiScaleTests {
    private func state(_ dataset: Dataset, _ folder: URL, share: Double?) throws -> TrainingState {
      try trainer(folder, dataset, steps: 4) { $0.multiScale = share }.state
    }

    /// Twice as many windows of half the length, and as many frames; then those that a run without it
    /// has.
    @Test func beginsWithHalves() throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          var state = try state(dataset, folder / "a", share: 0.5)
          #expect(state.trainsOnHalves)
          let half = try BatchLoader(for: state, from: dataset, device: .cpu).batch(step: 1)
          #expect(half.signal.shape == [4, 1, 128, 16])
          #expect(half.noise.shape == half.signal.shape)
          #expect(half.condition.known.shape == half.signal.shape)
          #expect(half.condition.mask.shape == [4, 1, 128, 16])
          #expect(half.sigmas.count == 4 && half.condition.labels.count == 4)
          // They are normalised as whole ones are.
          let deviation = try half.signal.square().mean().item().squareRoot()
          #expect(abs(deviation - 0.5) < 0.25)

          let lengthened = (0..<4).map { step in
            state.steps = step
            return state.lengthensWindows()
          }
          #expect(lengthened == [false, false, true, false])
          #expect(!state.trainsOnHalves)
          // A longer run does not go back.
          state.configuration.steps = 100
          #expect(!state.trainsOnHalves)
          let whole = try BatchLoader(for: state, from: dataset, device: .cpu).batch(step: 1)
          let plain = try BatchLoader(
            for: self.state(dataset, folder / "b", share: nil), from: dataset, device: .cpu
          ).batch(step: 1)
          #expect(whole.signal.shape == [2, 1, 128, 32])
          #expect(try whole.signal.floats() == plain.signal.floats())
        }
      }
    }

    /// Windows of half the length start at any sample, and end within their files.
    @Test func halvesAreCutFromTheWholeFile() throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          let state = try state(dataset, folder, share: 1)
          let loader = try BatchLoader(for: state, from: dataset, device: .cpu)
          // Tones of constant loudness: a window that ran over the end would hold silence.
          var lowest = Float.infinity
          for step in 0..<40 {
            let peaks = try loader.batch(step: step).signal.floats().chunks(of: 16 * 128)
              .map { $0.max() ?? 0 }
            lowest = min(lowest, peaks.min() ?? 0)
          }
          #expect(lowest > 0.5)
        }
      }
    }

    /// Stopped before, at and after the change, a run ends in the same bytes.
    @Test(arguments: [1, 3, 4])
    func resumedRunEqualsUninterruptedOne(_ stop: Int) throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          func make(_ name: String, resume: Bool = false) throws -> Trainer {
            try trainer(folder / name, dataset, steps: 6, resume: resume) {
              ($0.multiScale, $0.dropout) = (0.5, 0.1)
            }
          }
          let whole = try make("whole")
          _ = try whole.run()
          #expect(whole.log.lines.contains { $0.event == "windows of full length" && $0.step == 3 })
          var made = 0
          _ = try make("parts").run(onStep: { _ in made += 1 }, shouldStop: { made == stop })
          let second = try make("parts", resume: true)
          #expect(second.state.trainsOnHalves == (stop < 3))
          _ = try second.run()
          try expectEqualRuns(folder / "whole", folder / "parts")
        }
      }
    }

    /// A run that goes back to where windows were short has short ones again.
    @Test func explodingRunRecovers() throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          let trainer = try trainer(folder, dataset, steps: 16) {
            ($0.learningRate, $0.warmUpSteps, $0.saveInterval) = (0.5, 1, 4)
            ($0.batchSize, $0.multiScale) = (4, 0.25)
          }
          #expect(try trainer.run() == .finished)
          #expect(trainer.state.recoveries?.isEmpty == false)
          #expect(!trainer.state.trainsOnHalves)
        }
      }
    }

    /// The held-out loss is that of whole windows, whatever is trained on.
    @Test func heldOutLossIsOfWholeWindows() throws {
      try withDataset(files: 6) { dataset in
        try withTemporaryFolder { folder in
          let losses = try [nil, 1.0].map { share in
            let trainer = try trainer(folder / "\(share ?? 0)", dataset, steps: 1) {
              ($0.multiScale, $0.learningRate) = (share, 1e-12)
            }
            _ = try trainer.run()
            return try #require(trainer.state.evaluations).last.losses
          }
          #expect(zip(losses[0], losses[1]).allSatisfy { abs($0 - $1) < 1e-6 })
        }
      }
    }

    @Test func windowsThatCannotBeHalvedAreAnError() throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          for share in [-0.1, 1.1, .nan] {
            #expect(throws: ModelError.self) { try state(dataset, folder / "a", share: share) }
          }
        }
      }
    }
  }
}

extension Array {
  fileprivate func chunks(of size: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
  }
}
