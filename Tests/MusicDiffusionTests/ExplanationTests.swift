import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

@Suite struct ExplanationTests {
  private func path(steps: Int = 6) throws -> (DenoisingPath, Generator) {
    let generator = Generator(model: try GeneratorTests.model())
    var options = Generator.Options()
    (options.steps, options.label, options.inversionIterations) = (steps, "bass", 2)
    return (try DenoisingPath(of: generator, seed: 5, options: options), generator)
  }

  /// It is the way that `generate` takes: one window, from the first sigma to the last.
  @Test func pathIsTheGenerators() throws {
    let (path, generator) = try path()
    let configuration = generator.model.configuration
    let settings = configuration.representation.spectrogram
    let frames = configuration.representation.windowFrames
    var options = Generator.Options()
    (options.steps, options.label) = (6, "bass")
    let drawn = try generator.logMel(
      seconds: Double((frames - 1) * settings.hopLength) / Double(settings.sampleRate), seed: 5,
      options: options)
    #expect(path.result == drawn[0])
    #expect(path.result.frames == frames)
    #expect(path.steps.count == 6)
    #expect(abs(path.steps[0].sigma - 40) < 1e-9)
    #expect(zip(path.steps, path.steps.dropFirst()).allSatisfy { $0.sigma > $1.sigma })
    // The last step of DPM-Solver++ returns the estimate.
    #expect(path.steps[5].estimate == path.result)
    #expect(path.audio.sampleCount == (frames - 1) * settings.hopLength)
  }

  /// A place is decided from where on nothing leaves the tolerance, by the definition itself.
  @Test func placesAreDecidedOnce() throws {
    let path = try path().0
    let decided = path.decidedAt
    let decibels = Float(path.settings.decibelsPerNeper)
    func clamped(_ value: Float) -> Float {
      min(max(value, path.range.lowerBound), path.range.upperBound)
    }
    var counts = [Int](repeating: 0, count: 6)
    for index in decided.values.indices {
      let isNear = path.steps.map { step in
        let distance = abs(
          clamped(step.estimate.values[index]) - clamped(path.result.values[index]))
        return distance * decibels <= DenoisingPath.tolerance
      }
      let first = (isNear.lastIndex(of: false) ?? -1) + 1
      #expect(decided.values[index] == Float(first))
      counts[first] += 1
    }
    #expect(counts.count { $0 > 0 } > 1)
    #expect(path.decidedShares == counts.map { Double($0) / Double(decided.values.count) })
    #expect(abs(path.decidedShares.reduce(0, +) - 1) < 1e-12)
    // What a step changes is the same by bands and by places.
    let bands = path.changeByBand
    for (number, step) in path.steps.enumerated() {
      let mean = (0..<bands.bins).reduce(0) { $0 + Double(bands[number, $1]) } / Double(bands.bins)
      #expect(abs(mean - step.meanChange) < 1e-4 * max(1, step.meanChange))
    }
  }

  /// The loss at a noise level, whatever the data is normalised by; the error follows from it.
  @Test func lossesAreTheDenoisers() throws {
    try withDataset { dataset in
      try withTemporaryFolder { folder in
        var configuration = TrainingConfiguration(preset: .draft)
        (configuration.steps, configuration.batchSize) = (1, 2)
        let trainer = try Trainer(
          folder: folder, dataset: dataset, configuration: configuration, device: .cpu,
          precision: .float32, resume: false)
        let generator = Generator(model: trainer.model)
        let sigmas = [0.05, 0.5, 5]
        let losses = try NoiseLevelLoss.measure(
          generator, at: sigmas, on: dataset, clips: 16, seed: 1)
        #expect(losses.map(\.sigma) == sigmas)
        // A network without training knows nothing: F is 0, so that the estimate is cSkip x.
        for loss in losses {
          let p = trainer.model.configuration.preconditioning
          #expect(abs(loss.loss - 1) < 0.35, "\(loss)")
          let error = loss.loss.squareRoot() * p.cOut(loss.sigma) / p.sigmaData
          #expect(abs(loss.error - error) < 1e-9)
        }
        #expect(losses[0].error < losses[1].error && losses[1].error < losses[2].error)
        var other = trainer.model.configuration
        other.normalization.mean = other.normalization.mean.map { $0 + 1 }
        let shifted = Generator(
          model: Model(
            configuration: other, network: trainer.model.network,
            parameters: trainer.model.parameters))
        // Half a deviation and more to the side: that shows in the signal's variance.
        let changed = try NoiseLevelLoss.measure(
          shifted, at: sigmas, on: dataset, clips: 16, seed: 1)
        #expect(changed[2].loss > losses[2].loss + 0.01)
      }
    }
  }

  @Test func writesPictures() throws {
    let path = try path().0
    #expect(path.strip().width > path.decisions().height)
    try withTemporaryFolder { folder in
      let files = try Explanation(name: "a <model>", path: path, losses: []).write(to: folder)
      #expect(try contents(folder) == files.sorted())
      let page = try String(contentsOf: folder / "explain.html", encoding: .utf8)
      #expect(page.contains("How a &lt;model&gt; makes music"))
      #expect(!page.contains("How well it sees"))
    }
  }

  /// What the log says at the model's step: of held-out files, or of the last steps of training.
  @Test func lossesAreTheLogs() throws {
    let none = try withTemporaryFolder { folder in
      try NoiseLevelLoss.logged(in: folder, of: GeneratorTests.model().configuration)
    }
    #expect(none.isEmpty)
    for files in [2, 6] {
      try withDataset(files: files) { dataset in
        try withTemporaryFolder { folder in
          let trainer = try trainer(folder, dataset, steps: 4) { $0.saveInterval = 2 }
          _ = try trainer.run()
          let configuration = trainer.model.configuration
          let losses = try NoiseLevelLoss.logged(in: folder, of: configuration)
          let lines = trainer.log.lines
          let bands = NoiseBands(NoiseDistribution(), sigmaData: 0.5)
          for loss in losses {
            let band = bands.band(of: loss.sigma)
            let expected: Double
            if files > 2 {
              expected = try #require(
                lines.last { $0.heldOutLoss != nil }?.heldOutLossByNoise?[band])
            } else {
              let values = lines.compactMap { $0.lossByNoise?[band] }
              expected = values.reduce(0, +) / Double(values.count)
            }
            #expect(abs(loss.loss - expected) < 1e-12)
            #expect(loss.error > 0 && loss.error.isFinite)
          }
          #expect(losses.count == (files > 2 ? 5 : losses.count) && !losses.isEmpty)
          #expect(try TrainingState.configuration(in: folder) == trainer.state.configuration)
          #expect(losses.map(\.sigma) == losses.map(\.sigma).sorted())
        }
      }
    }
  }
}
