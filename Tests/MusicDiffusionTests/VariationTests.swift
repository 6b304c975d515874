import Audio
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

@Suite struct FlowInversionTests {
  /// The probability flow of data that is normal with deviation s: x(sigma) = x(0) √(1 + sigma² / s²).
  /// Heun's error falls with the square of the step.
  @Test func followsTheFlowOfNormalData() throws {
    let signal = try normal([1, 1, 4, 8], seed: 1) * 0.5
    func denoise(_ x: Tensor, _ sigma: Double) throws -> Tensor {
      try x * (0.25 / (0.25 + sigma * sigma))
    }
    func error(_ steps: Int) throws -> Double {
      let sigmas = SigmaSchedule.karras(steps: steps, min: 0.002, max: 80)
      let start = try Sampling.inverted(signal, sigmas: sigmas, denoise: denoise)
      // From sigmaMin on, below which nothing is taken to change.
      let growth = ((0.25 + 6400) / (0.25 + 0.002 * 0.002)).squareRoot()
      return Double(try difference(start * (1 / growth), signal))
    }
    let (coarse, fine) = (try error(20), try error(80))
    #expect(fine < 3e-3)
    #expect((12...20).contains(coarse / fine))
  }

  /// There and back again: Heun's way down from what was found on the way up.
  @Test func comesBack() throws {
    let signal = try normal([1, 1, 4, 8], seed: 1) * 0.5
    func denoise(_ x: Tensor, _ sigma: Double) throws -> Tensor {
      // Data of deviation 0.3 around 0.5 or -0.5: the means by each, by their likelihoods.
      let (own, other) = (0.09, sigma * sigma)
      let side = try (x * (0.5 / (own + other))).tanh() * 0.5
      return try (x * own + side * other) / (own + other)
    }
    func error(_ steps: Int) throws -> Float {
      let sigmas = SigmaSchedule.karras(steps: steps, min: 0.002, max: 80)
      let start = try Sampling.inverted(signal, sigmas: sigmas, denoise: denoise)
      let back = try Sampling.heun(start, sigmas: sigmas, denoise: denoise) { _ in start }
      return try difference(back, signal)
    }
    #expect(try error(100) < 0.01)
  }

  @Test func evaluationsAreAsTold() throws {
    var evaluations = 0
    let sigmas = SigmaSchedule.karras(steps: 7, min: 0.002, max: 80)
    _ = try Sampling.inverted(normal([1, 1, 2, 2], seed: 1), sigmas: sigmas) { x, _ in
      evaluations += 1
      return x
    }
    #expect(evaluations == Sampling.invertedEvaluations(steps: 7))
  }

  /// Between two noises lies what is as strong as they are.
  @Test func spheresKeepTheStrength() throws {
    let (x, y) = (try normal([10000], seed: 1), try normal([10000], seed: 2))
    for part in [0, 0.25, 0.5, 1] {
      let between = try Sampling.spherical(x, y, part: part)
      #expect(abs(try between.square().mean().item() - 1) < 0.05)
    }
    #expect(try difference(Sampling.spherical(x, y, part: 0), x) == 0)
    #expect(try difference(Sampling.spherical(x, y, part: 1), y) < 1e-6)
    #expect(try difference(Sampling.spherical(x, x, part: 0.3), x) < 1e-6)
    #expect(try Sampling.spherical(x * 0, y * 0, part: 0.3).abs().max().item() == 0)
  }
}

@Suite struct StrengthTests {
  /// All of the levels, the last half of them, one, none; never a step much smaller than the others.
  @Test func strengthTakesTheEnd() {
    let sigmas = SigmaSchedule.karras(steps: 20, min: 0.002, max: 80)
    func end(_ strength: Double) -> [Double] { SigmaSchedule.end(of: sigmas, strength: strength) }
    #expect(zip(end(1), sigmas).allSatisfy { abs($0 - $1) <= 1e-12 * $1 } && end(1).count == 21)
    #expect(zip(end(0.5), sigmas[10...]).allSatisfy { abs($0 - $1) <= 1e-12 * $1 })
    #expect(end(0) == [0])
    #expect(end(0.05).count == 2 && abs(end(0.05)[0] - 0.002) < 1e-12)
    #expect(abs(end(0.025)[0] - 0.001) < 1e-12)
    for strength in stride(from: 0.01, to: 1, by: 0.013) {
      let levels = end(strength)
      #expect(levels.last == 0)
      #expect(zip(levels, levels.dropFirst()).allSatisfy { $0 > $1 })
      #expect(abs(levels.count - 1 - Int((20 * strength).rounded())) <= 1)
      let steps = zip(levels.dropLast(), levels.dropFirst().dropLast()).map { log($0 / $1) }
      if let least = steps.min() { #expect(least > 0.15) }
    }
  }
}

@Suite struct VariationTests {
  let generator: Generator
  init() throws { generator = Generator(model: try GeneratorTests.model()) }

  /// As long as the sound, at the model's rate and on its channels.
  @Test(arguments: [(8000, 2, 1), (8000, 1, 63), (8000, 1, 12345), (44100, 3, 20001)])
  func fitsTheSound(_ rate: Int, _ channels: Int, _ samples: Int) throws {
    let old = sound(
      seconds: (Double(samples) + 0.5) / Double(rate), sampleRate: rate, channels: channels)
    #expect(old.sampleCount == samples)
    for strength in [0, 0.3] {
      let new = try generator.variation(of: old, strength: strength, seed: 1)
      #expect(new.sampleCount == max(1, Int((Double(samples) * 8000 / Double(rate)).rounded())))
      #expect(new.sampleRate == 8000 && new.channelCount == 2)
      #expect(new.channels.joined().allSatisfy { $0.isFinite })
    }
  }

