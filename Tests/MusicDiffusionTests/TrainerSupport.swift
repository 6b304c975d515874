import Audio
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

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
    // It has the times of its lines.
    state.log = nil
    return state
  }
  #expect(states[0] == states[1])
}
