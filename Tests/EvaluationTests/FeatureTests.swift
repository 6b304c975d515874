import Evaluation
import Foundation
import Spectro
import Testing

/// Reference: scripts/goldens/evaluation.py.
@Suite struct FeatureTests {
  private struct Chroma: Decodable {
    struct Bank: Decodable {
      var sampleRate: Int
      var fftSize: Int
      var bins: [Int]
      var weights: [Float]
    }
    var banks: [Bank]
  }

  private struct Keys: Decodable {
    var profiles: [[Double]]
    var clarity: [Double]
  }

  private struct OnsetGolden: Decodable {
    struct Pick: Decodable {
      var before: Int
      var after: Int
      var meanBefore: Int
      var meanAfter: Int
      var delta: Double
      var wait: Int
      var peaks: [Int]
    }
    var bands: Int
    var levels: [Float]
    var strength: [Double]
    var picks: [Pick]
    var regularity: Double
  }

  @Test func chromaIsLibrosas() throws {
    let golden: Chroma = try loadGolden("chroma")
    for expected in golden.banks {
      let bank = ChromaFilterBank(sampleRate: expected.sampleRate, fftSize: expected.fftSize)
      for note in 0..<12 {
        for (index, bin) in expected.bins.enumerated() {
          let weight = expected.weights[note * expected.bins.count + index]
          #expect(abs(bank.weights[note * bank.bins + bin] - weight) < 1e-6)
        }
      }
    }
  }

  @Test func keyClarityIsNumpys() throws {
    let golden: Keys = try loadGolden("keys")
    for (profile, clarity) in zip(golden.profiles, golden.clarity) {
      #expect(abs(Key.clarity(of: profile) - clarity) < 1e-10)
    }
    #expect(Key.clarity(of: [Double](repeating: 1.0 / 12, count: 12)) == 0)
  }

  @Test func onsetsAreLibrosas() throws {
    let golden: OnsetGolden = try loadGolden("onsets")
    let levels = Spectrogram(
      values: golden.levels, frames: golden.levels.count / golden.bands, bins: golden.bands)
    let strength = Onsets.strength(levels)
    for (value, expected) in zip(strength, golden.strength) {
      #expect(abs(value - expected) < 1e-6)
    }
    for pick in golden.picks {
      let peaks = Onsets.peaks(
        golden.strength, before: pick.before, after: pick.after, meanBefore: pick.meanBefore,
        meanAfter: pick.meanAfter, delta: pick.delta, wait: pick.wait)
      #expect(peaks == pick.peaks)
    }
    let regularity = try #require(Onsets.regularity(golden.strength, lags: 11...65))
    #expect(abs(regularity - golden.regularity) < 1e-9)
  }

  private struct FlatnessGolden: Decodable {
    var powers: [[Float]]
    var logarithms: [Double]
  }

  @Test func flatnessIsLibrosas() throws {
    let golden: FlatnessGolden = try loadGolden("flatness")
    for (powers, expected) in zip(golden.powers, golden.logarithms) {
      let value = try #require(Flatness.logarithm(of: powers, silence: 0))
      #expect(abs(value - expected) < 1e-5)
    }
    #expect(Flatness.logarithm(of: [1e-12, 1e-12], silence: 1e-10) == nil)
  }

  /// A swing of height 1 has the power 1 in its octave, and hardly any two octaves away.
  @Test func modulationOfASwing() {
    let rate = 43.0
    for (octave, frequency) in [0.5, 1, 2, 4, 8].enumerated() {
      let levels = Spectrogram(
        values: (0..<430).flatMap { frame -> [Float] in
          // In the middle of an octave of three frequencies.
          let swing = Float(sin(2 * .pi * frequency * pow(2, 1.0 / 3) * Double(frame) / rate))
          return [swing + 5, 3]
        }, frames: 430, bins: 2)
      let spectrum = Modulation(frameRate: rate).spectrum(levels, groups: 2)
      let powers = spectrum.map { exp(Double($0)) }
      // Of three frequencies one is met.
      #expect(powers[octave] > 0.33 && powers[octave] < 0.7)
      for other in 0..<5 where abs(other - octave) > 1 { #expect(powers[other] < 0.01) }
      for other in 5..<10 { #expect(abs(powers[other] - 1e-4) < 1e-6) }
    }
  }

  /// What can be counted by hand: a scale of C major in even notes, and the same with noise in place of it.
  @Test func traitsOfAScale() throws {
    let analyzer = try WindowAnalyzer(sampleRate: rate)
    let pitches = [60, 62, 64, 65, 67, 69, 71, 72]
    let samples = (0..<rate * 4).map { index -> Float in
      let time = Double(index) / Double(rate)
      let age = time.truncatingRemainder(dividingBy: 0.5)
      let frequency = 440 * pow(2, Double(pitches[Int(time * 2)] - 69) / 12)
      return Float(0.3 * exp(-5 * age) * min(1, 300 * age) * sin(2 * .pi * frequency * age))
    }
    let traits = analyzer.analyze(samples).traits
    let inScale = [0, 2, 4, 5, 7, 9, 11].reduce(0) { $0 + traits.pitchClasses[$1] }
    // The filters are a semitone wide: what lies between two notes of the scale gets some.
    #expect(inScale > 0.8)
    #expect(traits.keyClarity > 0.8)
    #expect(traits.pitchClassesAtOnce < 3)
    // The first note begins with the window, which may show or not.
    #expect((7...8).contains(Int((traits.onsetRate * 4).rounded())))
    #expect(traits.tempoRegularity > 0.8)
    #expect(!traits.isSilent)

    var chance = Chance(state: 7)
    let noise = samples.map { _ in Float(0.1 * (chance.next() - 0.5)) }
    let ofNoise = analyzer.analyze(noise).traits
    #expect(ofNoise.keyClarity < traits.keyClarity)
    #expect(ofNoise.pitchClassesInUse > 11)
    #expect(ofNoise.onsetRate < 0.6)
    #expect(analyzer.analyze([Float](repeating: 0, count: rate)).traits.isSilent)
  }
}