  /// Strength 0 is the way through the spectrogram and back, and evaluates nothing.
  @Test func noStrengthIsARoundTrip() throws {
    let old = sound(seconds: 1, channels: 2)
    let new = try generator.variation(of: old, strength: 0, seed: 1) { _ in
      Issue.record("something was drawn")
    }
    let settings = generator.model.configuration.representation.spectrogram
    let planes = try old.arranged(as: .midSide).channels.map {
      try MelSpectrogram(settings).logMel(of: $0)
    }
    let inverted = try MelInverter(settings).audio(
      fromLogMel: planes, seed: 1, sampleCount: old.sampleCount)
    let expected = AudioBuffer(mid: inverted[0], side: inverted[1], sampleRate: 8000)
    #expect(new == expected.limited(toPeak: 0.98))
  }

  /// The stronger, the farther from the sound; seed and label decide. (From noise alone, weights that no
  /// training has made draw nothing that is far from anything.)
  @Test func strengthAndSeedDecide() throws {
    let old = sound(seconds: 1, channels: 2)
    func new(_ strength: Double, _ seed: UInt64 = 1, _ label: String? = nil) throws -> AudioBuffer {
      var options = Generator.Options()
      (options.label, options.steps) = (label.map { LabelMix($0) }, 10)
      // What such weights make of noise that is added on the way is not music either.
      options.sampler = .dpmSolver2M
      return try generator.variation(of: old, strength: strength, seed: seed, options: options)
    }
    #expect(try new(0.4) == new(0.4))
    #expect(try new(0.4) != new(0.4, 2))
    #expect(try new(0.4) != new(0.4, 1, "bass"))
    let mel = try MelSpectrogram(generator.model.configuration.representation.spectrogram)
    let distances = try [0, 0.2, 0.5].map { strength in
      distance(
        mel.logMel(of: try new(strength).channels[0]).values,
        mel.logMel(of: old.channels[0]).values)
    }
    for (weaker, stronger) in zip(distances, distances.dropFirst()) {
      #expect(weaker < stronger)
    }
  }

  @Test(arguments: [-0.01, 1.01, .nan])
  func impossibleStrengthsAreErrors(_ strength: Double) {
    #expect(throws: ModelError.invalidArgument("--strength must be 0 to 1")) {
      try generator.variation(of: sound(seconds: 1), strength: strength, seed: 1)
    }
  }

  // MARK: - Interpolation

  private func interpolation(
    _ first: AudioBuffer, _ last: AudioBuffer, steps: Int, count: Int = 3
  ) throws -> [[Spectrogram]] {
    var options = Generator.Options()
    options.steps = steps
    var pieces: [[Spectrogram]] = []
    var seen = (evaluations: 0, total: 0)
    try generator.interpolation(
      from: first, to: last, count: count, seed: 1, options: options,
      onProgress: { seen = ($0.evaluations, $0.totalEvaluations) },
      onLogMel: { number, planes, _ in
        #expect(number == pieces.count)
        pieces.append(planes)
      })
    #expect(seen.evaluations == seen.total && seen.total > 0)
    return pieces
  }

  /// The ends are near to the two sounds, the nearer the more steps; over several windows.
  @Test func endsAreNear() throws {
    let (first, last) = (
      sound(seconds: 0.6, channels: 2), sound(seconds: 0.7, frequency: 900, channels: 2, seed: 3)
    )
    let mel = try MelSpectrogram(generator.model.configuration.representation.spectrogram)
    func heard(_ audio: AudioBuffer) -> [Float] {
      audio[0..<first.sampleCount].arranged(as: .midSide).channels.flatMap {
        mel.logMel(of: $0).values
      }
    }
    let apart = distance(heard(first), heard(last))
    var errors: [Float] = []
    for steps in [16, 64] {
      let pieces = try interpolation(first, last, steps: steps)
      #expect(pieces.count == 3)
      let ends = [
        distance(pieces[0].flatMap(\.values), heard(first)),
        distance(pieces[2].flatMap(\.values), heard(last)),
      ]
      errors.append(ends.max()!)
      let middle = pieces[1].flatMap(\.values)
      #expect(distance(middle, heard(first)) > 2 * ends[0])
      #expect(distance(middle, heard(last)) > 2 * ends[1])
    }
    #expect(errors[1] < 0.05 * apart)
    #expect(errors[1] < errors[0])
  }

  @Test func interpolationsAreAsLongAsTheShorter() throws {
    var lengths: [Int] = []
    try generator.interpolation(
      from: sound(seconds: 0.5, sampleRate: 16000), to: sound(seconds: 0.3), count: 2, seed: 1
    ) { number, piece in
      #expect(number == lengths.count && piece.channelCount == 2 && piece.sampleRate == 8000)
      lengths.append(piece.sampleCount)
    }
    #expect(lengths == [2400, 2400])
    #expect(throws: ModelError.self) {
      try generator.interpolation(
        from: sound(seconds: 0.5), to: sound(seconds: 0.3), count: 1, seed: 1
      ) { _, _ in }
    }
  }

  /// Root of the mean square of the differences.
  private func distance(_ a: [Float], _ b: [Float]) -> Float {
    let sum = zip(a, b).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (sum / Float(a.count)).squareRoot()
  }
}
