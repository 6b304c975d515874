import Foundation
import Spectro
import Testing

@Suite struct MelInverterTests {
  static let settings = SpectrogramSettings(
    sampleRate: Signals.sampleRate, fftSize: 512, hopLength: 128, melBins: 96)

  /// What a listener gets: the magnitudes of the original, and its log-mel spectrogram.
  @Test(arguments: ["chords", "bursts", "voice"], [1.0, 2.0])
  func bringsTheSoundBack(_ name: String, power: Double) throws {
    var settings = Self.settings
    settings.power = power
    settings.floor = power == 2 ? 1e-11 : 3e-6
    let (mel, inverter) = (try MelSpectrogram(settings), try MelInverter(settings))
    let samples = try Signals.named(name)
    let logMel = mel.logMel(of: samples)
    let audio = try inverter.audio(fromLogMel: logMel, sampleCount: samples.count)
    let wanted = mel.stft.magnitudes(of: samples)
    let convergence = mel.stft.spectralConvergence(of: audio, to: wanted)
    #expect(20 * log10(convergence) < (name == "bursts" ? -7 : -17))

    // Decibels, where the original is within 60 dB of its loudest.
    let returned = mel.logMel(of: audio)
    let decibels = Float(settings.decibelsPerNeper)
    let top = logMel.values.max()!
    let errors = zip(logMel.values, returned.values)
      .filter { top - $0.0 < 60 / decibels }
      .map { abs($0.0 - $0.1) * decibels }
    #expect(errors.reduce(0, +) / Float(errors.count) < (name == "bursts" ? 1.5 : 1))
  }

  /// Holding every pass to the mel values beats passes from the same start that hold to the first
  /// guess of the magnitudes.
  @Test func beatsFixedMagnitudes() throws {
    let (mel, inverter) = (try MelSpectrogram(Self.settings), try MelInverter(Self.settings))
    let wanted = mel.stft.magnitudes(of: Signals.voice)
    let logMel = mel.logMel(of: Signals.voice)
    let held = try inverter.audio(fromLogMel: logMel, sampleCount: Signals.sampleCount)
    let fixed = GriffinLim(mel.stft).audio(
      from: try inverter.magnitudes(fromLogMel: logMel), sampleCount: Signals.sampleCount)
    #expect(
      mel.stft.spectralConvergence(of: held, to: wanted)
        < mel.stft.spectralConvergence(of: fixed, to: wanted))
  }

  /// The linear magnitudes have the mel values that they were made from.
  @Test(arguments: [1.0, 2.0]) func magnitudesAgreeWithTheMelValues(power: Double) throws {
    var settings = Self.settings
    (settings.power, settings.floor) = (power, power == 2 ? 1e-11 : 3e-6)
    let (mel, inverter) = (try MelSpectrogram(settings), try MelInverter(settings))
    let logMel = mel.logMel(of: Signals.chords)
    let linear = try inverter.magnitudes(fromLogMel: logMel, iterations: 50)
    #expect(linear.values.allSatisfy { $0 >= 0 && $0.isFinite })
    let scaled = linear.values.map { pow($0 * Float(mel.magnitudeScale), Float(power)) }
    let again = mel.filterBank.apply(
      Spectrogram(values: scaled, frames: linear.frames, bins: linear.bins))
    let errors = zip(again.values, logMel.values).map { abs(log(max($0, 1e-30)) - $1) }
    #expect(errors.reduce(0, +) / Float(errors.count) < 0.05)
  }

  @Test func startIsNonNegativeWhereFiltersAreEmpty() throws {
    var settings = Self.settings
    settings.melBins = 400
    let (mel, inverter) = (try MelSpectrogram(settings), try MelInverter(settings))
    let audio = try inverter.audio(fromLogMel: mel.logMel(of: Signals.chords), iterations: 4)
    #expect(audio.allSatisfy { $0.isFinite })
    #expect(audio.contains { abs($0) > 0.01 })
  }

  @Test func anyLength() throws {
    let (mel, inverter) = (try MelSpectrogram(Self.settings), try MelInverter(Self.settings))
    for sampleCount in [0, 1, 100, 513] {
      let logMel = mel.logMel(of: Signals.noise(sampleCount))
      let audio = try inverter.audio(fromLogMel: logMel, iterations: 2, sampleCount: sampleCount)
      #expect(audio.count == sampleCount && audio.allSatisfy { $0.isFinite })
    }
  }

  @Test func sameSeedSameSoundOnAnyThreads() throws {
    let logMel = try MelSpectrogram(Self.settings).logMel(of: Signals.bursts)
    func audio(threads: Int, seed: UInt64) throws -> [Float] {
      try MelInverter(Self.settings, threads: threads)
        .audio(fromLogMel: logMel, iterations: 3, seed: seed)
    }
    let signal = try audio(threads: 1, seed: 1)
    #expect(try signal == audio(threads: 2, seed: 1))
    #expect(try signal == audio(threads: 3, seed: 1))
    #expect(try signal != audio(threads: 1, seed: 2))
  }

  /// Twelve bytes for each sample and the mel values once more: no transform of the whole piece. In
  /// a process of its own, so that the peak of memory is the inversion's.
  @Test func longPiecesTakeLittleMemory() async {
    await #expect(processExitsWith: .success) {
      let frames = 20_000
      let logMel = Spectrogram(
        values: (0..<frames * 96).map { Float($0 % 7) - 9 }, frames: frames, bins: 96)
      let inverter = try MelInverter(Self.settings, threads: 1)
      let before = try peakMemory()
      let audio = try inverter.audio(fromLogMel: logMel, iterations: 1)
      let expected = 4 * (3 * audio.count + logMel.values.count)
      #expect(try peakMemory() - before < expected * 3 / 2)
    }
  }

  @Test func refusesWhatItCannotInvert() throws {
    let inverter = try MelInverter(Self.settings)
    let other = Spectrogram(values: [0, 0, 0, 0], frames: 1, bins: 4)
    #expect(throws: SpectroError.invalidSpectrogram("4 mel bins where 96 belong")) {
      try inverter.audio(fromLogMel: other)
    }
    for value in [Float.nan, .infinity, 1000] {
      let strange = Spectrogram(values: [Float](repeating: value, count: 96), frames: 1, bins: 96)
      #expect(throws: SpectroError.self) { try inverter.audio(fromLogMel: strange) }
    }
  }
}
