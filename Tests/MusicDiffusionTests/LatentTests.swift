import Audio
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

/// Models that draw codes of spectrograms: `compose train --latent`.
@Suite struct LatentTests {
  /// Calls `body` with data, an autoencoder of it in the folder `code`, and the folder.
  private func withCode(_ body: (Dataset, AutoencoderModel, URL) throws -> Void) throws {
    try withDataset { dataset in
      try withTemporaryFolder { folder in
        var settings = AutoencoderTraining(preset: .draft, bottleneck: Bottleneck(.variational))
        settings.adversary = nil
        (settings.steps, settings.batchSize, settings.warmUpSteps) = (30, 4, 5)
        settings.learningRate = 5e-3
        settings.network.widths = [16, 24]
        let trainer = try AutoencoderTrainer(
          folder: folder / "code", dataset: dataset, configuration: settings, device: .cpu,
          precision: .float32, resume: false)
        _ = try trainer.run()
        try body(dataset, AutoencoderModel(contentsOf: (folder / "code").path), folder)
      }
    }
  }

  @Test func networksLearnCodes() throws {
    try withCode { dataset, coder, folder in
      let coded = try dataset.coded(by: coder)
      #expect((coded.space.channels, coded.space.bins) == (4, 16))
      #expect((coded.space.framesPerColumn, coded.space.melBinsPerBin) == (8, 8))
      var configuration = TrainingConfiguration(preset: .draft)
      (configuration.batchSize, configuration.knownProbability) = (8, 1)
      let batch = try Batch(step: 0, from: coded, configuration, device: .cpu)
      #expect(batch.signal.shape == [8, 4, 16, 4] && batch.noise.shape == batch.signal.shape)
      // As a network expects it, about.
      let power = try batch.signal.square().mean().item()
      #expect((0.3...0.8).contains(power.squareRoot()), "\(power)")
      let (known, mask) = (batch.condition.known, batch.condition.mask)
      #expect(mask.shape == [8, 1, 16, 4])
      #expect(try (known - batch.signal * mask).abs().max().item() == 0)
      #expect(try mask.mean().item() > 0.1)

      // It is saved with its autoencoder, read, and gone on with.
      _ = try trainer(folder / "model", coded, steps: 4).run()
      let model = try Model(contentsOf: (folder / "model").path)
      #expect(model.configuration.formatVersion == 4)
      #expect(model.coder?.description == coder.description)
      #expect(model.network.configuration.channels == 4)
      #expect(
        try Recipe.Source(contentsOf: (folder / "model").path, name: nil)
          .fingerprint.split(separator: "-").count == 4)
      _ = try trainer(folder / "model", coded, steps: 6, resume: true).run()
      #expect(throws: ModelError.self) {
        try trainer(folder / "model", dataset, steps: 8, resume: true)
      }
      // What else is made of models.
      let guide = try TrainingConfiguration(guideOf: model.configuration)
      #expect(guide.patch == [1, 1])
      let few = try TrainingConfiguration(distilling: model, fingerprint: "", steps: 2)
      #expect(
        few.network(labelCount: 2, code: coded.space).widths
          == model.network.configuration.widths)

      // An autoencoder of something else, and none.
      try FileManager.default.removeItem(at: folder / "model/autoencoder.safetensors")
      #expect(throws: ModelError.self) { try Model(contentsOf: (folder / "model").path) }
      let other = try Dataset(
        folder: AudioFolder(dataset.path),
        representation: Representation(
          spectrogram: SpectrogramSettings(
            sampleRate: 8000, fftSize: 512, hopLength: 64, melBins: 128),
          channels: 1, windowFrames: 32, padsShortClips: false),
        cache: folder / "cache")
      #expect(throws: ModelError.self) { try other.coded(by: coder) }
    }
  }

  @Test func codesAreDrawnAndEdited() throws {
    try withCode { dataset, coder, folder in
      _ = try trainer(folder / "model", dataset.coded(by: coder), steps: 4).run()
      let generator = try Generator(model: Model(contentsOf: (folder / "model").path))
      var options = Generator.Options()
      (options.label, options.steps) = ("low", 3)

      // Pieces of any length, each what its seed alone makes of it.
      let alone = try generator.generate(seconds: 1.23, seed: 2, options: options)
      #expect(alone.sampleCount == 9840 && alone.rms > 1e-6)
      // Matrices as small as these round otherwise in other batches; those of a preset do not.
      let both = try generator.logMel(.piece(seconds: 1.23), seeds: [1, 2], options: options)
      let second = try generator.logMel(.piece(seconds: 1.23), seeds: [2], options: options)[0]
      #expect(zip(both[1][0].values, second[0].values).allSatisfy { abs($0 - $1) < 1e-2 })
      #expect(zip(both[0][0].values, second[0].values).contains { abs($0 - $1) > 0.1 })
      let long = try generator.logMel(seconds: 12, seed: 3, options: options)[0]
      #expect(long.frames == 751 && long.values.allSatisfy(\.isFinite))

      // A long one in blocks is the same spectrogram as at once.
      var random = RandomGenerator(seed: 9)
      let columns = 200
      let code = (0..<4).map { _ in random.normals(16 * columns) }
      let whole = try generator.logMel(of: code, frames: columns * 8)
      var decoding = SectionDecoding(generator, columns: columns)
      var parts: [Float] = []
      for part in [0..<30, 30..<31, 31..<120, 120..<200] {
        let planes = code.map { plane in
          (0..<16).flatMap {
            plane[$0 * columns + part.lowerBound..<$0 * columns + part.upperBound]
          }
        }
        parts += try decoding.next(planes)[0].values
      }
      #expect(parts.count == whole[0].values.count)
      #expect(zip(parts, whole[0].values).allSatisfy { abs($0 - $1) < 1e-3 })
      var count = 0
      try generator.generate(seconds: 20, seed: 1, options: options) { count += $0.sampleCount }
      #expect(count == 160_000)

      let loops = try generator.generate(.loop(sampleCount: 9999), seeds: [1], options: options)
      #expect(loops[0].sampleCount == 9999)
      let varied = try generator.variation(
        ofLoop: loops[0], strength: 0.5, seed: 1, options: options)
      #expect(varied.sampleCount == 9999 && varied != loops[0])

      // What stands of one's own sound stands sample for sample.
      let own = sound(seconds: 3, frequency: 300)
      let edited = try generator.inpainting(own, spans: [1..<1.5], seed: 1, options: options)
      #expect(edited.channels[0].prefix(7600) == own.channels[0].prefix(7600))
      #expect(edited.channels[0].suffix(11_600) == own.channels[0].suffix(11_600))
      #expect(edited.channels[0][8800..<11_000] != own.channels[0][8800..<11_000])
      let band = try generator.inpainting(
        own, spans: [1..<2], bands: [500...1500], seed: 1, options: options)
      #expect(band.sampleCount == own.sampleCount && band != own)
      let change = zip(band.channels[0], own.channels[0]).map { $0 - $1 }
      let (inside, outside) = powers(of: change, bands: [500...1500])
      #expect(outside < 1e-4 * inside[0])
      #expect(change[..<8000].allSatisfy { $0 == 0 } && change[16_000...].allSatisfy { $0 == 0 })
      let two = try generator.inpainting(
        own, spans: [1..<2], bands: [100...300, 2000...3000], seed: 1, options: options)
      let apart = powers(
        of: zip(two.channels[0], own.channels[0]).map { $0 - $1 }, bands: [100...300, 2000...3000])
      #expect(apart.inside.allSatisfy { $0 > 0 })
      #expect(apart.outside < 1e-3 * apart.inside.reduce(0, +))
      let more = try generator.continuation(of: own, seconds: 1, seed: 1, options: options)
      #expect(more.sampleCount == 8000 && more.rms > 1e-6)
      var between = 0
      try generator.interpolation(
        from: own, to: sound(seconds: 2, frequency: 900), count: 3, seed: 1, options: options
      ) { _, piece in
        between += 1
        #expect(piece.sampleCount == 16_000)
      }
      #expect(between == 3)
      let path = try DenoisingPath(of: generator, seed: 1, options: options)
      #expect(path.steps.count == 3)
    }
  }
}
