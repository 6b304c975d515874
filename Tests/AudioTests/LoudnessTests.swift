import Audio
import Foundation
import Testing

/// Signals and tolerances of EBU Tech 3341 (November 2023), table 1, and EBU Tech 3342, table 1.
@Suite struct LoudnessTests {
  /// Sines of 1 kHz, one after the other, in seconds and dBFS of each channel.
  private func loudness(_ parts: [(seconds: Double, levels: [Double])]) throws -> Loudness {
    let meter = try LoudnessMeter(sampleRate: 48000, channelCount: parts[0].levels.count)
    for part in parts {
      let tenth = AudioBuffer(
        channels: part.levels.map {
          tone(1000, sampleCount: 4800, amplitude: pow(10, $0 / 20)).channels[0]
        }, sampleRate: 48000)
      for _ in 0..<Int((part.seconds * 10).rounded()) { try meter.add(tenth) }
    }
    return try meter.finish()
  }

  private func stereo(_ seconds: Double, _ level: Double) -> (Double, [Double]) {
    (seconds, [level, level])
  }

  private func expect(
    _ loudness: Loudness, integrated: Double, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let value = try #require(loudness.integrated.value, sourceLocation: sourceLocation)
    #expect(abs(value - integrated) <= 0.1, sourceLocation: sourceLocation)
  }

  /// Tests 1 to 6 of Tech 3341: the level, both gates, and the weights of five channels.
  @Test func integrated() throws {
    try expect(loudness([stereo(20, -23)]), integrated: -23)
    try expect(loudness([stereo(20, -33)]), integrated: -33)
    try expect(
      loudness([stereo(10, -36), stereo(60, -23), stereo(10, -36)]), integrated: -23)
    try expect(
      loudness([
        stereo(10, -72), stereo(10, -36), stereo(60, -23), stereo(10, -36), stereo(10, -72),
      ]), integrated: -23)
    try expect(
      loudness([stereo(20, -26), stereo(20.1, -20), stereo(20, -26)]), integrated: -23)
    try expect(loudness([(20, [-28, -28, -24, -30, -30])]), integrated: -23)
  }

  /// Tests 1 to 4 of Tech 3342, within 1 LU.
  @Test func range() throws {
    for (levels, range) in [
      ([-20, -30], 10), ([-20, -15], 5), ([-40, -20], 20), ([-50, -35, -20, -35, -50], 15),
    ] as [([Double], Double)] {
      let loudness = try loudness(levels.map { stereo(20, $0) })
      #expect(abs(loudness.range - range) <= 1)
    }
  }

  /// Tests 15 to 19 of Tech 3341: peaks between the samples, within +0.2 and -0.4 dB.
  @Test(arguments: [
    (4.0, 0.0, 0.5, -6.0), (4, 45, 0.5, -6), (6, 60, 0.5, -6), (8, 67.5, 0.5, -6),
    (4, 45, 1.41, 3),
  ])
  func truePeak(period: Double, phase: Double, amplitude: Double, expected: Double) throws {
    let samples = (0..<48000).map { i in
      // Fades in and out over 10 ms: a hard start rings above the sine.
      let fade = min(1, Double(min(i, 47999 - i)) / 480)
      let angle = 2 * .pi * (Double(i) / period + phase / 360)
      return Float(amplitude * fade * sin(angle))
    }
    let loudness = try AudioBuffer(channels: [samples], sampleRate: 48000).loudness()
    #expect(loudness.truePeak <= expected + 0.2 && loudness.truePeak >= expected - 0.4)
    #expect(loudness.samplePeak <= loudness.truePeak + 1e-9)
  }

  private struct Golden: Decodable {
    struct Case: Decodable {
      let sampleRate, channels, seconds: Int
      let integrated: Double
    }
    let cases: [Case]
  }

  /// Reference: scripts/goldens/loudness.py.
  @Test func matchesPyloudnorm() throws {
    let json = try Data(contentsOf: URL(fileURLWithPath: golden("loudness.json")))
    for golden in try JSONDecoder().decode(Golden.self, from: json).cases {
      let count = golden.sampleRate * golden.seconds
      var sound = noise(
        seed: UInt64(golden.sampleRate), channelCount: golden.channels, sampleCount: count,
        sampleRate: golden.sampleRate)
      let swell = (0..<count).map { Float(pow(sin(.pi * Double($0) / Double(count)), 4)) }
      for c in sound.channels.indices {
        sound.channels[c] = zip(sound.channels[c], swell).map { $0 * $1 }
      }
      let value = try #require(try sound.loudness().integrated.value)
      #expect(abs(value - golden.integrated) < 0.1, "\(golden)")
    }
  }

  @Test(arguments: [1, 777, 4800, 100_000])
  func blocksEqualWhole(blockLength: Int) throws {
    for rate in [4000, 44100] {
      let sound = noise(seed: 15, channelCount: 2, sampleCount: 50_000, sampleRate: rate)
      let meter = try LoudnessMeter(sampleRate: rate, channelCount: 2)
      for start in stride(from: 0, to: sound.sampleCount, by: blockLength) {
        try meter.add(sound[start..<min(start + blockLength, sound.sampleCount)])
      }
      #expect(try meter.finish() == sound.loudness())
    }
  }

  /// The same tone has the same loudness at every rate.
  @Test(arguments: [1000, 2000, 4000, 8000, 11025, 22050, 44100, 96000, 192_000, 768_000])
  func everyRate(_ rate: Int) throws {
    let sound = tone(100, sampleCount: rate * 2, sampleRate: rate)
    let value = try #require(try sound.loudness().integrated.value)
    let expected = try #require(try tone(100, sampleCount: 96000).loudness().integrated.value)
    #expect(abs(value - expected) < 0.1)
  }

  @Test func whereThereIsNoLoudness() throws {
    let short = try tone(sampleCount: 19_199).loudness()
    #expect(short.integrated == .tooShort)
    #expect(abs(short.samplePeak + 0.915) < 0.001)
    #expect(try tone(sampleCount: 19_200).loudness().integrated.value != nil)
    let silence = AudioBuffer(channels: [.init(repeating: 0, count: 48000)], sampleRate: 48000)
    let silent = try silence.loudness()
    #expect(silent.integrated == .silent && silent.truePeak == -.infinity)
    #expect(try tone(amplitude: 1e-4).loudness().integrated == .silent)  // below -70 LUFS
    let none = try AudioBuffer(channels: [[]], sampleRate: 48000).loudness()
    #expect(none.integrated == .tooShort && none.samplePeak == -.infinity)
    #expect("\(silent)" == "silent")
    #expect("\(short)".hasPrefix("too short for a loudness, true peak -0.9 dBTP"))
  }

  @Test func changes() {
    #expect(Loudness.Integrated.lufs(-20).change(to: .lufs(-17.5)) == 2.5)
    #expect(Loudness.Integrated.lufs(-20).change(to: .silent) == nil)
    #expect(Loudness.Integrated.tooShort.change(to: .lufs(-20)) == nil)
  }

  @Test func refuses() {
    #expect(throws: AudioError.loudness(channelCount: 65, sampleRate: 48000)) {
      try LoudnessMeter(sampleRate: 48000, channelCount: 65)
    }
    #expect(throws: AudioError.loudness(channelCount: 1, sampleRate: 1)) {
      try AudioBuffer(channels: [[0]], sampleRate: 1).loudness()
    }
  }
}
