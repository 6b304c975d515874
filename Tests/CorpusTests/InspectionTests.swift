import Audio
import Corpus
import Foundation
import Spectro
import Testing

@Suite struct InspectionTests {
  private func inspect(
    _ folder: URL, preset: SpectrogramPreset? = nil
  ) throws -> Inspection {
    try Inspection(of: AudioFolder((folder / "data").path), preset: preset)
  }

  /// Six files of music with nothing wrong: nothing is found, and what there is is told rightly.
  private func withCleanSet<R>(_ body: (URL) throws -> R) throws -> R {
    try withTemporaryFolder { folder in
      for index in 0..<6 {
        try (folder / "data").write(
          music(seconds: 6, seed: UInt64(index)), to: "\(index % 2 == 0 ? "a" : "b")/\(index).wav")
      }
      return try body(folder)
    }
  }

  @Test func findsNothingWhereNothingIsWrong() throws {
    try withCleanSet { folder in
      let found = try inspect(folder)
      #expect(found.files.count == 6 && abs(found.seconds - 36) < 1e-9)
      #expect(found.unreadable.isEmpty && found.duplicates.isEmpty && found.nearDuplicates.isEmpty)
      #expect(found.silent.isEmpty && found.mostlySilent.isEmpty && found.clipped.isEmpty)
      #expect(found.withOffset.isEmpty && found.narrow.isEmpty && found.tooShort.isEmpty)
      #expect(found.loudnessOutliers.isEmpty)
      #expect(found.preset == .standard)
      #expect(found.labels.map(\.name) == ["a", "b"] && found.labels.map(\.files) == [3, 3])
      // The preset, and that it is little.
      #expect(found.advice.count == 2 && found.advice[1].contains("too little"))
      let file = found.files[0]
      #expect(file.sampleRate == 22050 && file.channels == 1 && file.label == "a")
      #expect(file.format == "WAV (Microsoft), Signed 16 bit PCM")
      let audio = try AudioBuffer(contentsOf: (folder / "data/a/0.wav").path)
      let loudness = try audio.loudness().integrated.value
      #expect(file.loudness == loudness)
      #expect(abs(file.peak! - 20 * log10(Double(audio.peak))) < 1e-6)
    }
  }

  /// Adds one file to the clean set, or changes it, and expects what is found to be this alone.
  private func finds(
    _ what: KeyPath<Inspection, [FileReport]>, advice words: String,
    preset: SpectrogramPreset? = nil, _ audio: AudioBuffer, encoding: AudioEncoding = .wav16
  ) throws -> FileReport {
    try withCleanSet { folder in
      try (folder / "data").write(audio, to: "a/odd.wav", encoding: encoding)
      let found = try inspect(folder, preset: preset)
      #expect(found[keyPath: what].map(\.path) == ["a/odd.wav"])
      let others: [KeyPath<Inspection, [FileReport]>] = [
        \.silent, \.mostlySilent, \.clipped, \.withOffset, \.narrow, \.tooShort,
        \.loudnessOutliers,
      ]
      for other in others where other != what {
        #expect(found[keyPath: other].isEmpty, "\(other)")
      }
      #expect(found.duplicates.isEmpty && found.nearDuplicates.isEmpty)
      #expect(found.advice.count == 3 && found.advice[0].contains(words))
      return try #require(found[keyPath: what].first)
    }
  }

  @Test func findsSilence() throws {
    let file = try finds(
      \.silent, advice: "no sound",
      AudioBuffer(channels: [[Float](repeating: 0, count: 6 * 22050)], sampleRate: 22050))
    #expect(file.peak == nil && file.loudness == nil && abs(file.silence - 6) < 1e-9)
  }

  @Test func findsMuchSilence() throws {
    var audio = music(seconds: 6, seed: 9)
    for index in 2 * 22050..<audio.sampleCount { audio.channels[0][index] = 0 }
    let file = try finds(\.mostlySilent, advice: "Trim 1 file", audio)
    #expect(abs(file.silence - 4) < 0.06)
  }

