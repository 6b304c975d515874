import Audio
import Foundation
import MusicDiffusion
import Spectro
import Synchronization
import Testing
import Torch

@Suite struct DatasetTests {
  private func prepare(
    _ folder: URL, _ representation: Representation = .small(),
    progress: @Sendable (Int, Int) -> Void = { _, _ in }
  ) throws -> Dataset {
    try Dataset(
      folder: AudioFolder((folder / "data").path), representation: representation,
      cache: folder / "cache", progress: progress)
  }

  private func window(_ data: Dataset, clip: Int, start: Int) -> [Float] {
    let size =
      data.representation.channels * data.representation.spectrogram.melBins
      * data.representation.windowFrames
    return [Float](unsafeUninitializedCapacity: size) { buffer, count in
      data.copyWindow(clip: clip, start: start, to: buffer.baseAddress!)
      count = size
    }
  }

  @Test func preparesWhatItCanAndNamesTheRest() throws {
    try withTemporaryFolder { folder in
      let data = folder / "data"
      try data.write(sound(seconds: 2), to: "kicks/long.wav")
      try data.write(sound(seconds: 1.5, sampleRate: 44100, channels: 2), to: "snares/stereo.flac")
      try data.write(sound(seconds: 1), to: "top.wav")
      try data.write(sound(seconds: 0.05), to: "hats/short.wav")
      try data.write("not a sound", to: "snares/text.wav")
      try data.write("", to: "empty.wav")
      try data.write(sound(seconds: 1), to: "cut.wav")
      try Data(contentsOf: data / "cut.wav").prefix(5000).write(to: data / "cut.wav")
      let counts = Mutex<[Int]>([])
      let dataset = try prepare(folder) { done, all in
        #expect(all == 7)
        counts.withLock { $0.append(done) }
      }
      #expect(counts.withLock { $0 } == Array(1...7))
      #expect(dataset.clips.map(\.path) == ["kicks/long.wav", "snares/stereo.flac", "top.wav"])
      #expect(dataset.clips.map(\.label) == ["kicks", "snares", nil])
      #expect(dataset.clips.map(\.frames) == [251, 188, 126])
      #expect(abs(dataset.seconds - 4.5) < 1e-9)
      // A label without a usable file could not be learned.
      #expect(dataset.labels == ["kicks", "snares"])
      #expect(
        dataset.skipped.map { "\($0.path): \($0.reason)" } == [
          "cut.wav: truncated: 2478 of 8000 samples are there",
          "empty.wav: it holds no sound",
          "snares/text.wav: not an audio file of a known format",
          "hats/short.wav: 0.05 s, shorter than the window of 0.13 s",
        ])
    }
  }

  /// The second run reads no audio: it finds the same although every file is garbage by then, of
  /// the same size and age.
  @Test func startsAtOnceTheSecondTime() throws {
    try withTemporaryFolder { folder in
      let data = folder / "data"
      let names = ["a.wav", "b/c.wav"]
      for name in names {
        try data.write(sound(seconds: 1, seed: UInt64(name.count)), to: name)
        try setAge(data / name)
      }
      let first = try prepare(folder)
      for name in names {
        let size = try Data(contentsOf: data / name).count
        try data.write(String(repeating: "x", count: size), to: name)
        try setAge(data / name)
      }
      let second = try prepare(folder) { _, _ in Issue.record("audio was read again") }
      #expect(second.clips == first.clips)
      #expect(second.normalization == first.normalization)
      #expect(second.fingerprint == first.fingerprint)
      #expect(window(second, clip: 1, start: 3) == window(first, clip: 1, start: 3))
      // Another window cuts the same frames otherwise.
      let wider = try prepare(folder, .small(windowFrames: 32)) { _, _ in
        Issue.record("audio was read again")
      }
      #expect(wider.fingerprint == first.fingerprint)
    }
  }

  @Test func preparesChangedDataAgain() throws {
    try withTemporaryFolder { folder in
      let data = folder / "data"
      try data.write(sound(seconds: 1), to: "a.wav")
      let first = try prepare(folder)
      func changes(_ change: () throws -> Void) throws -> Bool {
        let before = try prepare(folder).cacheKey
        try change()
        return try prepare(folder).cacheKey != before
      }
      #expect(try changes { try data.write(sound(seconds: 1.25), to: "a.wav") })
      #expect(try prepare(folder).clips[0].seconds == 1.25)
      #expect(try changes { try data.write(sound(seconds: 1), to: "b.wav") })
      #expect(
        try changes { try setAge(data / "b.wav") })
      #expect(try changes { try FileManager.default.removeItem(at: data / "b.wav") })
      #expect(
        try !changes { try data.write("not audio", to: "notes.txt") })
      let other = try prepare(folder, .small(channels: 2))
      #expect(other.fingerprint != first.fingerprint)
    }
  }

  /// Mean and standard deviation of each mel bin over all frames, of the values as they are kept.
  @Test func statisticsAreThoseOfTheFrames() throws {
    try withTemporaryFolder { folder in
      let clips = [sound(seconds: 1, seed: 1), sound(seconds: 0.4, frequency: 1500, seed: 2)]
      for (index, clip) in clips.enumerated() {
        try clip.write(
          to: makeFolder(folder / "data").appendingPathComponent("\(index).wav").path,
          encoding: .wavFloat)
      }
      let dataset = try prepare(folder)
      let analysis = try MelSpectrogram(dataset.representation.spectrogram)
      let planes = clips.map { analysis.logMel(of: $0.channels[0]) }
      let frames = planes.reduce(0) { $0 + $1.frames }
      for bin in 0..<16 {
        let values = planes.flatMap { plane in (0..<plane.frames).map { Double(plane[$0, bin]) } }
        let mean = values.reduce(0, +) / Double(frames)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(frames)
        #expect(abs(Double(dataset.normalization.mean[bin]) - mean) < 1e-3)
        #expect(
          abs(Double(dataset.normalization.standardDeviation[bin]) - variance.squareRoot()) < 1e-3)
      }
    }
  }

  /// Mid and side of a stereo file at another rate, normalised; half precision keeps values within
  /// ±32 to 0.016, which the normalisation scales.
  @Test func windowsAreTheNormalisedSpectrogram() throws {
    try withTemporaryFolder { folder in
      let audio = sound(seconds: 1, sampleRate: 22050, channels: 2)
      try audio.write(
        to: (makeFolder(folder / "data") / "a.wav").path, encoding: .wavFloat)
      let representation = Representation.small(channels: 2)
      let dataset = try prepare(folder, representation)
      let resampled = try audio.resampled(to: 8000).channels
      let mid = zip(resampled[0], resampled[1]).map { ($0 + $1) / 2 }
      let side = zip(resampled[0], resampled[1]).map { ($0 - $1) / 2 }
      let analysis = try MelSpectrogram(representation.spectrogram)
      let planes = [mid, side].map(analysis.logMel(of:))
      try #require(planes[0].frames == dataset.clips[0].frames)
      let normalization = dataset.normalization
      for start in [0, 7, planes[0].frames - 16] {
        let values = window(dataset, clip: 0, start: start)
        for row in 0..<32 {
          let deviation = max(normalization.standardDeviation[row], 0.1)
          for frame in 0..<16 {
            let logMel = planes[row / 16][start + frame, row % 16]
            let expected = 0.5 * (logMel - normalization.mean[row]) / deviation
            #expect(abs(values[row * 16 + frame] - expected) < 0.5 * 0.01 / deviation)
          }
        }
      }
    }
  }

  @Test func fillsShortClipsWithSilence() throws {
    try withTemporaryFolder { folder in
      try (folder / "data").write(sound(seconds: 0.04), to: "kick.wav")
      try (folder / "data").write(sound(seconds: 0.001), to: "tick.wav")
      let dataset = try prepare(folder, .small(padsShortClips: true))
      #expect(dataset.clips.map(\.frames) == [6, 1])
      #expect(dataset.skipped.isEmpty)
      let silence = Float(log(1e-11))
      for (clip, frames) in [(0, 6), (1, 1)] {
        let values = window(dataset, clip: clip, start: 0)
        for bin in 0..<16 {
          let (scale, shift) = (dataset.normalization.scale[bin], dataset.normalization.shift[bin])
          let row = values[bin * 16..<(bin + 1) * 16]
          #expect(row.dropFirst(frames).allSatisfy { abs($0 - (silence * scale + shift)) < 1e-4 })
          #expect(row.prefix(frames).allSatisfy { $0 > silence * scale + shift + 0.01 })
        }
      }
    }
  }

  /// Each place where a window can start is drawn equally often.
  @Test func drawsWindowsEvenly() throws {
    try withTemporaryFolder { folder in
      // 19, 16 and 26 frames: 4, 1 and 11 places.
      for (index, samples) in [1152, 960, 1600].enumerated() {
        let audio = sound(seconds: Double(samples) / 8000)
        try (folder / "data").write(audio, to: "\(index).wav")
      }
      let dataset = try prepare(folder)
      try #require(dataset.clips.map(\.frames) == [19, 16, 26])
      var random = RandomGenerator(seed: 1)
      var counts: [[Int]] = [[Int](repeating: 0, count: 4), [0], [Int](repeating: 0, count: 11)]
      for _ in 0..<16000 {
        let (clip, start) = dataset.randomWindow(&random)
        counts[clip][start] += 1
      }
      // 1000 each, with a standard deviation of 31.
      #expect(counts.joined().allSatisfy { abs($0 - 1000) < 150 })
    }
  }

  @Test func saysWhyThereIsNothingToTrainOn() throws {
    try withTemporaryFolder { folder in
      let data = folder / "data"
      try data.write("x", to: "a/b.wav")
      try data.write("x", to: "c.mp3")
      let path = data.path
      let error = #expect(throws: ModelError.self) { try prepare(folder) }
      #expect(
        error?.description
          == "none of the 2 audio files in \(path) can be read, the first, a/b.wav, because: "
          + "not an audio file of a known format")
      try data.write(sound(seconds: 0.05), to: "d.wav")
      try data.write(sound(seconds: 0.1), to: "e.wav")
      #expect(throws: ModelError.allTooShort(path, longest: 0.1, window: 0.128)) {
        try prepare(folder)
      }
    }
  }

  /// What is kept is checked before it is used; the error says what to delete.
  @Test func damagedCacheIsAnError() throws {
    try withTemporaryFolder { folder in
      try (folder / "data").write(sound(seconds: 1), to: "a.wav")
      let home = folder / "cache" / (try prepare(folder).cacheKey)
      let frames = try Data(contentsOf: home / "frames.f16")
      let index = try String(contentsOf: home / "index.json", encoding: .utf8)
      func check(_ damage: () throws -> Void) throws {
        try damage()
        do {
          _ = try prepare(folder)
          Issue.record("damage was not noticed")
        } catch ModelError.damagedCache(let path) {
          #expect(path == home.path)
        }
        try frames.write(to: home / "frames.f16")
        try Data(index.utf8).write(to: home / "index.json")
      }
      try check { try frames.dropLast(2).write(to: home / "frames.f16") }
      try check { try Data().write(to: home / "frames.f16") }
      try check { try FileManager.default.removeItem(at: home / "frames.f16") }
      try check { try home.write(String(index.dropLast(10)), to: "index.json") }
      for (key, value) in [("frames", "9223372036854775807"), ("offset", "-1")] {
        try check {
          let pattern = try Regex("\"\(key)\":[0-9]+")
          try home.write(index.replacing(pattern, with: "\"\(key)\":\(value)"), to: "index.json")
        }
      }
      try check {
        try home.write(
          index.replacing(/"mean":\[[^,]*,/, with: "\"mean\":["), to: "index.json")
      }
    }
  }

  /// Nothing but whole preparations stays in the cache, whatever killed processes have left there.
  @Test func cacheHoldsWholePreparationsOnly() throws {
    try withTemporaryFolder { folder in
      try (folder / "data").write(sound(seconds: 1), to: "a.wav")
      let fingerprint = try prepare(folder).cacheKey
      #expect(try contents(folder / "cache") == [fingerprint])
      #expect(try contents(folder / "cache" / fingerprint) == ["frames.f16", "index.json"])
      try FileManager.default.removeItem(at: folder / "cache" / fingerprint)
      // No process has the greatest number; this one is alive.
      for process in [Int(Int32.max), Int(getppid())] {
        try (folder / "cache").write("", to: ".\(fingerprint).\(process)/frames.f16")
      }
      _ = try prepare(folder)
      #expect(try contents(folder / "cache") == [".\(fingerprint).\(getppid())", fingerprint])
    }
  }

  @Test func cacheFollowsTheEnvironment() {
    let base =
      ProcessInfo.processInfo.environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache"
    #expect(Dataset.defaultCache.path == base + "/compose/datasets")
  }

  private func setAge(_ file: URL) throws {
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: file.path)
  }

  private func makeFolder(_ folder: URL) throws -> URL {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }
}

