import Audio
import Corpus
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

  /// - Parameter start: a sample.
  private func window(_ data: Dataset, clip: Int, start: Int) throws -> [Float] {
    let size =
      data.representation.channels * data.representation.spectrogram.melBins
      * data.representation.windowFrames
    var values = [Float](repeating: 0, count: size)
    try values.withUnsafeMutableBufferPointer {
      try data.copyWindow(clip: clip, start: start, to: $0.baseAddress!)
    }
    return values
  }

  private func paths(_ data: Dataset) throws -> [String] {
    try (0..<data.source.clipCount).map(data.source.path(of:))
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
      let source = dataset.source
      let all = ["hats/short.wav", "kicks/long.wav", "snares/stereo.flac", "top.wav"]
      #expect(try paths(dataset) == all)
      #expect(source.labels.map(\.name) == ["hats", "kicks", "snares"])
      #expect(try (0..<4).map(source.label(of:)) == [0, 1, 2, nil])
      #expect(try (0..<4).map(source.samples(of:)) == [400, 16000, 12000, 8000])
      #expect(dataset.fileCount == 3)
      #expect(dataset.training.filesOfLabels == [1, 1])
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
      #expect(try paths(second) == paths(first))
      #expect(second.normalization == first.normalization)
      #expect(second.fingerprint == first.fingerprint)
      #expect(try window(second, clip: 1, start: 200) == window(first, clip: 1, start: 200))
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
        let before = try prepare(folder).source.key
        try change()
        return try prepare(folder).source.key != before
      }
      #expect(try changes { try data.write(sound(seconds: 1.25), to: "a.wav") })
      #expect(try prepare(folder).seconds == 1.25)
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

  /// Mid and side of a stereo file at another rate, normalised.
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
      let normalization = dataset.normalization
      // The frames of the whole, to the rounding of samples to 16 bits.
      for start in [0, 7, planes[0].frames - 16] {
        let values = try window(dataset, clip: 0, start: 64 * start)
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
      #expect(try (0..<2).map(dataset.source.samples(of:)) == [320, 8])
      #expect(dataset.skipped.isEmpty)
      let silence = Float(log(1e-11))
      // The last frames that see anything of them are those around 128 samples after their ends.
      for (clip, frames) in [(0, 7), (1, 3)] {
        let values = try window(dataset, clip: clip, start: 0)
        for bin in 0..<16 {
          let (scale, shift) = (dataset.normalization.scale[bin], dataset.normalization.shift[bin])
          let row = values[bin * 16..<(bin + 1) * 16]
          #expect(row.dropFirst(frames).allSatisfy { abs($0 - (silence * scale + shift)) < 1e-4 })
          #expect(row.prefix(frames - 1).allSatisfy { $0 > silence * scale + shift + 0.01 })
        }
      }
    }
  }

  /// Files by their lengths, and every sample where a window can start equally often.
  @Test func drawsWindowsEvenly() throws {
    try withTemporaryFolder { folder in
      for (index, samples) in [1152, 960, 1888].enumerated() {
        let audio = sound(seconds: Double(samples) / 8000)
        try (folder / "data").write(audio, to: "\(index).wav")
      }
      let dataset = try prepare(folder)
      var random = RandomGenerator(seed: 1)
      var counts = [0, 0, 0]
      var starts = [Int](repeating: 0, count: 1152 - 960 + 1)
      for _ in 0..<16000 {
        let place = try dataset.training.random(&random)
        counts[place.clip] += 1
        var variation = Variation()
        let start = dataset.spectrograms.start(in: place.samples, &variation, &random)
        #expect((0...place.samples - 960).contains(start))
        if place.clip == 0 { starts[start] += 1 }
      }
      // 4608, 3840 and 7552, with standard deviations of about 60.
      for (count, expected) in zip(counts, [4608, 3840, 7552]) {
        #expect(abs(count - expected) < 250)
      }
      // 24 each, with a standard deviation of 5.
      #expect(starts.allSatisfy { $0 > 2 && $0 < 50 })
    }
  }

  /// A window starts at any sample: its frames are those of the sound from there on, except where
  /// the cut is seen.
  @Test func windowsStartAtAnySample() throws {
    try withTemporaryFolder { folder in
      let audio = sound(seconds: 1)
      try audio.write(to: (makeFolder(folder / "data") / "a.wav").path, encoding: .wav16)
      let dataset = try prepare(folder)
      let kept = try AudioBuffer(contentsOf: (folder / "data/a.wav").path).channels[0]
      let analysis = try MelSpectrogram(dataset.representation.spectrogram)
      let (scale, shift) = (dataset.normalization.scale, dataset.normalization.shift)
      for start in [1, 37, 1000, 7039] {
        let plane = analysis.logMel(of: Array(kept[start...]))
        let values = try window(dataset, clip: 0, start: start)
        for bin in 0..<16 {
          for frame in 2..<14 {
            let expected = plane[frame, bin] * scale[bin] + shift[bin]
            #expect(abs(values[bin * 16 + frame] - expected) < 1e-5)
          }
        }
      }
    }
  }

  @Test func saysWhyThereIsNothingToTrainOn() throws {
    try withTemporaryFolder { folder in
      let data = folder / "data"
      try data.write("x", to: "a/b.wav")
      try data.write("x", to: "c.mp3")
      let path = data.path
      let error = #expect(throws: CorpusError.self) { try prepare(folder) }
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
      let home = try prepare(folder).source.folder
      let names =
        try contents(home).filter { $0.contains("statistics") }
        + ["index.compose", "shards/000000.pcm"]
      #expect(names.count == 3)
      func check(_ name: String, _ damage: (Data) throws -> Data?) throws {
        let whole = try Data(contentsOf: home / name)
        if let damaged = try damage(whole) {
          try damaged.write(to: home / name)
        } else {
          try FileManager.default.removeItem(at: home / name)
        }
        do {
          _ = try prepare(folder)
          Issue.record("damage of \(name) was not noticed")
        } catch CorpusError.damaged(let path, let reason) {
          #expect(path == home.path && !reason.contains("\n"))
        }
        try whole.write(to: home / name)
      }
      for name in names {
        try check(name) { $0.dropLast(2) }
        try check(name) { _ in Data() }
      }
      try check("shards/000000.pcm") { _ in nil }
      // Whatever byte of the index it is.
      let length = try Data(contentsOf: home / "index.compose").count
      for position in stride(from: 0, to: length, by: 7) {
        try check("index.compose") { data in
          var data = data
          data[position] ^= 0x40
          return data
        }
      }
      #expect(try prepare(folder).fileCount == 1)
    }
  }

  /// Whole files of each label, chosen by their names; the others are all trained on.
  @Test func holdsOutWholeFiles() throws {
    try withTemporaryFolder { folder in
      for index in 0..<20 {
        let label = index < 14 ? "a" : "b"
        try (folder / "data").write(
          sound(seconds: 0.2, seed: UInt64(index)), to: "\(label)/\(index).wav")
      }
      func split(_ fraction: Double) throws -> Dataset {
        try Dataset(
          folder: AudioFolder((folder / "data").path), representation: .small(),
          heldOut: fraction, cache: folder / "cache")
      }
      func drawn(_ windows: Windows) throws -> Set<Int> {
        var random = RandomGenerator(seed: 1)
        return Set(try (0..<1000).map { _ in try windows.random(&random).clip })
      }
      let data = try split(0.2)
      let heldOut = try #require(data.heldOut)
      #expect(heldOut.filesOfLabels == [3, 1] && data.training.filesOfLabels == [11, 5])
      let (kept, trained) = (try drawn(heldOut), try drawn(data.training))
      #expect(kept.count == 4 && trained.count == 16 && kept.isDisjoint(with: trained))
      // More of them are these and others.
      let more = try drawn(#require(split(0.4).heldOut))
      #expect(more.count == 8 && kept.isSubset(of: more))
      // One at least, where there are ten; none in tiny sets, or where none are wanted.
      #expect(try split(0.01).heldOut?.filesOfLabels == [1, 0])
      #expect(try split(0).heldOut == nil)
      for index in 0..<11 {
        try FileManager.default.removeItem(at: folder / "data/a/\(index).wav")
      }
      #expect(try split(0.5).heldOut == nil)
    }
  }

  /// Of labels with few files each, and beside files that are too short, still a part of all that can be
  /// learned from.
  @Test func holdsOutAPartOfAllThatIsUsable() throws {
    try withTemporaryFolder { folder in
      for index in 0..<24 {
        try (folder / "data").write(
          sound(seconds: index % 2 == 0 ? 0.2 : 0.005, seed: UInt64(index)),
          to: "\(index / 4)/\(index).wav")
      }
      let data = try Dataset(
        folder: AudioFolder((folder / "data").path), representation: .small(), heldOut: 0.25,
        cache: folder / "cache")
      #expect(data.skippedCount == 12)
      let heldOut = try #require(data.heldOut)
      #expect(heldOut.fileCount == 3 && data.training.fileCount == 9)
      // From different labels, and never all of one.
      #expect(heldOut.filesOfLabels.max() == 1)
      #expect(data.training.filesOfLabels.min()! >= 1 && data.labels.count == 6)
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
