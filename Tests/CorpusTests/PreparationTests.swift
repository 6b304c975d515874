import Audio
import Corpus
import Foundation
import Spectro
import Synchronization
import Testing

@Suite struct PreparationTests {
  private struct Stop: Error {}

  private func preparation(_ folder: URL, to name: String, channels: Int = 1) throws -> Preparation
  {
    try Preparation(
      folder: AudioFolder((folder / "data").path), channels: channels,
      settings: SpectrogramSettings(sampleRate: 22050, melBins: 32), output: folder / name)
  }

  private func files(_ folder: URL) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path)
    where !name.hasSuffix(".lock") {
      files[name] = try? Data(contentsOf: folder / name)
    }
    return files
  }

  /// Sound of 16 bits at the right rate is kept to the bit, both channels of it, and sound beyond full
  /// scale is kept softer.
  @Test func keepsTheSamples() throws {
    try withTemporaryFolder { folder in
      let stereo = music(seconds: 1, channels: 2, seed: 1)
      try (folder / "data").write(stereo, to: "a.wav", encoding: .wav16)
      try (folder / "data").write(stereo.scaled(by: 5), to: "b/loud.wav", encoding: .wavFloat)
      let kept = try AudioBuffer(contentsOf: (folder / "data/a.wav").path)
      let set = try preparation(folder, to: "set", channels: 2).run().set
      #expect(set.clipCount == 2 && set.sampleCount == 2 * 22050 && set.name == "data")
      #expect(try set.path(of: 1) == "b/loud.wav")
      #expect(try set.label(of: 0) == nil)
      #expect(try set.label(of: 1) == 0)
      try set.withSamples(of: 0) { samples, scale in
        #expect(scale == Float(1.0 / 32768))
        for (channel, plane) in kept.channels.enumerated() {
          for index in plane.indices
          where plane[index] != Float(samples[2 * index + channel]) * scale {
            Issue.record("sample \(index) of channel \(channel) is another")
            return
          }
        }
      }
      try set.withSamples(of: 1) { samples, scale in
        let error = stereo.channels[0].indices.map {
          abs(5 * stereo.channels[0][$0] - Float(samples[2 * $0]) * scale)
        }.max()!
        #expect(error <= scale / 2 * 1.02 && 5 * stereo.peak > 1)
      }
      try set.verify()
    }
  }

  /// One that was stopped at any file goes on, and ends in the same bytes as one that was not; what
  /// was whole is not made again.
  @Test(arguments: [1, 17, 39])
  func goesOnWhereItStopped(_ stop: Int) throws {
    try withTemporaryFolder { folder in
      // 265 kB each: a shard for every four.
      for index in 0..<40 {
        try (folder / "data").write(
          music(seconds: 6, seed: UInt64(index)), to: "\(index % 3)/\(index).wav")
      }
      let whole = try preparation(folder, to: "whole").run()
      #expect(!whole.wasWhole && whole.set.shardCount > 8)
      let done = Mutex(0)
      #expect(throws: Stop.self) {
        try preparation(folder, to: "parts").run(
          progress: { count, _ in done.withLock { $0 = count } },
          check: { if done.withLock({ $0 }) >= stop { throw Stop() } })
      }
      #expect(throws: CorpusError.notPrepared((folder / "parts").path)) {
        try PreparedSet(folder / "parts")
      }
      let before = try files(folder / "parts")
      let records = before.keys.filter { $0.hasPrefix("shards/") && $0.hasSuffix(".json") }
      let dates = try records.map {
        try date(folder / "parts" / $0.replacing(".json", with: ".pcm"))
      }
      let counts = Mutex<[Int]>([])
      let rest = try preparation(folder, to: "parts").run(progress: { count, all in
        #expect(all == 40)
        counts.withLock { $0.append(count) }
      })
      #expect(!rest.wasWhole)
      #expect(rest.set.fingerprint == whole.set.fingerprint)
      #expect(try files(folder / "parts") == files(folder / "whole"))
      for (record, date) in zip(records, dates) {
        #expect(try self.date(folder / "parts" / record.replacing(".json", with: ".pcm")) == date)
      }
      if stop > 20 { #expect(!records.isEmpty && counts.withLock { $0.first! } > 1) }
      #expect(try preparation(folder, to: "parts").run().wasWhole)
    }
  }

  @Test func leavesOtherFoldersAlone() throws {
    try withTemporaryFolder { folder in
      try (folder / "data").write(music(seconds: 1, seed: 1), to: "a.wav")
      try (folder / "mine").write("dear diary", to: "diary.txt")
      let path = (folder / "mine").path
      #expect(throws: CorpusError.occupied(path, reason: "it holds something else")) {
        try preparation(folder, to: "mine").run()
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["diary.txt"])
      _ = try preparation(folder, to: "set").run()
      try (folder / "data").write(music(seconds: 1, seed: 2), to: "b.wav")
      #expect(throws: CorpusError.self) { try preparation(folder, to: "set").run() }
      #expect(throws: CorpusError.self) { try preparation(folder, to: "set", channels: 2).run() }
    }
  }

  /// A preparation that ended before its plan stood, as on a full disk, goes on, and so does one that an
  /// older version left so; what is nobody's shard is somebody's.
  @Test func goesOnFromNothing() throws {
    try withTemporaryFolder { folder in
      try (folder / "data").write(music(seconds: 1, seed: 1), to: "a.wav")
      try (folder / "early").write("", to: ".lock")
      try (folder / "early").write("{", to: ".plan.json.7.tmp")
      try (folder / "old").write("", to: ".lock")
      try (folder / "old").write("noise", to: "shards/000000.pcm")
      for name in ["early", "old"] {
        let set = try preparation(folder, to: name).run().set
        #expect(try set.samples(of: 0) == 22050)
        try set.verify()
      }
      try (folder / "mine").write("", to: "shards/bottle.txt")
      let path = (folder / "mine").path
      #expect(throws: CorpusError.occupied(path, reason: "it holds something else")) {
        try preparation(folder, to: "mine").run()
      }
      #expect(FileManager.default.fileExists(atPath: path + "/shards/bottle.txt"))
    }
  }

  /// What cannot be written is told by the system's words.
  @Test func saysWhyItCannotWrite() throws {
    try withTemporaryFolder { folder in
      let file = folder / "absent/plan.json"
      #expect(
        throws: CorpusError.cannotWrite(file.path, reason: "No such file or directory")
      ) { try writeWhole([Data("{}".utf8)], to: file) }
      try writeWhole([Data("a".utf8), Data("b".utf8)], to: folder / "ab")
      #expect(try String(contentsOf: folder / "ab", encoding: .utf8) == "ab")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["ab"])
    }
  }

  /// Any damage of the sound is found by its checksum.
  @Test func findsDamagedSound() throws {
    try withTemporaryFolder { folder in
      try (folder / "data").write(music(seconds: 5, seed: 1), to: "a.wav")
      let set = try preparation(folder, to: "set").run().set
      try set.verify()
      let shard = folder / "set/shards/000000.pcm"
      var data = try Data(contentsOf: shard)
      data[12345] ^= 1
      try data.write(to: shard)
      #expect(
        throws: CorpusError.damaged(
          (folder / "set").path, reason: "shard 0 has a wrong checksum")
      ) { try PreparedSet(folder / "set").verify() }
      // Training does not ask: what is read is checked, and what is not read is not.
      let damaged = try PreparedSet(folder / "set")
      for part in [nil, 6172..<6173, -5..<7000] as [Range<Int>?] {
        #expect(
          throws: CorpusError.damaged(
            (folder / "set").path, reason: "shard 0 has a wrong checksum")
        ) { try damaged.withSamples(of: 0, part: part) { _, _ in } }
      }
      for part in [40_000..<50_000, 100_000..<200_000] {
        try damaged.withSamples(of: 0, part: part) { samples, _ in
          #expect(samples.count == 5 * 22050)
        }
      }
      let checksums = folder / "set/shards/000000.crc"
      #expect(try Data(contentsOf: checksums).count == 4 * 4)
      try FileManager.default.removeItem(at: checksums)
      #expect(throws: CorpusError.self) {
        try PreparedSet(folder / "set").withSamples(of: 0, part: 40_000..<50_000) { _, _ in }
      }
    }
  }

  /// So is a changed digit of the statistics; those without a checksum, of older versions, are made anew.
  @Test func findsDamagedStatistics() throws {
    try withTemporaryFolder { folder in
      try (folder / "data").write(music(seconds: 1, seed: 1), to: "a.wav")
      let preparation = try preparation(folder, to: "set")
      let statistics = try preparation.run().set.statistics(for: preparation.settings)
      let name = try #require(
        FileManager.default.contentsOfDirectory(atPath: (folder / "set").path)
          .first { $0.hasPrefix("statistics-") })
      let whole = try Data(contentsOf: folder / "set" / name)
      let digits = whole.indices.filter { 0x30...0x38 ~= whole[$0] }
      for place in stride(from: 0, to: digits.count, by: 37).map({ digits[$0] }) {
        var damaged = whole
        damaged[place] += 1
        try damaged.write(to: folder / "set" / name)
        let expected = CorpusError.damaged((folder / "set").path, reason: "\(name) is damaged")
        #expect(throws: expected) {
          try PreparedSet(folder / "set").statistics(for: preparation.settings)
        }
        #expect(throws: expected) { try PreparedSet(folder / "set").verify() }
      }
      let lines = String(decoding: whole, as: UTF8.self).split(separator: "\n")
      #expect(lines[1].contains("bytes") && lines[2].contains("crc32c"))
      let unsealed = ([lines[0]] + lines[3...]).joined(separator: "\n")
        .replacing("\"frames\" : ", with: "\"frames\" : 1")
      try Data(unsealed.utf8).write(to: folder / "set" / name)
      #expect(
        try PreparedSet(folder / "set").statistics(for: preparation.settings) == statistics)
      #expect(try Data(contentsOf: folder / "set" / name) == whole)
    }
  }

  /// Made on the way or afterwards, statistics are those of the whole files' spectrograms.
  @Test func statisticsAreThoseOfTheFrames() throws {
    try withTemporaryFolder { folder in
      for index in 0..<3 {
        try (folder / "data").write(
          music(seconds: 4, seed: UInt64(index)), to: "\(index).wav", encoding: .wav16)
      }
      let set = try preparation(folder, to: "set").run().set
      for settings in [
        SpectrogramSettings(sampleRate: 22050, melBins: 32),
        SpectrogramSettings(sampleRate: 22050, fftSize: 1024, hopLength: 300, melBins: 24),
      ] {
        let mel = try MelSpectrogram(settings)
        let planes = try (0..<3).map { index in
          mel.logMel(
            of: try AudioBuffer(contentsOf: (folder / "data/\(index).wav").path).channels[0])
        }
        let statistics = try set.statistics(for: settings)
        let frames = planes.reduce(0) { $0 + $1.frames }
        #expect(statistics.frames == frames)
        for bin in 0..<settings.melBins {
          let values = planes.flatMap { plane in
            (0..<plane.frames).map { Double(plane[$0, bin]) }
          }
          let mean = values.reduce(0, +) / Double(frames)
          let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(frames)
          #expect(abs(statistics.mean[bin] - mean) < 1e-9)
          #expect(abs(statistics.standardDeviation[bin] - variance.squareRoot()) < 1e-6)
        }
        // The second time they are read.
        #expect(try PreparedSet(folder / "set").statistics(for: settings) == statistics)
      }
    }
  }

  private func date(_ file: URL) throws -> Date {
    try #require(
      FileManager.default.attributesOfItem(atPath: file.path)[.modificationDate] as? Date)
  }
}
