import Audio
import Corpus
import Foundation
import Testing

@Suite struct DuplicatesTests {
  /// Groups of files that sound alike, of these sounds by name.
  private func alike(
    _ sounds: [(name: String, audio: AudioBuffer, encoding: AudioEncoding)]
  ) throws -> [[String]] {
    try withTemporaryFolder { folder in
      for sound in sounds {
        try (folder / "data").write(sound.audio, to: sound.name, encoding: sound.encoding)
      }
      let found = try Inspection(of: AudioFolder((folder / "data").path))
      #expect(found.unreadable.isEmpty && found.duplicates.isEmpty)
      return found.nearDuplicates
    }
  }

  /// A drum machine's kick: a sine that falls by two octaves to a pitch and fades; all below 300 Hz.
  private func kick(pitch: Double, decay: Double, sampleRate: Int = 44100) -> AudioBuffer {
    var phase = 0.0
    let samples = (0..<sampleRate * 2 / 5).map { index in
      let time = Double(index) / Double(sampleRate)
      phase += 2 * .pi * pitch * (1 + 3 * exp(-time / 0.03)) / Double(sampleRate)
      return Float(0.8 * sin(phase) * exp(-time / decay))
    }
    return AudioBuffer(channels: [samples], sampleRate: sampleRate)
  }

  /// Noise that fades, above all of high frequencies.
  private func hat(seed: UInt64, decay: Double = 0.03) -> AudioBuffer {
    var noise = Noise(state: seed)
    var before: Float = 0
    let samples = (0..<44100 / 5).map { index in
      let value = noise.next()
      defer { before = value }
      return 0.4 * (value - 0.9 * before) * Float(exp(-Double(index) / 44100 / decay))
    }
    return AudioBuffer(channels: [samples], sampleRate: 44100)
  }

  private func after(_ seconds: Double, of lead: AudioBuffer? = nil, _ audio: AudioBuffer)
    -> AudioBuffer
  {
    let count = Int(seconds * Double(audio.sampleRate))
    var audio = audio
    let before = lead?.channels[0].prefix(count) ?? ArraySlice(repeatElement(0, count: count))
    audio.channels = audio.channels.map { before + $0 }
    return audio
  }

