import Audio
import Foundation
import Testing

@Suite struct JoiningTests {
  /// Decaying partials of a chord.
  private func chord(_ range: Range<Int>, sampleRate: Int = 22050) -> [Float] {
    range.map { index in
      let time = Double(index) / Double(sampleRate)
      return [220.0, 277.2, 329.6, 440, 554.4, 659.3, 1318].enumerated().reduce(Float(0)) {
        let (number, pitch) = ($1.offset, $1.element)
        return $0
          + Float(0.1 * sin(2 * .pi * pitch * time + Double(number)) * exp(-Double(number) * time))
      }
    }
  }

  /// Goes on for 20 ms as the sound itself does, within a hundredth of full scale, though there is noise 80 dB below.
  @Test func predictsAChord() {
    let before = zip(chord(0..<4410), noise(4410)).map { $0 + 2e-4 * $1 }
    let after = LinearPrediction(before, order: 441).continuation(of: before, count: 441)
    let error = zip(after, chord(4410..<4851)).map { abs($0 - $1) }.max()!
    #expect(error < 0.01)
  }

  /// White, between -0.5 and 0.5.
  private func noise(_ count: Int) -> [Float] {
    var state = UInt64(1)
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 32)) / 0x1p32
    }
  }

  /// Burg's weights of an autoregressive process: x[t] = 1.6 x[t-1] - 0.9 x[t-2] + noise.
  @Test func findsTheWeightsOfAProcess() {
    var samples = noise(20000)
    for index in 2..<samples.count {
      samples[index] += 1.6 * samples[index - 1] - 0.9 * samples[index - 2]
    }
    let weights = LinearPrediction(samples, order: 2).coefficients
    #expect(abs(weights[0] - 1.6) < 0.02)
    #expect(abs(weights[1] + 0.9) < 0.02)
  }

  /// Nothing that is there to learn from is too little, and predictions never grow.
  @Test(arguments: [0, 1, 2, 3, 100])
  func shortAndLoudSoundsAreTaken(_ count: Int) {
    let samples = (0..<count).map { Float($0 % 2 == 0 ? 1 : -0.5) * Float($0) }
    let prediction = LinearPrediction(samples, order: 50)
    let after = prediction.continuation(of: samples, count: 1000)
    #expect(after.count == 1000)
    #expect(after.allSatisfy { $0.isFinite && abs($0) < 1000 })
  }

  /// Outside of the part not a bit changes, within it the middle is the new sound; the length of the
  /// part is exact also where it goes beyond the end.
  @Test(arguments: [0..<500, 1000..<3000, 1000..<1001, 4000..<5000, 5000..<9000, 0..<5000])
  func onlyThePartChanges(_ part: Range<Int>) {
    let old = AudioBuffer(channels: [chord(0..<5000), chord(100..<5100)], sampleRate: 22050)
    let new = AudioBuffer(
      channels: (0..<2).map { _ in [Float](repeating: 0.25, count: part.count) }, sampleRate: 22050)
    let joined = old.replacing(part, with: new)
    #expect(joined.sampleCount == max(5000, part.upperBound))
    for (a, b) in zip(old.channels, joined.channels) {
      #expect(a[..<part.lowerBound] == b[..<part.lowerBound])
      if part.upperBound < 5000 { #expect(a[part.upperBound...] == b[part.upperBound...]) }
      if part.count > 1000 {
        #expect(b[part].dropFirst(995).dropLast(995).allSatisfy { $0 == 0.25 })
      }
    }
  }

  /// No step at a border: none larger than those of the chord itself and of the fade.
  @Test func bordersHaveNoStep() {
    let old = AudioBuffer(channels: [chord(0..<10000)], sampleRate: 22050)
    let silence = AudioBuffer(channels: [[Float](repeating: 0, count: 4000)], sampleRate: 22050)
    let joined = old.replacing(3000..<7000, with: silence).channels[0]
    let steps = zip(joined, joined.dropFirst()).map { abs($1 - $0) }
    let usual = zip(old.channels[0], old.channels[0].dropFirst()).map { abs($1 - $0) }.max()!
    #expect(steps.max()! <= usual * 1.05)
    #expect(joined[3995..<6005].allSatisfy { $0 == 0 })
  }

  /// Noise, which cannot be foretold, fades for 5 ms alone; then the new sound stands.
  @Test func noiseFadesSoon() {
    let joined = AudioBuffer(channels: [noise(10000)], sampleRate: 22050).replacing(
      10000..<12000,
      with: AudioBuffer(channels: [[Float](repeating: 0.25, count: 2000)], sampleRate: 22050))
    #expect(joined.channels[0][10000 + 150..<12000].allSatisfy { $0 == 0.25 })
    #expect(joined.channels[0][10000..<10020].allSatisfy { $0 != 0.25 })
  }

  /// Peaks come down, what is far from them stays, and there is no step in the gain.
  @Test func limitsAroundPeaksAlone() {
    var samples = [Float](repeating: 0.5, count: 20000)
    samples[10000] = 2
    let limited = AudioBuffer(channels: [samples, samples], sampleRate: 22050)
      .limitedAround(peak: 0.9).channels
    #expect(limited[0] == limited[1])
    #expect(abs(limited[0][10000] - 0.9) < 1e-6)
    #expect(limited[0][..<9000].allSatisfy { abs($0 - 0.5) < 1e-6 })
    #expect(limited[0][11000...].allSatisfy { abs($0 - 0.5) < 1e-6 })
    let steps = zip(limited[0], limited[0].dropFirst()).enumerated()
      .filter { $0.offset != 9999 && $0.offset != 10000 }.map { abs($0.element.1 - $0.element.0) }
    #expect(steps.max()! < 0.002)
  }
}