  @Test func findsClipping() throws {
    var audio = music(seconds: 6, seed: 9)
    audio.channels[0] = audio.channels[0].map { max(-1, min(1, 5 * $0)) }
    let file = try finds(\.clipped, advice: "clipped", audio.scaled(by: 1))
    #expect(file.clippings > 10)
    // Once is a peak, not clipping.
    var peak = music(seconds: 6, seed: 9)
    for index in 1000..<1010 { peak.channels[0][index] = 1 }
    try withTemporaryFolder { folder in
      try (folder / "data").write(peak, to: "peak.wav")
      let found = try inspect(folder)
      #expect(found.clipped.isEmpty && found.files[0].clippings == 1)
    }
  }

  @Test func findsAnOffset() throws {
    var audio = music(seconds: 6, seed: 9)
    audio.channels[0] = audio.channels[0].map { $0 + 0.05 }
    let file = try finds(\.withOffset, advice: "DC offset", audio)
    #expect(abs(file.offset - 0.05) < 0.002)
  }

  /// Noise without what is above 7 kHz, as of an encoder's low-pass, and a file of a low rate.
  @Test func findsWhereTheBandEnds() throws {
    var noise = Noise(state: 3)
    let wide = AudioBuffer(
      channels: [(0..<6 * 14000).map { _ in 0.1 * noise.next() }], sampleRate: 14000)
    let file = try finds(\.narrow, advice: "upper part", wide.resampled(to: 22050))
    #expect(abs((file.wall ?? 0) - 6700) < 400)
    let low = try finds(
      \.narrow, advice: "upper part", music(seconds: 6, sampleRate: 11025, seed: 9))
    #expect(low.sampleRate == 11025)
    // A cut at 16 kHz, as of an MP3, is none to a preset that ends at 11 kHz, but to one at 22.
    var more = Noise(state: 4)
    let cut = try AudioBuffer(
      channels: [(0..<6 * 33000).map { _ in 0.1 * more.next() }], sampleRate: 33000
    ).resampled(to: 44100)
    try withTemporaryFolder { folder in
      try (folder / "data").write(cut, to: "cut.wav")
      #expect(try inspect(folder, preset: .standard).narrow.isEmpty)
      #expect(try inspect(folder, preset: .studio).narrow.count == 1)
    }
  }

  @Test func findsShortFiles() throws {
    let file = try finds(\.tooShort, advice: "shorter than the window", music(seconds: 3, seed: 9))
    #expect(abs(file.seconds - 3) < 1e-9)
    try withTemporaryFolder { folder in
      for index in 0..<3 {
        try (folder / "data").write(music(seconds: 0.5, seed: UInt64(index)), to: "\(index).wav")
      }
      let found = try inspect(folder)
      #expect(found.preset == .oneshots && found.tooShort.isEmpty)
      #expect(try inspect(folder, preset: .draft).tooShort.count == 3)
    }
  }

  /// Files of 3 s, shorter than the window of `standard`, are not told to be trained on by that.
  @Test func presetLeavesFilesToTrainOn() throws {
    try withTemporaryFolder { folder in
      for index in 0..<12 {
        try (folder / "data").write(music(seconds: 3, seed: UInt64(index)), to: "\(index).wav")
      }
      let found = try inspect(folder)
      #expect(found.preset == .oneshots && found.tooShort.isEmpty)
      #expect(found.advice.allSatisfy { !$0.contains("Nothing is left") })
      for index in 0..<13 {
        try (folder / "data").write(
          music(seconds: 4.6, seed: UInt64(20 + index)), to: "long-\(index).wav")
      }
      #expect(try inspect(folder).preset == .standard)
    }
  }

  @Test func findsWhatIsFarLouderOrSofter() throws {
    let file = try finds(
      \.loudnessOutliers, advice: "15 LU", music(seconds: 6, seed: 9).scaled(by: 0.1))
    #expect(file.loudness! < -40)
  }

