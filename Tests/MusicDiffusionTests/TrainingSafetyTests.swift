import Foundation
import MusicDiffusion
import Testing
import Torch

extension TrainerTests {
  /// What keeps a run and its files safe.
  @Suite struct SafetyTests {
    /// A learning rate that makes the loss explode is halved until it does not, from the last good
    /// state on; the run reaches its end and says what happened.
    @Test(arguments: [1, 4])
    func explodingRunRecovers(_ saveInterval: Int) throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          let trainer = try trainer(folder, dataset, steps: 16) {
            ($0.learningRate, $0.warmUpSteps, $0.saveInterval) = (0.5, 1, saveInterval)
            $0.batchSize = 4
          }
          var recoveries: [Recovery] = []
          let outcome = try trainer.run(onRecover: { recoveries.append($0) })
          #expect(outcome == .finished)
          #expect(trainer.state.steps == 16)
          #expect(!recoveries.isEmpty)
          #expect(trainer.state.recoveries == recoveries)
          for (number, recovery) in recoveries.enumerated() {
            #expect(recovery.learningRateScale == pow(0.5, Double(number + 1)))
            #expect(recovery.goodStep <= recovery.step && recovery.goodStep % saveInterval == 0)
          }
          #expect(trainer.state.model.history.loss < 10)
          // What was saved is what is there, and finite.
          let model = try Model(contentsOf: folder.path)
          for tensor in model.parameters.tensors {
            #expect(try tensor.detach().floats().allSatisfy(\.isFinite))
          }
        }
      }
    }

    /// An exploding run that is stopped and goes on, between recoveries and after, is the same as one
    /// that is not.
    @Test func recoveredRunIsResumedExactly() throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          func make(_ name: String, resume: Bool = false) throws -> Trainer {
            try trainer(folder / name, dataset, steps: 9, resume: resume) {
              ($0.learningRate, $0.warmUpSteps, $0.saveInterval) = (0.5, 1, 3)
              $0.batchSize = 4
            }
          }
          let whole = try make("whole")
          #expect(try whole.run() == .finished)
          #expect(whole.state.recoveries?.isEmpty == false)
          // As if killed: at each checkpoint the trainer is dropped.
          struct Killed: Error {}
          var resume = false
          while true {
            let part = try make("parts", resume: resume)
            do {
              _ = try part.run(onSave: { _ in throw Killed() })
              break
            } catch is Killed { resume = true }
          }
          try expectEqualRuns(folder / "whole", folder / "parts")
        }
      }
    }

    /// Where no lower rate helps, the run ends with an error, and the last good checkpoint is as it
    /// was.
    @Test func hopelessRunKeepsItsCheckpoint() throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          _ = try trainer(folder, dataset, steps: 3).run()
          let file = folder / "training/checkpoint.safetensors"
          let before = try Data(contentsOf: file)
          let hopeless = try trainer(folder, dataset, steps: 40, resume: true) {
            ($0.learningRate, $0.saveInterval) = (1e30, 1)
          }
          do {
            _ = try hopeless.run()
            Issue.record("a learning rate of 1e30 did no harm")
          } catch ModelError.diverged(let step, let recoveries) {
            #expect(step == 4 && recoveries == 8)
          }
          #expect(try Data(contentsOf: file) == before)
        }
      }
    }

    /// Changes the state and the tensors of a folder's checkpoint.
    private func edit(
      _ folder: URL, state change: (inout [String: Any]) -> Void = { _ in },
      tensors replace: (String, Tensor) throws -> Tensor = { $1 }
    ) throws {
      let file = (folder / "training/checkpoint.safetensors").path
      let (tensors, metadata) = try SafeTensors.read(file)
      var state = try #require(
        JSONSerialization.jsonObject(with: Data((metadata["state"] ?? "").utf8)) as? [String: Any])
      change(&state)
      let json = try JSONSerialization.data(withJSONObject: state)
      try SafeTensors.write(
        tensors.keys.sorted().map { (name: $0, tensor: try replace($0, tensors[$0]!)) },
        metadata: ["state": String(decoding: json, as: UTF8.self)], sealed: true, to: file)
    }

    /// After two steps whose loss was far above the lowest so far, as the checkpoint is made to say, the
    /// next one's is again: neither an interruption nor the end of the run keeps its weights.
    @Test func suspiciousWeightsAreNotKept() throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          _ = try trainer(folder, dataset, steps: 3).run()
          try edit(
            folder, state: { $0["lossGuard"] = ["lowest": 0.001, "recorded": 100, "streak": 2] })
          let file = folder / "training/checkpoint.safetensors"
          let before = try Data(contentsOf: file)
          let model = try Data(contentsOf: folder / "model.safetensors")
          let stopped = try trainer(folder, dataset, steps: 9, resume: true)
          var made = 0
          let outcome = try stopped.run(onStep: { _ in made += 1 }, shouldStop: { made == 1 })
          #expect(outcome == .interrupted)
          #expect(stopped.state.steps == 4 && stopped.savedStep == 3)
          #expect(stopped.log.lines.last?.event == "interrupted")
          #expect(
            stopped.log.lines.last?.note
              == "the loss was exploding: the checkpoint is that of step 3")
          #expect(try Data(contentsOf: file) == before)
          let ended = try trainer(folder, dataset, steps: 4, resume: true)
          #expect(throws: ModelError.diverged(step: 4, recoveries: 8)) { try ended.run() }
          #expect(try Data(contentsOf: file) == before)
          #expect(try Data(contentsOf: folder / "model.safetensors") == model)
        }
      }
    }

    /// Averages that make of held-out files what is not a number are an explosion, not a checkpoint.
    @Test func heldOutLossThatIsNoNumberIsAnExplosion() throws {
      try withDataset(files: 6) { dataset in
        try withTemporaryFolder { folder in
          _ = try trainer(folder, dataset, steps: 2).run()
          try edit(
            folder,
            tensors: { name, tensor in
              guard name.hasPrefix("average.") else { return tensor }
              return try tensor * Double.nan
            })
          let file = folder / "training/checkpoint.safetensors"
          let before = try Data(contentsOf: file)
          let resumed = try trainer(folder, dataset, steps: 3, resume: true)
          var recoveries = 0
          #expect(throws: ModelError.diverged(step: 3, recoveries: 8)) {
            try resumed.run(onRecover: { _ in recoveries += 1 })
          }
          #expect(recoveries == 8)
          #expect(try Data(contentsOf: file) == before)
        }
      }
    }

    /// Data that is normalised otherwise than the model learned it is not gone on with.
    @Test func otherStatisticsAreRefused() throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          _ = try trainer(folder, dataset, steps: 1).run()
          try edit(
            folder,
            state: { state in
              guard var model = state["model"] as? [String: Any],
                var normalization = model["normalization"] as? [String: Any],
                var mean = normalization["mean"] as? [Double]
              else { return }
              mean[17] += 0.1
              normalization["mean"] = mean
              model["normalization"] = normalization
              state["model"] = model
            })
          #expect(
            throws: ModelError.datasetChanged(
              folder.path, reason: "its mel bins have other means and deviations")
          ) { try trainer(folder, dataset, steps: 2, resume: true) }
        }
      }
    }

    /// A run that cannot be leaves nothing behind, and one that finds a model leaves that as it is.
    @Test func refusedRunChangesNothing() throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          #expect(throws: ModelError.noHeldOut(dataset.path)) {
            try trainer(folder / "new", dataset, steps: 1) { $0.patience = 2 }
          }
          #expect(try contents(folder) == [])
          _ = try trainer(folder / "model", dataset, steps: 1).run()
          func bytes() throws -> [Data] {
            try [
              "config.json", "model.safetensors", "log.jsonl", "training/checkpoint.safetensors",
            ]
            .map { try Data(contentsOf: folder / "model" / $0) }
          }
          let before = try bytes()
          // As if it had been made after whoever asks had looked.
          #expect(
            throws: ModelError.modelExists((folder / "model").relativePath, canResume: true)
          ) { try trainer(folder / "model", dataset, steps: 1) }
          #expect(try bytes() == before)
        }
      }
    }

    @Test func folderHasOneTrainer() throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          let first = try trainer(folder, dataset, steps: 1)
          #expect(throws: ModelError.inUse(folder.path)) {
            try trainer(folder, dataset, steps: 1)
          }
          var refused = 0
          _ = try first.run(onSave: { _ in
            #expect(throws: ModelError.inUse(folder.path)) {
              try trainer(folder, dataset, steps: 2, resume: true)
            }
            refused += 1
          })
          #expect(refused == 1)
          #expect(try trainer(folder, dataset, steps: 2, resume: true).run() == .finished)
        }
      }
    }

    /// One damaged byte anywhere in a file of a model is refused in one line.
    @Test func damageIsRefused() throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          _ = try trainer(folder, dataset, steps: 1).run()
          func check(_ name: String, _ places: [Int], _ read: () throws -> Void) throws {
            let whole = try Data(contentsOf: folder / name)
            try read()
            for place in places.map({ $0 < 0 ? whole.count + $0 : $0 }) {
              for change: UInt8 in [1, 0x20, 0xFF] {
                var damaged = whole
                damaged[place] ^= change
                try damaged.write(to: folder / name)
                do {
                  try read()
                  Issue.record("\(name): byte \(place) changed by \(change) was not noticed")
                } catch let error as ModelError {
                  #expect(!"\(error)".contains("\n"))
                }
              }
            }
            try whole.write(to: folder / name)
            try read()
          }
          func spread(_ count: Int, over size: Int) -> [Int] {
            (0..<count).map { $0 * size / count + $0 % 7 }.filter { $0 < size }
          }
          func size(_ name: String) throws -> Int { try Data(contentsOf: folder / name).count }
          let model = { _ = try Model(contentsOf: folder.path) }
          // Each byte of the configuration's first lines, where the checksum stands, and many others.
          try check(
            "config.json", Array(0..<80) + spread(120, over: size("config.json")) + [-1, -2], model)
          // The header's beginning has the metadata.
          try check(
            "model.safetensors",
            Array(0..<120) + spread(60, over: size("model.safetensors")) + [-1], model)
          try check(
            "training/checkpoint.safetensors",
            Array(0..<60) + spread(25, over: size("training/checkpoint.safetensors")) + [-1]
          ) { _ = try TrainingState.saved(in: folder) }
          let snapshot = "training/snapshots/step-00000001.safetensors"
          try check(snapshot, Array(0..<60) + spread(25, over: size(snapshot)) + [-1]) {
            _ = try Model.averaged(folder.path, width: 0.05)
          }
          // As far as the checkpoint's log goes; a run that goes on adds to it.
          let logged = try #require(TrainingState.saved(in: folder).log).bytes
          try check(TrainingLog.fileName, spread(25, over: logged) + [logged - 1]) {
            let log = try Data(contentsOf: folder / TrainingLog.fileName)
            _ = try trainer(folder, dataset, steps: 1, resume: true)
            try log.write(to: folder / TrainingLog.fileName)
          }
        }
      }
    }

    /// Files of versions that had no checksums are read as before.
    @Test func unsealedModelsAreRead() throws {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          _ = try trainer(folder, dataset, steps: 1).run()
          let lines = try String(contentsOf: folder / "config.json", encoding: .utf8)
            .split(separator: "\n")
          #expect(lines[1].contains("\"bytes\"") && lines[2].contains("\"crc32c\""))
          try Data(([lines[0]] + lines[3...]).joined(separator: "\n").utf8)
            .write(to: folder / "config.json")
          let file = (folder / "model.safetensors").path
          try SafeTensors.write(
            SafeTensors.read(file).tensors.map { (name: $0.key, tensor: $0.value) },
            metadata: ["format": "compose"], to: file)
          #expect(try Model(contentsOf: folder.path).configuration.history.steps == 1)
        }
      }
    }
  }
}
