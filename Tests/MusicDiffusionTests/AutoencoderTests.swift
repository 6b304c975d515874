import Audio
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

/// Codes of spectrograms: `compose train --autoencoder`, and models that draw them: `--latent`.
@Suite struct AutoencoderTests {
  /// Reference: scripts/goldens/autoencoder.py, torch.distributions and librosa.
  struct Golden: Decodable {
    let shape: [Int]
    let mean, logVariance: [Float]
    let divergence: Double
    let frequencies, weights: [Double]
  }

  @Test func divergenceMatchesPyTorch() throws {
    let golden = try loadGolden("autoencoder", as: Golden.self)
    let encoded = try Tensor.concatenate(
      [
        Tensor(golden.mean, shape: golden.shape), Tensor(golden.logVariance, shape: golden.shape),
      ], dimension: 1)
    let code = try EncodedSpectrogram(encoded, Bottleneck(.variational))
    #expect(try abs(code.cost().item() - golden.divergence) < 1e-5 * golden.divergence)
    // Its draws have the mean and the variance that it says.
    let noise = try Tensor(golden.mean.map { _ in Float(2) }, shape: golden.shape)
    let drawn = try code.code(noise: noise).floats()
    for (index, value) in drawn.enumerated() {
      let expected = golden.mean[index] + 2 * exp(golden.logVariance[index] / 2)
      #expect(abs(value - expected) < 1e-4 * max(1, abs(expected)))
    }
    #expect(try code.code(noise: nil).floats() == golden.mean)
  }

  @Test func sparseCodesCostTheirMagnitude() throws {
    let code = try EncodedSpectrogram(
      Tensor([1, -2, 0, 5] as [Float], shape: [1, 1, 2, 2]), Bottleneck(.sparse))
    #expect(try code.cost().item() == 2)
    #expect(try code.code(noise: Tensor.zeros([1, 1, 2, 2])).floats() == [1, -2, 0, 5])
  }

  @Test func hearingIsWeightedAsLibrosaHasIt() throws {
    let golden = try loadGolden("autoencoder", as: Golden.self)
    for (frequency, weight) in zip(golden.frequencies, golden.weights) {
      #expect(abs(HearingWeights.decibels(at: frequency) - weight) < 0.01, "\(frequency)")
    }
    let factors = HearingWeights.factors(of: SpectrogramPreset.standard.settings)
    #expect(abs(factors.reduce(0, +) / Float(factors.count) - 1) < 1e-5)
    #expect(factors.max()! / factors.min()! <= 3.99 && factors.allSatisfy { $0 > 0.2 })
  }

