import Audio
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

@Suite struct GeneratorTests {
  /// Sixteen mel bins at 8 kHz, two channels, three labels; weights that no training has made.
  static func model(labels: [String] = ["drums/kick", "drums/snare", "bass"]) throws -> Model {
    let golden = try UNetTests.Golden()
    var sampling = SamplingDefaults()
    sampling.steps = 4
    return Model(
      configuration: ModelConfiguration(
        preset: .draft, representation: .small(channels: 2, windowFrames: 32),
        normalization: Normalization(
          mean: [Float](repeating: -8, count: 32),
          standardDeviation: [Float](repeating: 3, count: 32)),
        network: golden.configuration, labels: labels, noise: NoiseProcess(),
        sampling: sampling, history: TrainingHistory()),
      network: golden.network, parameters: golden.parameters)
  }

  let generator: Generator
  init() throws { generator = Generator(model: try Self.model()) }

  /// One sample, a hop, a window, odd numbers, several windows.
  @Test(arguments: [1, 2, 63, 64, 65, 255, 2047, 2048, 2049, 8001, 12345])
  func lengthIsExact(_ samples: Int) throws {
    let audio = try generator.generate(seconds: Double(samples) / 8000, seed: 1)
    #expect(audio.sampleCount == samples)
    #expect(audio.channelCount == 2)
    #expect(audio.sampleRate == 8000)
    #expect(audio.channels.joined().allSatisfy { $0.isFinite })
  }

  /// A piece that comes in blocks is the piece that is returned as a whole.
  @Test(arguments: [0.01, 1.3, 599 * 64.0 / 8000, 12])
  func blocksAreThePiece(_ seconds: Double) throws {
    let whole = try generator.generate(seconds: seconds, seed: 3)
    var blocks = [[Float]](repeating: [], count: 2)
    var seen = 0
    try generator.generate(
      seconds: seconds, seed: 3,
      onProgress: {
        seen += 1
        #expect($0.evaluations == seen && $0.evaluations <= $0.totalEvaluations)
      },
      write: { block in
        #expect(block.sampleRate == 8000)
        for (channel, samples) in block.channels.enumerated() { blocks[channel] += samples }
      })
    // The whole is turned down where it would clip.
    let sound = AudioBuffer(channels: blocks, sampleRate: 8000)
    #expect(sound.limited(toPeak: 0.98) == whole)
    let sections = SectionPlan(frames: 1 + Int(seconds * 8000) / 64, window: 32).steps.count
    #expect(seen == 4 * sections)
  }

