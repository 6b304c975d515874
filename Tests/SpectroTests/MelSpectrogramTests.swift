import Foundation
import Spectro
import Testing

@Suite struct MelSpectrogramTests {
  struct Golden: Decodable {
    struct Case: Decodable {
      var power: Double
      var values: [Float]
    }
    var sampleRate, fftSize, hopLength, melBins: Int
    var samples: [Float]
    var cases: [Case]
  }

  /// Reference: scripts/goldens/spectro.py, librosa's mel spectrogram with our scale and logarithm.
  @Test func matchesLibrosa() throws {
    let golden: Golden = try loadGolden("mel")
    for reference in golden.cases {
      let settings = SpectrogramSettings(
        sampleRate: golden.sampleRate, fftSize: golden.fftSize, hopLength: golden.hopLength,
        melBins: golden.melBins, power: reference.power, floor: 1e-8)
      let mel = try MelSpectrogram(settings)
      let logMel = mel.logMel(of: golden.samples)
      let scale = Float(pow(mel.magnitudeScale, reference.power))
      let expected = reference.values.map { log(max($0 * scale, 1e-8)) }
      #expect(logMel.frames == 1 + golden.samples.count / golden.hopLength)
      #expect(distance(logMel.values, expected) < 2e-5)

      let linear = mel.stft.magnitudes(of: golden.samples, power: reference.power)
      let product = mel.filterBank.apply(linear).values
      for (ours, theirs) in zip(product, reference.values) {
        #expect(abs(ours - theirs) <= 3e-5 * theirs)
      }
    }
  }

  /// A sine on a bin's frequency, in a steady frame, has the magnitude 1.
  @Test func fullScaleSineIsTheReference() throws {
    let mel = try MelSpectrogram(SpectrogramSettings())
    let bin = 100
    let samples = (0..<8192).map { Float(sin(2 * .pi * Double(bin * $0) / 2048)) }
    let magnitudes = mel.stft.magnitudes(of: samples)
    #expect(abs(Double(magnitudes[8, bin]) * mel.magnitudeScale - 1) < 1e-5)
  }

  @Test func silenceIsTheFloor() throws {
    let settings = SpectrogramSettings(fftSize: 512, hopLength: 128, melBins: 32)
    let logMel = try MelSpectrogram(settings).logMel(of: [Float](repeating: 0, count: 2000))
    #expect(Set(logMel.values) == [log(Float(settings.floor))])
  }

  @Test func loudnessIsKept() throws {
    let mel = try MelSpectrogram(
      SpectrogramSettings(sampleRate: 8000, fftSize: 512, hopLength: 128, melBins: 32))
    let loud = mel.logMel(of: Signals.bursts).values
    let quiet = mel.logMel(of: Signals.bursts.map { $0 / 2 }).values
    #expect(distance(loud, quiet.map { $0 + log(4) }) < 1e-4)
  }

  @Test func resultDoesNotDependOnThreads() throws {
    let settings = SpectrogramSettings(sampleRate: 8000, fftSize: 256, hopLength: 64, melBins: 40)
    let results = try [1, 2, 5].map {
      try MelSpectrogram(settings, threads: $0).logMel(of: Signals.chords)
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  @Test func refusesSettingsThatCannotBe() {
    typealias Change = @Sendable (inout SpectrogramSettings) -> Void
    let changes: [Change] = [
      { $0.sampleRate = 0 }, { $0.fftSize = 0 }, { $0.fftSize = 513 }, { $0.hopLength = 0 },
      { $0.hopLength = 1025 }, { $0.melBins = 0 }, { $0.minFrequency = -1 },
      { $0.minFrequency = 12000 }, { $0.maxFrequency = 11026 }, { $0.maxFrequency = .nan },
      { $0.power = 3 }, { $0.floor = 0 }, { $0.floor = .infinity },
    ]
    for change in changes {
      var settings = SpectrogramSettings()
      change(&settings)
      #expect(throws: SpectroError.self) { try MelSpectrogram(settings) }
      #expect(throws: SpectroError.self) { try MelInverter(settings) }
    }
  }

  @Test func settingsSurviveJSON() throws {
    let settings = SpectrogramSettings(minFrequency: 20, maxFrequency: 9000, melScale: .htk)
    let data = try JSONEncoder().encode(settings)
    #expect(try JSONDecoder().decode(SpectrogramSettings.self, from: data) == settings)
  }
}