@Suite struct BandFilterTests {
  private func tone(_ hertz: Double, _ count: Int = 22050) -> [Float] {
    (0..<count).map { Float(0.4 * sin(2 * .pi * hertz * Double($0) / 22050)) }
  }

  /// In the middle of a signal: what is in the band passes as it is, without delay; 60 Hz from its edges
  /// nothing does.
  @Test func passesTheBandAlone() {
    let filter = BandFilter(500...2000, sampleRate: 22050)
    for (hertz, gain) in [
      (100.0, Float(0)), (440, 0), (560, 1), (1000, 1), (1940, 1), (2060, 0), (8000, 0),
    ] {
      let (input, output) = (tone(hertz), filter(tone(hertz)))
      let error = (4000..<18000).map { abs(output[$0] - gain * input[$0]) }.max()!
      #expect(error < 0.4e-3, "\(hertz) Hz")
    }
    for (band, hertz) in [(0.0...500, 0.0), (2000...11025, 11000), (0...11025, 5000)] {
      let (input, output) = (tone(hertz), BandFilter(band, sampleRate: 22050)(tone(hertz)))
      #expect((4000..<18000).allSatisfy { abs(output[$0] - input[$0]) < 0.4e-3 })
    }
  }

  /// The low tone stays, the high one comes from the other sound, within the part; outside of that not a
  /// bit changes. What would be too loud is added less.
  @Test func replacesTheBandWithinAPart() {
    func sound(_ high: Double) -> AudioBuffer {
      AudioBuffer(channels: [zip(tone(200), tone(high)).map { $0 + $1 }], sampleRate: 22050)
    }
    let (old, new) = (sound(3000), sound(4000))
    let filter = BandFilter(2000...6000, sampleRate: 22050)
    let mixed = filter.replacing(5000..<17000, of: old, with: new, peak: 1).channels[0]
    #expect(mixed[..<5000] == old.channels[0][..<5000])
    #expect(mixed[17000...] == old.channels[0][17000...])
    #expect((6000..<16000).allSatisfy { abs(mixed[$0] - new.channels[0][$0]) < 1e-3 })
    let quiet = filter.replacing(5000..<17000, of: old, with: new.scaled(by: 5), peak: 1).channels[
      0]
    #expect(quiet.allSatisfy { abs($0) <= 1 })
  }
}

@Suite struct KeepingEncodingTests {
  @Test func smallestThatKeepsIsChosen() {
    func encoding(_ path: String, _ bits: Int?) -> AudioEncoding? {
      AudioEncoding(path: path, keeping: bits)
    }
    #expect(
      [8, 16, 20, 24, 32, nil].map { encoding("a.wav", $0) } == [
        .wav16, .wav16, .wav24, .wav24, .wavFloat, .wavFloat,
      ])
    #expect(
      [16, 24, 32, nil].map { encoding("a.flac", $0) } == [
        .flac16, .flac24, .flac24, .flac24,
      ])
    #expect(encoding("a.ogg", 16) == .vorbis)
    #expect(encoding("a.txt", 16) == nil)
    #expect(AudioEncoding.wavFloat.keeps(bits: nil) && AudioEncoding.wav24.keeps(bits: 16))
    #expect(!AudioEncoding.wav24.keeps(bits: nil) && !AudioEncoding.mp3.keeps(bits: 16))
  }

  /// What is read in one encoding comes back from the one that keeps it, to the bit.
  @Test(arguments: [AudioEncoding.wav16, .wav24, .wavFloat, .flac16, .flac24, .aiff16])
  func samplesComeBack(_ encoding: AudioEncoding) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let first = folder.appendingPathComponent("first.bin").path
    let samples = (0..<5000).map { Float(sin(Double($0) * 0.1) * 0.7) }
    try AudioBuffer(channels: [samples], sampleRate: 22050).write(to: first, encoding: encoding)
    let (reader, read) = (try AudioReader(first), try AudioBuffer(contentsOf: first))
    let again = folder.appendingPathComponent("again.wav").path
    let keeping = try #require(AudioEncoding(path: again, keeping: reader.integerBits))
    #expect(keeping.keeps(bits: reader.integerBits))
    try read.write(to: again, encoding: keeping)
    #expect(try AudioBuffer(contentsOf: again) == read)
  }
}