  /// Of one value everywhere the weights leave the mean difference; a difference of both signs within four
  /// cells counts in detail alone.
  @Test func reconstructionIsMeasuredAtSeveralScales() throws {
    let representation = Representation(
      spectrogram: SpectrogramSettings(
        sampleRate: 8000, fftSize: 512, hopLength: 128, melBins: 32), channels: 1,
      windowFrames: 16, padsShortClips: false)
    let normalization = Normalization(
      mean: [Float](repeating: -3, count: 32), standardDeviation: [Float](repeating: 2, count: 32))
    let loss = try ReconstructionLoss(representation, normalization, device: .cpu)
    let shape = [1, 1, 32, 16]
    let zero = try Tensor.zeros(shape)
    // A normalised quarter is a neper of log-mel, whose deviation is 2 where the network's is a half.
    let flat = try zero + 0.25
    #expect(try abs(loss(flat, zero).item() - 1) < 1e-5)
    #expect(
      try abs(
        loss.decibels(flat, zero) - representation.spectrogram.decibelsPerNeper) < 1e-4)
    let chequered = try Tensor(
      (0..<512).map { Float(($0 / 16 + $0) % 2 == 0 ? 0.25 : -0.25) }, shape: shape)
    let detail = try loss(chequered, zero).item()
    #expect(detail < 0.3 && detail > 0.2)
  }

  private func autoencoder(_ kind: Bottleneck.Kind = .variational) throws -> AutoencoderModel {
    let network = AutoencoderConfiguration(
      channels: 1, melBins: 32, widths: [16, 24], blocks: 1, codeChannels: 3,
      bottleneck: Bottleneck(kind))
    let store = ParameterStore(seed: 4)
    let built = try Autoencoder(store.root, configuration: network)
    // New blocks do nothing: with weights of their own all of them are seen.
    for (name, tensor) in store.named where name.hasSuffix("conv2.weight") {
      var random = RandomGenerator(seed: UInt64(tensor.count))
      try tensor.detach().copy(
        from: Tensor(random.normals(tensor.count).map { $0 * 0.1 }, shape: tensor.shape))
    }
    return try AutoencoderModel(
      AutoencoderDescription(
        preset: "draft",
        representation: Representation(
          spectrogram: SpectrogramSettings(
            sampleRate: 8000, fftSize: 512, hopLength: 128, melBins: 32),
          channels: 1, windowFrames: 32, padsShortClips: false),
        normalization: Normalization(
          mean: [Float](repeating: 0, count: 32),
          standardDeviation: [Float](repeating: 1, count: 32)),
        network: network, codeMean: [0.1, -0.2, 0], codeDeviation: [1, 2, 0.5],
        history: TrainingHistory()),
      network: built, parameters: store, device: .cpu)
  }

  /// What lies farther from a place than the reach says nothing to it, so that long pieces are coded in parts
  /// and loops around their joint.
  @Test func codesAreLocal() throws {
    let coder = try autoencoder()
    let reach = coder.description.network.reach
    let frames = coder.description.network.codeFrames
    #expect(frames == 8)
    let columns = 40
    var random = RandomGenerator(seed: 1)
    let values = random.normals(32 * columns * frames)
    let x = try Tensor(values, shape: [1, 1, 32, columns * frames])
    var changed = values
    for bin in 0..<32 { changed[bin * columns * frames + 20 * frames + 3] += 3 }
    let code = try coder.code(of: x)
    #expect(code.shape == [1, 3, 4, columns])
    let other = try coder.code(of: Tensor(changed, shape: x.shape))
    func differing(_ a: Tensor, _ b: Tensor) throws -> [Int] {
      let width = a.shape[3]
      let difference = try (a - b).abs().sum(dimensions: [0, 1, 2]).floats()
      return (0..<width).filter { difference[$0] > 0 }
    }
    let seen = try differing(code, other)
    #expect(seen.contains(20) && seen.allSatisfy { abs($0 - 20) <= reach })
    let back = try differing(coder.spectrogram(of: code), coder.spectrogram(of: other))
    #expect(back.allSatisfy { abs($0 / frames - 20) <= 2 * reach })

    // A loop that begins elsewhere has the same code, elsewhere.
    let turned = try Tensor.concatenate(
      [
        x.narrow(dimension: 3, start: 5 * frames, length: (columns - 5) * frames),
        x.narrow(dimension: 3, start: 0, length: 5 * frames),
      ], dimension: 3)
    let loop = try coder.code(ofLoop: x)
    let turnedCode = try coder.code(ofLoop: turned)
    let expected = try Tensor.concatenate(
      [
        loop.narrow(dimension: 3, start: 5, length: columns - 5),
        loop.narrow(dimension: 3, start: 0, length: 5),
      ], dimension: 3)
    #expect(try (turnedCode - expected).abs().max().item() < 1e-4)
    func turnedBy(_ x: Tensor, _ count: Int) throws -> Tensor {
      try .concatenate(
        [
          x.narrow(dimension: 3, start: count, length: x.shape[3] - count),
          x.narrow(dimension: 3, start: 0, length: count),
        ], dimension: 3)
    }
    let sound = try coder.spectrogram(ofLoop: loop)
    #expect(sound.shape == x.shape)
    let turnedSound = try coder.spectrogram(ofLoop: turnedBy(loop, 7))
    #expect(try (turnedSound - turnedBy(sound, 7 * frames)).abs().max().item() < 1e-4)
  }

  @Test func longSpectrogramsAreCodedInParts() throws {
    let coder = try autoencoder(.sparse)
    var random = RandomGenerator(seed: 2)
    let columns = 1100
    let x = try Tensor(random.normals(32 * columns * 8), shape: [1, 1, 32, columns * 8])
    let code = try coder.code(of: x)
    // The network's own, all at once.
    let whole = try withoutGradient { try coder.network.encode(x, precision: .float32).mean }
    let scale = try Tensor([0.5, 0.25, 1] as [Float], shape: [1, 3, 1, 1])
    let shift = try Tensor([-0.05, 0.05, 0] as [Float], shape: [1, 3, 1, 1])
    #expect(try (code - (whole * scale + shift)).abs().max().item() < 1e-4)
    let back = try coder.spectrogram(of: code)
    let decoded = try withoutGradient { try coder.network.decode(whole, precision: .float32) }
    #expect(try (back - decoded).abs().max().item() < 1e-3)
  }

  /// The error falls, a run that was cut ends in the same bytes, and a damaged file is an error.
  @Test(arguments: Bottleneck.Kind.allCases) func autoencodersLearn(_ kind: Bottleneck.Kind) throws
  {
    try withDataset(files: 3) { dataset in
      try withTemporaryFolder { folder in
        func trainer(_ name: String, steps: Int, resume: Bool = false) throws -> AutoencoderTrainer
        {
          var settings = AutoencoderTraining(preset: .draft, bottleneck: Bottleneck(kind))
          (settings.steps, settings.batchSize, settings.warmUpSteps) = (steps, 4, 5)
          (settings.learningRate, settings.saveInterval) = (5e-3, 20)
          settings.network.widths = [16, 24]
          settings.adversary = nil
          return try AutoencoderTrainer(
            folder: folder / name, dataset: dataset, configuration: settings, device: .cpu,
            precision: .float32, resume: resume)
        }
        var errors: [Double] = []
        #expect(try trainer("a", steps: 60).run(onEvaluate: { errors.append($0.decibels) }))
        #expect(
          errors.count == 3 && errors[1] < errors[0] && errors[2] < 0.95 * errors[0], "\(errors)")
        let coder = try AutoencoderModel(contentsOf: (folder / "a").path)
        #expect(coder.description.space.framesPerColumn == 8)
        #expect(coder.description.history.steps == 60)

        let cut = try trainer("b", steps: 60)
        #expect(try !cut.run(shouldStop: { cut.state.steps == 33 }))
        #expect(try AutoencoderState.saved(in: folder / "b").steps == 33)
        #expect(try trainer("b", steps: 60, resume: true).run())
        let file = "autoencoder.safetensors"
        #expect(try Data(contentsOf: folder / "a" / file) == Data(contentsOf: folder / "b" / file))

        #expect(throws: ModelError.modelExists((folder / "a").relativePath, canResume: true)) {
          try trainer("a", steps: 60)
        }
        var json = try String(contentsOf: folder / "a/autoencoder.json", encoding: .utf8)
        json = json.replacing("\"codeChannels\"", with: "\"codeChannel\"")
        try Data(json.utf8).write(to: folder / "a/autoencoder.json")
        #expect(throws: ModelError.self) { try AutoencoderModel(contentsOf: (folder / "a").path) }
      }
    }
  }
}