@Suite struct NormalizationTests {
  /// Rows that hardly ever change are not blown up.
  @Test func scalesToSigmaData() {
    let normalization = Normalization(
      mean: [-3, 2, 1], standardDeviation: [2, 0.001, 0], sigmaData: 0.5)
    #expect(normalization.scale == [0.25, 5, 5])
    #expect(normalization.shift == [0.75, -10, -5])
  }
}

@Suite struct RepresentationTests {
  @Test func midAndSideComeBack() throws {
    let audio = sound(seconds: 0.1, channels: 2)
    let representation = Representation.small(channels: 2)
    let back = try representation.audio(fromChannels: representation.channels(of: audio))
    #expect(back.sampleRate == 8000)
    for (channel, original) in zip(back.channels, audio.channels) {
      #expect(zip(channel, original).allSatisfy { abs($0 - $1) < 1e-6 })
    }
  }

  @Test func monoIsTheMean() throws {
    let audio = sound(seconds: 0.1, channels: 2)
    let mono = try Representation.small().channels(of: audio)
    #expect(mono.count == 1)
    let expected = zip(audio.channels[0], audio.channels[1]).map { ($0 + $1) / 2 }
    #expect(zip(mono[0], expected).allSatisfy { abs($0 - $1) < 1e-6 })
  }
}
