import Audio
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
    // The random starts of one seed can be 1.5 dB better or worse than those of another.
    let convergences = try (0..<8).map { seed in
      let audio = try inverter.audio(
        fromLogMel: logMel, seed: UInt64(seed), sampleCount: samples.count)
      return 20 * log10(mel.stft.spectralConvergence(of: audio, to: wanted))
    }
    #expect(convergences.reduce(0, +) / 8 < (name == "bursts" ? -7 : -16.5))

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
    let errors = zip(again.values, logMel.values).map {
      abs(log(max($0, Float(settings.floor))) - $1)
    }
    #expect(errors.reduce(0, +) / Float(errors.count) < 0.05)
  }

  /// Mel values at the floor are anything below it; they come back as nothing, also beside a sound.
  @Test func silenceComesBackAsSilence() throws {
    let (mel, inverter) = (try MelSpectrogram(Self.settings), try MelInverter(Self.settings))
    let silence = [Float](repeating: 0, count: 8000)
    #expect(try inverter.audio(fromLogMel: mel.logMel(of: silence)).allSatisfy { $0 == 0 })
    let audio = try inverter.audio(fromLogMel: mel.logMel(of: Signals.chords + silence))
    #expect(audio.suffix(6000).allSatisfy { $0 == 0 })
    #expect(audio.prefix(8000).contains { abs($0) > 0.1 })
  }

  /// No filter sees 0 Hz, but what is there leaks into bins that are seen. With that bin held at nothing
  /// a slow swing is lost but for 2 dB.
  @Test func slowSwingsComeBack() throws {
    let (mel, inverter) = (try MelSpectrogram(Self.settings), try MelInverter(Self.settings))
    let swing = (0..<Signals.sampleCount).map { t in
      Float(
        0.5 * exp(-Double(t - Signals.sampleCount / 2) * Double(t - Signals.sampleCount / 2) / 4e6))
    }
    let audio = try inverter.audio(fromLogMel: mel.logMel(of: swing), sampleCount: swing.count)
    let wanted = mel.stft.magnitudes(of: swing)
    #expect(20 * log10(mel.stft.spectralConvergence(of: audio, to: wanted)) < -5)
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

  /// Twenty minutes, made as they are asked for, in a process of its own, so that the peak of memory
  /// is the inversion's. The samples alone would be 38 MB, the log-mel spectrogram 14.
  @Test func anyLengthTakesLittleMemory() async {
    await #expect(processExitsWith: .success) {
      let settings = SpectrogramSettings(
        sampleRate: 8000, fftSize: 512, hopLength: 256, melBins: 96)
      let inverter = try MelInverter(settings, threads: 1)
      let frames = 20 * 60 * 8000 / 256
      var (read, written) = (0, 0)
      func invert(frames: Int) throws {
        (read, written) = (0, 0)
        try inverter.audio(frames: frames, channels: 1, iterations: 1) { frames in
          #expect(frames.lowerBound == read)
          read = frames.upperBound
          let values = (0..<frames.count * 96).map { Float(($0 + $0 / 96) % 7) - 9 }
          return [Spectrogram(values: values, frames: frames.count, bins: 96)]
        } write: {
          written += $0[0].count
        }
      }
      try invert(frames: 4000)
      let before = try peakMemory()
      try invert(frames: frames)
      #expect(read == frames && written == (frames - 1) * 256)
      #expect(try peakMemory() - before < 4_000_000)
    }
  }

  /// Three stretches of a minute and the quarter that each works on ahead: where they meet, the sound
  /// is as near to the original as elsewhere, and steps no more.
  @Test func longPiecesHaveNoSeams() throws {
    let settings = SpectrogramSettings(
      sampleRate: Signals.sampleRate, fftSize: 256, hopLength: 64, melBins: 64)
    let (mel, inverter) = (try MelSpectrogram(settings), try MelInverter(settings))
    let stretch = 1024 * 64
    // The voice over and over, each time a little faster.
    let samples = (0..<stretch * 7 / 2).map { t in
      let time = Double(t) * (1 + 1e-7 * Double(t))
      return Signals.voice[Int(time) % Signals.sampleCount]
    }
    let logMel = mel.logMel(of: samples)
    let audio = try inverter.audio(fromLogMel: logMel, sampleCount: samples.count)
    #expect(audio.count == samples.count)
    let whole = try MelInverter(settings, stretchLength: logMel.frames)
      .audio(fromLogMel: logMel, sampleCount: samples.count)
    #expect(whole != audio)

    func convergence(_ range: Range<Int>, of audio: [Float]) -> Double {
      mel.stft.spectralConvergence(
        of: Array(audio[range]), to: mel.stft.magnitudes(of: Array(samples[range])))
    }
    func largestStep(_ range: Range<Int>) -> Float {
      range.map { abs(audio[$0] - audio[$0 - 1]) }.max()!
    }
    // As good as in one stretch, within a tenth of a decibel.
    let all = 1024..<samples.count - 1024
    #expect(convergence(all, of: audio) < 1.0116 * convergence(all, of: whole))

    let around = 24 * 64
    let elsewhere = (1...6).map { Double(stretch) * (Double($0) * 0.4 + 0.15) }.map { Int($0) }
    let typical = elsewhere.map { convergence($0 - around..<$0 + around, of: audio) }
    let mean = typical.reduce(0, +) / Double(typical.count)
    for joint in [stretch, 2 * stretch] {
      let here = joint - around..<joint + around
      #expect(convergence(here, of: audio) < 1.25 * mean)
      #expect(convergence(here, of: audio) < 1.25 * convergence(here, of: whole))
      #expect(largestStep(joint - around..<joint + around) < 1.1 * largestStep(1..<stretch / 2))
    }
  }

  /// Phases are integrated without a cut: a steady tone that changed its phase somewhere would be
  /// weaker there, and no pass mends that.
  @Test func steadyTonesHoldThroughout() throws {
    let settings = SpectrogramSettings(
      sampleRate: 8000, fftSize: 512, hopLength: 128, melBins: 128)
    let mel = try MelSpectrogram(settings)
    let steps = [311.0, 523, 784, 1175, 1661].map { 2 * .pi * $0 / 8000 }
    let samples: [Float] = (0..<1600 * 128).map { t in
      steps.reduce(0) { $0 + 0.1 * Float(sin($1 * Double(t))) }
    }
    let audio = try MelInverter(settings).audio(
      fromLogMel: mel.logMel(of: samples), sampleCount: samples.count)
    let errors = stride(from: 32, to: 1568, by: 32).map { frame in
      let range = (frame - 16) * 128..<(frame + 16) * 128
      return mel.stft.spectralConvergence(
        of: Array(audio[range]), to: mel.stft.magnitudes(of: Array(samples[range])))
    }
    #expect(errors.max()! < 2 * errors.sorted()[errors.count / 2])
  }

  /// A stream's two channels are those that one call each gives.
  @Test func streamsChannelsAsOneCallEach() throws {
    let (mel, inverter) = (try MelSpectrogram(Self.settings), try MelInverter(Self.settings))
    let channels = [Signals.chords, Signals.voice].map(mel.logMel)
    var streamed: [[Float]] = [[], []]
    try inverter.audio(frames: channels[0].frames, channels: 2, iterations: 2) { frames in
      channels.map {
        let range = frames.lowerBound * $0.bins..<frames.upperBound * $0.bins
        return Spectrogram(values: Array($0.values[range]), frames: frames.count, bins: $0.bins)
      }
    } write: {
      for channel in 0..<2 { streamed[channel] += $0[channel] }
    }
    #expect(try streamed == channels.map { try inverter.audio(fromLogMel: $0, iterations: 2) })
  }

  @Test func streamRefusesOtherShapes() throws {
    let inverter = try MelInverter(Self.settings)
    let frame = Spectrogram(values: [Float](repeating: -9, count: 96), frames: 1, bins: 96)
    func stream(_ answer: [Spectrogram]) throws {
      try inverter.audio(frames: 2, channels: 1, read: { _ in answer }, write: { _ in })
    }
    #expect(throws: SpectroError.invalidSpectrogram("1 frames where 2 belong")) {
      try stream([frame])
    }
    #expect(throws: SpectroError.invalidSpectrogram("2 channels where 1 belong")) {
      try stream([frame, frame])
    }
  }

  /// Real drum loops: as many frames as hops, as many samples as before, and at the joint the sound is
  /// as smooth and as near to the original as elsewhere.
  @Test(arguments: [("house-126bpm-1", 480), ("breakbeat-120bpm-1", 441)])
  func loopsHaveNoJoint(_ name: String, hopLength: Int) throws {
    let samples = try loop(name)
    let settings = SpectrogramSettings(sampleRate: 22050, hopLength: hopLength)
    let mel = try MelSpectrogram(settings, boundary: .circular)
    let inverter = try MelInverter(settings, boundary: .circular)
    let logMel = mel.logMel(of: samples)
    #expect(logMel.frames * hopLength == samples.count)
    let audio = try inverter.audio(fromLogMel: logMel)
    #expect(audio.count == samples.count)

    /// In the 0.4 s around a sample, taken out of the endless loop.
    func convergence(of audio: [Float], around sample: Int) -> Double {
      func part(_ signal: [Float]) -> [Float] {
        (sample - 4096..<sample + 4096).map { signal[($0 + signal.count) % signal.count] }
      }
      let stft = STFT(hopLength: hopLength)
      return stft.spectralConvergence(of: part(audio), to: stft.magnitudes(of: part(samples)))
    }
    func step(_ audio: [Float], at sample: Int) -> Float {
      // Against a straight line through the samples before.
      let count = audio.count
      let before = audio[(sample + count - 1) % count]
      return abs(audio[sample] - 2 * before + audio[(sample + count - 2) % count])
    }
    let steps = samples.indices.map { step(audio, at: $0) }
    let beats = (1...7).map { $0 * samples.count / 8 }
    let elsewhere = beats.map { convergence(of: audio, around: $0) }
    #expect(steps[0] < 4 * beats.flatMap { steps[$0 - 64..<$0 + 64] }.max()!)
    #expect(convergence(of: audio, around: 0) < 1.1 * elsewhere.max()!)
  }

  /// Tones that sound across the joint: the sound after it goes on as a sine does, which an inversion
  /// that does not know of the loop misses by far.
  @Test func steadyLoopsGoOn() throws {
    let count = 93 * 128
    let samples = (0..<count).map { t -> Float in
      let turn = 2 * Double.pi * Double(t) / Double(count)
      let tones = [211.0, 423, 640, 977].map { sin($0 * turn) }
      return Float(0.2 * tones.reduce(0, +))
    }
    /// How far a sample is off the straight line through the two before.
    func bend(_ audio: [Float], at t: Int) -> Float {
      let (last, before) = (audio[(t + count - 1) % count], audio[(t + count - 2) % count])
      return abs(audio[t] - 2 * last + before)
    }
    func bendAtJoint(_ boundary: STFT.Boundary) throws -> Float {
      let mel = try MelSpectrogram(Self.settings, boundary: boundary)
      let audio = try MelInverter(Self.settings, boundary: boundary)
        .audio(fromLogMel: mel.logMel(of: samples), sampleCount: count)
      let elsewhere = (1000..<count - 1000).map { bend(audio, at: $0) }.max()!
      return max(bend(audio, at: 0), bend(audio, at: 1)) / elsewhere
    }
    #expect(try bendAtJoint(.circular) < 1)
    #expect(try bendAtJoint(.reflection) > 2)
  }

  /// A loop may begin anywhere: its log-mel spectrogram turns with it.
  @Test func loopsTurn() throws {
    let samples = Array(Signals.chords.prefix(93 * 128))
    let mel = try MelSpectrogram(Self.settings, boundary: .circular)
    let logMel = mel.logMel(of: samples)
    #expect(logMel.frames == 93)
    let turned = mel.logMel(of: Array(samples.suffix(43 * 128) + samples.prefix(50 * 128)))
    #expect(turned.values == Array(logMel.values.suffix(43 * 96) + logMel.values.prefix(50 * 96)))
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

  /// A loop of samples/clips, one channel.
  private func loop(_ name: String) throws -> [Float] {
    let tests = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
      .deletingLastPathComponent().deletingLastPathComponent()
    let clips = tests.deletingLastPathComponent().appendingPathComponent("samples/clips/loop")
    return try AudioBuffer(contentsOf: clips.appendingPathComponent("\(name).flac").path).channels[
      0]
  }
}