  @Test func findsUnreadableFiles() throws {
    try withCleanSet { folder in
      try (folder / "data").write("not a sound", to: "a/text.wav")
      try (folder / "data").write(music(seconds: 6, seed: 9), to: "b/cut.wav")
      let cut = folder / "data/b/cut.wav"
      try Data(contentsOf: cut).prefix(100_044).write(to: cut)
      let found = try inspect(folder)
      #expect(
        found.unreadable.map { "\($0.path): \($0.reason)" } == [
          "a/text.wav: not an audio file of a known format",
          "b/cut.wav: truncated: 50000 of 132300 samples are there",
        ])
      #expect(found.advice[0].contains("2 files cannot be read"))
    }
  }

  @Test func findsUnevenAndMissingLabels() throws {
    try withTemporaryFolder { folder in
      try (folder / "data").write(music(seconds: 60, seed: 1), to: "a/long.wav")
      try (folder / "data").write(music(seconds: 5, seed: 2), to: "b/short.wav")
      try (folder / "data").write(music(seconds: 20, seed: 3), to: "loose.wav")
      let found = try inspect(folder)
      #expect(found.labels.map(\.name) == ["", "a", "b"])
      #expect(found.advice[0].contains("a has 12 times"))
      #expect(found.advice[1].contains("outside of any sub-folder"))
    }
  }

  /// The same samples in another format, and the same sound softer, in lossy formats, cut at its
  /// start and at another rate; but not other music on the same instrument.
  @Test func findsDuplicates() throws {
    try withCleanSet { folder in
      let data = folder / "data"
      func original(_ name: String) throws -> AudioBuffer {
        try AudioBuffer(contentsOf: (data / name).path)
      }
      try data.write(original("a/0.wav"), to: "copies/0.flac")
      try data.write(original("a/2.wav").scaled(by: 0.3), to: "copies/2.ogg")
      try data.write(original("a/4.wav"), to: "copies/4.mp3")
      let one = try original("b/1.wav")
      try data.write(one[3333..<one.sampleCount - 20000], to: "copies/1.wav")
      try data.write(original("b/3.wav").resampled(to: 44100), to: "copies/3.wav")
      let found = try inspect(folder)
      #expect(found.duplicates == [["a/0.wav", "copies/0.flac"]])
      #expect(
        found.nearDuplicates == [
          ["a/2.wav", "copies/2.ogg"], ["a/4.wav", "copies/4.mp3"], ["b/1.wav", "copies/1.wav"],
          ["b/3.wav", "copies/3.wav"],
        ])
    }
  }

  /// What is read is what was written.
  @Test func isCodable() throws {
    try withCleanSet { folder in
      let found = try inspect(folder)
      let json = try JSONEncoder().encode(found)
      let back = try JSONDecoder().decode(Inspection.self, from: json)
      #expect(back.files == found.files && back.labels == found.labels)
      #expect(back.advice == found.advice)
    }
  }

  /// Silence inside of a sound, and one word again and again whose hash keeps it at every level, end and
  /// take no more memory.
  @Test func repeatedWordsEnd() throws {
    let ends = (0..<200).map { UInt32(truncatingIfNeeded: $0 &* 0x0123_4567 &+ 1) }
    let silent = SpectralFingerprint(frames: ends + [UInt32](repeating: 0, count: 3000) + ends)
    #expect(silent.keptCount == 400 && silent.frameCount == 3400)
    let stubborn = SpectralFingerprint(frames: [UInt32](repeating: 0x0E8B_2F51, count: 5000))
    #expect((1...1024).contains(stubborn.keptCount) && stubborn.frameCount == 5000)
    try withTemporaryFolder { folder in
      let tone = (0..<22050).map { Float(0.5 * sin(Double($0) * 0.1)) }
      let gap = [Float](repeating: 0, count: 13 * 22050)
      try FileManager.default.createDirectory(
        at: folder / "data", withIntermediateDirectories: true)
      try AudioBuffer(channels: [tone + gap + tone], sampleRate: 22050)
        .write(to: (folder / "data/a.wav").path)
      #expect(try inspect(folder).files.count == 1)
    }
  }
}