  @Test func blocksHaveTheirLimitsAndErrors() throws {
    for seconds in [0, -1, .nan, .infinity, 86_400.5] {
      #expect(throws: ModelError.self) {
        try generator.generate(seconds: seconds, seed: 1, write: { _ in })
      }
    }
    struct Full: Error {}
    #expect(throws: Full.self) {
      try generator.generate(seconds: 1, seed: 1, write: { _ in throw Full() })
    }
  }

  /// Less than half a sample is still one.
  @Test func shortestPieceIsOneSample() throws {
    #expect(try generator.generate(seconds: 1e-9, seed: 1).sampleCount == 1)
  }

  @Test func seedDecides() throws {
    func sound(_ seed: UInt64, _ options: Generator.Options = .init()) throws -> AudioBuffer {
      try generator.generate(seconds: 0.7, seed: seed, options: options)
    }
    let first = try sound(1)
    #expect(try sound(1) == first)
    #expect(try sound(2) != first)
    #expect(try sound(.max) != first)
    var options = Generator.Options()
    options.sampler = .ddpm
    let ancestral = try sound(1, options)
    #expect(try sound(1, options) == ancestral)
    #expect(ancestral != first)
  }

  @Test func optionsMatter() throws {
    func logMel(_ change: (inout Generator.Options) -> Void) throws -> [Spectrogram] {
      var options = Generator.Options()
      options.label = "bass"
      change(&options)
      return try generator.logMel(seconds: 0.2, seed: 1, options: options)
    }
    let base = try logMel { _ in }
    #expect(try logMel { $0.label = "drums/kick" } != base)
    #expect(try logMel { $0.label = nil } != base)
    #expect(try logMel { $0.guidanceScale = 3 } != base)
    #expect(try logMel { $0.steps = 6 } != base)
    #expect(try logMel { $0.sampler = .heun } != base)
    // What the model's defaults are.
    #expect(
      try logMel { ($0.guidanceScale, $0.steps, $0.sampler) = (1.5, 4, .dpmSolver2MSDE) } == base)
  }

  /// A whole label, or the last part of its path if that is enough.
  @Test func labelsAreFoundByTheirLastPart() throws {
    let configuration = generator.model.configuration
    #expect(try configuration.labelIndex("drums/kick") == 0)
    #expect(try configuration.labelIndex("snare") == 1)
    #expect(try configuration.labelIndex("bass") == 2)
    for unknown in ["kic", "drums", "", "Bass"] {
      let error = ModelError.unknownLabel(unknown, known: configuration.labels)
      #expect(throws: error) { try configuration.labelIndex(unknown) }
      #expect(throws: error) {
        var options = Generator.Options()
        options.label = LabelMix(unknown)
        _ = try generator.generate(seconds: 0.1, seed: 1, options: options)
      }
      #expect(error.description.hasSuffix("it knows drums/kick, drums/snare, bass"))
    }
    let twins = try Self.model(labels: ["a/kick", "b/kick", "bass"])
    #expect(throws: ModelError.self) { try twins.configuration.labelIndex("kick") }
  }

  @Test(arguments: [0, -1, -.infinity, .infinity, .nan, 3600.01, 1e300])
  func impossibleLengthsAreErrors(_ seconds: Double) throws {
    do {
      _ = try generator.generate(seconds: seconds, seed: 1)
      Issue.record("\(seconds) s were generated")
    } catch ModelError.invalidSeconds(let found, let limit) {
      #expect(found.bitPattern == seconds.bitPattern)
      #expect(limit == 3600)
    }
  }

  @Test(arguments: [-1, 0, 10_001])
  func impossibleStepsAreErrors(_ steps: Int) {
    #expect(throws: ModelError.self) {
      var options = Generator.Options()
      options.steps = steps
      _ = try generator.generate(seconds: 0.1, seed: 1, options: options)
    }
  }

  @Test(arguments: Sampler.allCases)
  func reportsEveryEvaluation(_ sampler: Sampler) throws {
    var options = Generator.Options()
    (options.sampler, options.steps) = (sampler, 3)
    var seen: [Int] = []
    // 600 frames are two sections of at most 512 with an overlap of 10.
    _ = try generator.logMel(seconds: 599 * 64.0 / 8000, seed: 1, options: options) {
      seen.append($0.evaluations)
      #expect($0.totalEvaluations == 2 * sampler.evaluations(steps: 3))
    }
    #expect(seen == Array(1...2 * sampler.evaluations(steps: 3)))
  }

  @Test func stopsWhereAskedTo() {
    struct Stop: Error {}
    var evaluations = 0
    #expect(throws: Stop.self) {
      _ = try generator.generate(seconds: 0.5, seed: 1) { _ in
        evaluations += 1
        if evaluations == 2 { throw Stop() }
      }
    }
    #expect(evaluations == 2)
  }

  @Test func nothingIsBelowSilence() throws {
    for plane in try generator.logMel(seconds: 1, seed: 1) {
      #expect(plane.values.allSatisfy { $0 >= Float(log(1e-11)) })
    }
  }

  /// A piece is what its seed alone makes of it, to the bit, whatever pieces are drawn beside it, the
  /// labels that seeds draw and the one kept away from among them.
  @Test(
    arguments: [Device.cpu] + (Device.cudaIsAvailable ? [.cuda(0)] : []),
    [DType.float32, .bfloat16])
  func piecesDoNotDependOnEachOther(_ device: Device, _ precision: DType) throws {
    try generator.model.parameters.to(device)
    let generator = Generator(model: generator.model, device: device, precision: precision)
    var options = Generator.Options()
    let seeds: [UInt64] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    options.guidanceRescale = 0.7
    for (form, sampler, groove) in [
      (Generator.Form.piece(seconds: 0.5), Sampler.dpmSolver2M, nil),
      (.piece(seconds: 0.1), .ddpm, nil), (.loop(sampleCount: 2100), .dpmSolver2M, nil),
      (.loop(sampleCount: 1000), .ddpm, Groove(bars: 1)),
    ] {
      (options.sampler, options.negativeLabel, options.groove) = (sampler, "bass", groove)
      let together = try generator.generate(form, seeds: seeds, options: options)
      for index in [0, 1, 2, 5, 10] {
        let alone = try generator.generate(form, seeds: [seeds[index]], options: options)
        #expect(alone == [together[index]], "\(form), seed \(seeds[index])")
      }
      #expect(together[0] != together[1])
    }
  }

  /// Where the signal is known the denoiser says just that, at any noise and guidance; elsewhere it
  /// does not pass through.
  @Test func knownRegionIsKept() throws {
    let golden = try UNetTests.Golden()
    let denoiser = Denoiser(
      network: golden.network, preconditioning: Preconditioning(), precision: .float32)
    let (condition, mask) = (try golden.condition, try golden["mask"])
    for sigma in [0.01, 1, 80] {
      for guidanceScale in [1.0, 3] {
        let guided = GuidedDenoiser(
          denoiser, away: .description(Description(label: 3)),
          guidance: Guidance(scale: guidanceScale))
        let denoised = try guided(
          golden.noisy, sigma: sigma, condition: condition)
        #expect(try difference(denoised * mask, condition.known) == 0)
        #expect(try difference(denoised * (1 - mask), golden["signal"] * (1 - mask)) > 0.1)
      }
    }
  }

  /// bfloat16 draws much the same, not noise: differences of less than the deviation of the values.
  @Test func bfloat16DrawsTheSame() throws {
    let half = Generator(model: generator.model, precision: .bfloat16)
    let planes = try [generator, half].map { try $0.logMel(seconds: 0.25, seed: 1)[0].values }
    let mean = planes[0].reduce(0, +) / Float(planes[0].count)
    let deviation = planes[0].reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let error = zip(planes[0], planes[1]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    #expect(error < 0.05 * deviation)
  }
}
