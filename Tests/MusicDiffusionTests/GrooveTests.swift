import Audio
import MusicDiffusion
import Testing
import Torch

@Suite struct GrooveTests {
  /// Half bars while there is more noise than data, then bars, then nothing has its noise in common.
  @Test func noiseIsSharedByItsLevel() {
    let groove = Groove(bars: 2)
    #expect(groove.sources(frames: 8, level: 1.01) == [0, 1, 0, 1, 0, 1, 0, 1])
    #expect(groove.sources(frames: 8, level: 1) == [0, 1, 2, 3, 0, 1, 2, 3])
    #expect(groove.sources(frames: 8, level: 0.4) == Array(0..<8))
    #expect(
      Groove(bars: 1, beatsPerBar: 3).sources(frames: 9, level: 40) == [0, 1, 2, 0, 1, 2, 0, 1, 2])
  }

  /// Parts begin within half a frame of where they do in time.
  @Test(arguments: [30, 31, 345, 1000], [Groove(bars: 4), .init(bars: 3, beatsPerBar: 5)])
  func partsBeginInTime(_ frames: Int, _ groove: Groove) {
    let sources = groove.sources(frames: frames, level: 2)
    #expect(sources.count == frames && sources.allSatisfy { (0..<frames).contains($0) })
    let parts = groove.bars * (groove.beatsPerBar.isMultiple(of: 2) ? 2 : groove.beatsPerBar)
    let starts = sources.indices.filter { sources[$0] == 0 }
    #expect(starts.count == parts)
    for (number, start) in starts.enumerated() {
      #expect(abs(Double(start) - Double(number * frames) / Double(parts)) <= 0.5)
    }
  }

  /// Bars are more alike with a groove than without, and most where no noise is added between the steps; none
  /// of these is the other.
  @Test func barsAreAlike() throws {
    let generator = Generator(model: try GeneratorTests.model())
    func unlikeness(_ sampler: Sampler, _ groove: Groove?) throws -> Float {
      var options = Generator.Options()
      (options.sampler, options.steps, options.groove) = (sampler, 12, groove)
      let planes = try generator.logMel(
        .loop(sampleCount: 64 * 128), seeds: [1, 2, 3], options: options
      ).joined()
      return planes.reduce(0) { sum, plane in
        let half = plane.values.count / 2
        return sum + zip(plane.values, plane.values[half...]).reduce(0) { $0 + abs($1.0 - $1.1) }
      }
    }
    let groove = Groove(bars: 2)
    let free = try unlikeness(.dpmSolver2MSDE, nil)
    let varied = try unlikeness(.dpmSolver2MSDE, groove)
    let rigid = try unlikeness(.dpmSolver2M, groove)
    #expect(rigid < 0.7 * varied && varied < 0.8 * free, "\(rigid), \(varied), \(free)")
  }

  @Test func impossibleGroovesAreErrors() throws {
    let generator = Generator(model: try GeneratorTests.model())
    func draw(_ form: Generator.Form, _ groove: Groove) throws -> [AudioBuffer] {
      var options = Generator.Options()
      options.groove = groove
      return try generator.generate(form, seeds: [1], options: options)
    }
    #expect(try draw(.loop(sampleCount: 2100), Groove(bars: 1))[0].sampleCount == 2100)
    #expect(throws: ModelError.self) { try draw(.piece(seconds: 0.2), Groove(bars: 1)) }
    for groove in [Groove(bars: 0), .init(bars: 10_001), .init(bars: 1, beatsPerBar: 65)] {
      #expect(throws: ModelError.self) { try draw(.loop(sampleCount: 2100), groove) }
    }
    // Of 33 frames.
    #expect(throws: ModelError.self) { try draw(.loop(sampleCount: 2100), Groove(bars: 9)) }
    let loop = try draw(.loop(sampleCount: 2100), Groove(bars: 1))[0]
    var options = Generator.Options()
    options.groove = Groove(bars: 0)
    #expect(throws: ModelError.self) {
      try generator.variation(ofLoop: loop, strength: 0.5, seed: 1, options: options)
    }
    options.groove = Groove(bars: 1)
    #expect(
      try generator.variation(ofLoop: loop, strength: 0.5, seed: 1, options: options).sampleCount
        == 2100)
    #expect(throws: ModelError.self) {
      try generator.variation(of: loop, strength: 0.5, seed: 1, options: options)
    }
  }

  /// Whether a sampler adds noise is whether it asks for any.
  @Test(arguments: Sampler.allCases, [nil, 0, 0.5])
  func noiseIsAskedForWhereItIsSaid(_ sampler: Sampler, _ eta: Double?) throws {
    let silence = try Tensor.zeros([1, 1, 2, 2])
    for churn in [nil, Sampling.Churn(amount: 0), .init(amount: 10)] {
      let settings = Sampler.Settings(eta: eta, churn: churn)
      var asked = false
      _ = try sampler.sample(
        silence, sigmas: [2, 1, 0.5, 0], settings: settings,
        denoise: { x, _ in try x * 0.5 },
        noise: { _ in
          asked = true
          return silence
        })
      #expect(asked == sampler.addsNoise(settings), "\(sampler), \(settings)")
    }
  }
}
