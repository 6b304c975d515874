import Audio
import Testing

@Suite struct NormalizationTests {
  @Test(
    arguments: [
      ("-14 LUFS", .loudness(-14)), ("-14lufs", .loudness(-14)),
      (" -16.5  Lufs ", .loudness(-16.5)),
      ("-1 dB", .peak(-1)), ("-1dBFS", .peak(-1)), ("peak -1", .peak(-1)),
      ("peak -3 dBFS", .peak(-3)),
      ("0 dB", .peak(0)), ("Peak-0.5", .peak(-0.5)),
    ] as [(String, NormalizationTarget)])
  func reads(_ text: String, _ target: NormalizationTarget) {
    #expect(NormalizationTarget(text) == target)
    #expect(NormalizationTarget(target.description) == target)
  }

  @Test(arguments: [
    "", "-14", "LUFS", "loud", "1 dB", "0 LUFS", "-71 LUFS", "-100 dB", "nan dB", "-inf dBFS",
    "peak", "peak -1 LUFS", "--1 dB", "-1 dB now", "1e1 dB", "-1 dBTP", "-1４ LUFS",
  ])
  func refuses(_ text: String) {
    #expect(NormalizationTarget(text) == nil)
  }

  @Test(arguments: [-14.0, -23, -30])
  func loudness(_ lufs: Double) throws {
    let sound = tone(channelCount: 2, sampleCount: 96000, amplitude: 0.05)
    let result = try sound.normalized(to: .loudness(lufs))
    #expect(result.outcome == .reached)
    let value = try #require(try result.audio.loudness().integrated.value)
    #expect(abs(value - lufs) < 0.01)
    let before = try #require(try sound.loudness().integrated.value)
    #expect(abs(result.gain - (lufs - before)) < 1e-9)
  }

  /// A click over a faint tone cannot become loud without clipping.
  @Test func truePeakHoldsBack() throws {
    var sound = tone(sampleCount: 96000, amplitude: 0.01)
    sound.channels[0][48000] = 0.5
    let result = try sound.normalized(to: .loudness(-14))
    #expect(result.outcome == .heldBack)
    #expect(abs(try result.audio.loudness().truePeak + 1) < 0.01)
    let lower = try sound.normalized(to: .loudness(-14, truePeakLimit: -6))
    #expect(abs(result.gain - lower.gain - 5) < 1e-9)
  }

  @Test(arguments: [0.0, -1, -6.02, -40])
  func peak(_ level: Double) throws {
    let folder = try TemporaryFolder()
    for seed in 0..<20 as Range<UInt64> {
      let sound = noise(seed: seed, sampleCount: 100, sampleRate: 48000)
      let result = try sound.normalized(to: .peak(level))
      #expect(abs(try result.audio.loudness().samplePeak - level) < 1e-5)
      #expect(result.outcome == .reached)
      let report = try result.audio.write(to: folder("a.wav"), overwrite: true)
      #expect(report.clippedCount == 0)
    }
  }

  @Test func whatHasNoLevelStays() throws {
    let silence = AudioBuffer(channels: [.init(repeating: 0, count: 48000)], sampleRate: 48000)
    for target in [NormalizationTarget.loudness(-14), .peak(-1)] {
      let result = try silence.normalized(to: target)
      #expect(result.audio == silence && result.gain == 0)
      #expect(result.outcome == .undefined(.silent))
    }
    let short = tone(sampleCount: 1000)
    let result = try short.normalized(to: .loudness(-14))
    #expect(result.audio == short && result.outcome == .undefined(.tooShort))
    #expect(try short.normalized(to: .peak(-1)).outcome == .reached)
  }

  @Test func nothingToDoChangesNothing() {
    let sound = noise(seed: 16, sampleCount: 1000, sampleRate: 48000)
    #expect(sound.amplified(by: 0) == sound)
  }
}