  @Test func findsCopiesOfKicks() throws {
    let kicks = [(48.0, 0.08), (48.0, 0.14), (57.0, 0.08), (70.0, 0.05), (62.0, 0.11)].map {
      kick(pitch: $0, decay: $1)
    }
    var sounds: [(String, AudioBuffer, AudioEncoding)] = kicks.enumerated().map {
      ("kick-\($0).wav", $1, .wav16)
    }
    #expect(try alike(sounds).isEmpty)
    sounds += [
      ("soft/0.wav", kicks[0].scaled(by: 0.2), .wav16), ("mp3/1.mp3", kicks[1], .mp3),
      ("ogg/2.ogg", kicks[2].scaled(by: 0.5), .vorbis),
      ("late/3.wav", after(0.037, kicks[3]), .wav24),
      ("low/4.wav", try kicks[4].resampled(to: 22050), .wav16),
    ]
    #expect(
      try alike(sounds) == [
        ["kick-0.wav", "soft/0.wav"], ["kick-1.wav", "mp3/1.mp3"], ["kick-2.wav", "ogg/2.ogg"],
        ["kick-3.wav", "late/3.wav"], ["kick-4.wav", "low/4.wav"],
      ])
  }

  /// Strokes that differ in nothing but their noise are other strokes.
  @Test func findsEncodedOneShots() throws {
    let hats = (0..<4).map { hat(seed: UInt64(100 + $0)) }
    var sounds: [(String, AudioBuffer, AudioEncoding)] = hats.enumerated().map {
      ("hat-\($0).wav", $1, .wav16)
    }
    #expect(try alike(sounds).isEmpty)
    sounds += [
      ("mp3/0.mp3", hats[0], .mp3), ("ogg/1.ogg", hats[1], .vorbis),
      ("mp3/2.mp3", after(0.01, hats[2]).scaled(by: 0.5), .mp3),
    ]
    #expect(
      try alike(sounds) == [
        ["hat-0.wav", "mp3/0.mp3"], ["hat-1.wav", "ogg/1.ogg"], ["hat-2.wav", "mp3/2.mp3"],
      ])
  }

  /// Parts of songs, and songs after something else; but not songs of the same instrument.
  @Test func findsSongsThatBeginElsewhere() throws {
    let songs = (0..<5).map { music(seconds: 75, seed: UInt64(20 + $0)) }
    func cut(_ song: AudioBuffer, _ seconds: Double) -> AudioBuffer {
      song[Int(seconds * 22050) + 77..<song.sampleCount]
    }
    var sounds: [(String, AudioBuffer, AudioEncoding)] = songs.enumerated().map {
      ("song-\($0).wav", $1, .wav16)
    }
    #expect(try alike(sounds).isEmpty)
    sounds += [
      ("cut/0.wav", cut(songs[0], 15), .wav16), ("cut/1.mp3", cut(songs[1], 30), .mp3),
      (
        "late/2.ogg", after(15, of: music(seconds: 15, seed: 30), songs[2]).scaled(by: 0.4), .vorbis
      ),
      ("part/4.wav", cut(songs[4], 62), .wav16),
    ]
    #expect(
      try alike(sounds) == [
        ["cut/0.wav", "song-0.wav"], ["cut/1.mp3", "song-1.wav"], ["late/2.ogg", "song-2.wav"],
        ["part/4.wav", "song-4.wav"],
      ])
  }

  /// A drum is not like the loop that it is the first of.
  @Test func loopIsNotLikeItsDrum() throws {
    let drum = kick(pitch: 50, decay: 0.1)
    var loop = AudioBuffer(channels: [[]], sampleRate: 44100)
    for seed in 0..<4 {
      loop.channels[0] += drum.channels[0] + hat(seed: UInt64(40 + seed)).channels[0]
    }
    #expect(try alike([("drum.wav", drum, .wav16), ("loop.wav", loop, .wav16)]).isEmpty)
  }

  // MARK: - Of many

  private func groups(_ prints: [SpectralFingerprint]) -> Duplicates {
    Duplicates(
      contents: prints.indices.map(String.init), fingerprints: prints,
      sounds: prints.map { _ in nil })
  }

  /// Forty takes of one sound, short, long, and of more frames than are kept, are one group, and what is
  /// like none of them is in none.
  @Test(arguments: [150, 400, 6000])
  func findsManyThatSoundAlike(_ frames: Int) {
    var noise = Noise(state: 6)
    func frame() -> UInt32 { UInt32(bitPattern: Int32(noise.next() * 0x1p30)) }
    let sound = (0..<frames).map { _ in frame() }
    var prints = (0..<40).map { take in
      // Every fifth frame is another in one bit of eight.
      SpectralFingerprint(
        frames: sound.enumerated().map { $0 % 5 == take % 5 ? $1 ^ 0x0101_0101 : $1 })
    }
    // It shares some frames with all takes.
    var other = (0..<frames).map { _ in frame() }
    for position in 0..<4 { other[7 * position] = sound[9 * position] }
    prints.insert(SpectralFingerprint(frames: other), at: 0)
    #expect(groups(prints).near == [Array(1...40)])
  }

  /// Among 10,000 files with the same scattered frames here and there, two that sound alike are
  /// found, by looking at few frames of a file, not at every other file.
  @Test func findsDuplicatesAmongMany() {
    var noise = Noise(state: 5)
    func frame() -> UInt32 { UInt32(bitPattern: Int32(noise.next() * 0x1p30)) ^ 0x5A5A }
    var words = (0..<10_000).map { _ in (0..<400).map { _ in frame() } }
    for file in words.indices where file % 3 == 0 { words[file][file % 400] = 77 }
    // Every third frame is another in one bit of eight, and it begins later.
    words[9000] = Array(words[1234].dropFirst(50))
    for index in words[9000].indices where index % 3 == 0 { words[9000][index] ^= 0x0101_0101 }
    let found = groups(words.map(SpectralFingerprint.init(frames:)))
    #expect(found.exact.isEmpty)
    #expect(found.near == [[1234, 9000]])
    #expect(found.pairings < 20 * words.count)
  }

  /// Of an hour no more is kept than of 12 s, and what a part of it keeps is enough to find it.
  @Test func longSoundsKeepFewWords() {
    var noise = Noise(state: 8)
    let words = (0..<310_000).map { _ in UInt32(bitPattern: Int32(noise.next() * 0x1p30)) }
    let whole = SpectralFingerprint(frames: words)
    #expect((512...1024).contains(whole.keptCount) && whole.frameCount == words.count)
    let part = SpectralFingerprint(frames: Array(words[200_000..<226_000]))
    #expect(groups([whole, part]).near == [[0, 1]])
    // Less than 3 s of it is no part of it.
    let little = SpectralFingerprint(frames: Array(words[200_000..<200_200]))
    #expect(groups([whole, little]).near.isEmpty)
  }

  /// Of 2000 kicks those that are copies are found, by comparing each with a few.
  @Test func findsShortSoundsAmongMany() throws {
    var noise = Noise(state: 9)
    func random(_ low: Double, _ high: Double) -> Double {
      low + (high - low) * Double(0.5 * noise.next() + 0.5)
    }
    let kicks = (0..<2000).map { _ in
      kick(pitch: random(40, 160), decay: random(0.02, 0.1), sampleRate: 22050).channels[0]
    }
    var sounds = kicks.map { ShortSound($0) }
    sounds[1999] = ShortSound([0, 0, 0] + kicks[123].map { -0.3 * $0 })
    let found = Duplicates(
      contents: sounds.indices.map(String.init),
      fingerprints: sounds.map { _ in SpectralFingerprint(frames: []) }, sounds: sounds)
    #expect(found.near.contains { $0.contains(123) && $0.contains(1999) })
    #expect(found.pairings < 40 * sounds.count)
    #expect(try #require(sounds[123]).likeness(to: #require(sounds[1999])) > 0.99)
  }

  @Test func silenceIsNoSound() {
    #expect(ShortSound([0, 0, 0]) == nil && ShortSound([]) == nil)
  }
}
