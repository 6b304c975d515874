import Audio
import Foundation
import Testing

@Suite struct TrimmingTests {
  /// 0.1 s of silence, a tone that falls by 60 dB in 0.5 s and goes on falling, at 10 kHz.
  private func fading(noise: Float = 0) -> AudioBuffer {
    let silence = (0..<1000).map { $0 % 2 == 0 ? noise : -noise }
    let tone = (0..<9000).map { index in
      let time = Double(index) / 10_000
      return Float(0.5 * pow(10, -6 * time) * cos(2 * Double.pi * 1000 * time))
    }
    return AudioBuffer(channels: [silence + tone], sampleRate: 10_000)
  }

  @Test func silenceIsFound() throws {
    // The tone peaks every 5 samples; at 0.5 s it is 60 dB down.
    let trim = try #require(fading().trim())
    #expect(trim.first == 990 && trim.fadeIn == 10 && trim.fadeOut == 100)
    #expect(abs(trim.end - 100 - 6000) <= 5)
    // What lies 50 dB below the peak before the onset is noise.
    #expect(try #require(fading(noise: 0.0015).trim()).first == 990)
    #expect(try #require(fading(noise: 0.1).trim()).first == 0)
  }

  @Test func tailMovesWithTheLevel() throws {
    let trim = try #require(fading().trim(tail: -30))
    #expect(abs(trim.end - 100 - 3500) <= 5)
    // How loud all is does not matter.
    #expect(fading().scaled(by: 0.01).trim(tail: -30) == trim)
  }

  /// A noise that stays as it is to the end is told from what decays, and from what is loud.
  @Test func endingNoiseIsFound() throws {
    let tone = fading()
    #expect(tone.endingNoise == nil)
    func noisy(_ level: Double) -> AudioBuffer {
      let hiss = noise(seed: 1, sampleCount: 10_000, sampleRate: 10_000)
        .scaled(by: Float(0.5 * pow(10, level / 20)))
      return AudioBuffer(
        channels: [zip(tone.channels[0], hiss.channels[0]).map(+)], sampleRate: 10_000)
    }
    let quiet = noisy(-50)
    // With what is left of the tone.
    let level = try #require(quiet.endingNoise)
    #expect((-50.5 ... -48.5).contains(level))
    #expect(noisy(-30).endingNoise == nil)
    // Cut where the tone has sunk into it; by 60 dB nothing would be cut.
    #expect((4600...7000).contains(try #require(quiet.trim(tail: level + 1)).end))
    #expect(try #require(quiet.trim()).end == 10_000)
    #expect(AudioBuffer(channels: [[1, 0, 0]], sampleRate: 8000).endingNoise == nil)
    // What sinks into silence within the last third has none.
    let silent = tone.channels[0].prefix(7000) + [Float](repeating: 0, count: 3000)
    #expect(AudioBuffer(channels: [Array(silent)], sampleRate: 10_000).endingNoise == nil)
  }

  /// Every channel counts.
  @Test func channelsAreCutAlike() throws {
    var sound = fading().mixed(toChannels: 2)
    for index in sound.channels[0].indices { sound.channels[0][index] = 0 }
    #expect(sound.trim() == fading().trim())
  }

  @Test func silenceHasNoPart() {
    #expect(AudioBuffer(channels: [[0, 0, 0]], sampleRate: 8000).trim() == nil)
    #expect(AudioBuffer(channels: [[]], sampleRate: 8000).trim() == nil)
  }

  @Test func endsAreFaded() throws {
    let sound = AudioBuffer(channels: [[Float](repeating: 1, count: 20)], sampleRate: 1000)
    let part = sound.trimmed(to: Trim(first: 2, end: 14, fadeIn: 2, fadeOut: 4)).channels[0]
    let rise = [0.25, 0.75].map { Float(0.5 - 0.5 * cos(.pi * $0)) }
    let fall = [0.875, 0.625, 0.375, 0.125].map { Float(0.5 - 0.5 * cos(.pi * $0)) }
    #expect(part == rise + [1, 1, 1, 1, 1, 1] + fall)
    #expect(sound.trimmed(to: Trim(first: 0, end: 20, fadeIn: 0, fadeOut: 0)) == sound)
  }

  @Test(arguments: [
    Trim(first: -1, end: 5, fadeIn: 0, fadeOut: 0), Trim(first: 3, end: 3, fadeIn: 0, fadeOut: 0),
    Trim(first: 0, end: 11, fadeIn: 0, fadeOut: 0), Trim(first: 0, end: 5, fadeIn: 6, fadeOut: 0),
    Trim(first: 0, end: 5, fadeIn: 0, fadeOut: -1),
  ])
  func impossiblePartsDoNotFit(_ trim: Trim) { #expect(!trim.fits(10)) }
}

@Suite struct MomentaryLoudnessTests {
  private func sine(
    _ seconds: Double, amplitude: Double = 0.5, rate: Int = 48000, channels: Int = 1
  )
    -> AudioBuffer
  {
    let samples = (0..<Int(seconds * Double(rate))).map {
      Float(amplitude * sin(2 * Double.pi * 1000 * Double($0) / Double(rate)))
    }
    return AudioBuffer(channels: [samples], sampleRate: rate).mixed(toChannels: channels)
  }

  /// A steady tone is as loud in 400 ms as in all; at any rate.
  @Test(arguments: [8000, 22050, 48000, 96000])
  func steadyTonesHaveTheirLoudness(_ rate: Int) throws {
    let tone = sine(2, rate: rate, channels: 2)
    let integrated = try #require(try tone.loudness().integrated.value)
    #expect(abs(try tone.momentaryLoudness() - integrated) < 0.05)
  }

  /// EBU Tech 3341: energy over 400 ms, so that half of that is 3.01 LU less.
  @Test func shortSoundsCountByTheirEnergy() throws {
    let whole = try sine(0.4).momentaryLoudness()
    #expect(abs(try sine(0.2).momentaryLoudness() - whole + 3.01) < 0.05)
    #expect(abs(try sine(0.04).momentaryLoudness() - whole + 10) < 0.2)
    #expect(abs(try sine(0.04, amplitude: 0.05).momentaryLoudness() - whole + 30) < 0.2)
  }

  /// What comes before and behind does not change the loudest part.
  @Test func silenceAroundDoesNotCount() throws {
    let short = sine(0.1)
    let silence = [Float](repeating: 0, count: 30_000)
    let long = AudioBuffer(
      channels: [silence + short.channels[0] + silence], sampleRate: 48000)
    #expect(abs(try long.momentaryLoudness() - short.momentaryLoudness()) < 0.05)
    #expect(
      try AudioBuffer(channels: [silence], sampleRate: 48000).momentaryLoudness() == -.infinity)
  }
}
