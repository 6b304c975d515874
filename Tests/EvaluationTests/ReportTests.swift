import Audio
import Evaluation
import Foundation
import Testing

@Suite struct ReportTests {
  private func report(
    _ folder: URL, training: String? = nil, seconds: Double = 3
  ) throws -> EvaluationReport {
    try EvaluationReport(
      real: AudioFolder((folder / "real").path),
      generated: AudioFolder((folder / "generated").path),
      training: training.map { try AudioFolder((folder / $0).path) }, windowSeconds: seconds)
  }

  /// More music by the same hand lies near the floor; one tune again and again covers little.
  @Test func fidelityAndDiversity() throws {
    try withTemporaryFolder { folder in
      for seed in 1...16 as ClosedRange<UInt64> {
        try (folder / "real").write(tune(seconds: 15, seed: seed), to: "\(seed).wav")
        try (folder / "generated").write(tune(seconds: 15, seed: 100 + seed), to: "\(seed).wav")
      }
      let alike = try report(folder)
      #expect(alike.windowsCompared == 40)
      let music = try #require(alike.comparisons.first { $0.name == "music" })
      #expect(try #require(music.kernel.wayClosed) > 0.7)
      #expect(try #require(music.fidelity[.generated]).coverage > 0.6)
      #expect(alike.notes == [])
      for trait in alike.music.traits {
        #expect(abs(trait.relativeDifference ?? 0) < 0.15, "\(trait.name)")
      }

      for seed in 1...16 as ClosedRange<UInt64> {
        try (folder / "generated").write(tune(seconds: 15, seed: 101), to: "\(seed).wav")
      }
      let single = try report(folder)
      let same = try #require(
        single.comparisons.first { $0.name == "music" }?.fidelity[.generated])
      #expect(same.recall < 0.4)
      #expect(same.coverage < 0.5)
    }
  }

  /// What is copied is found where it was copied from, softer and in the middle of other music.
  @Test func findsCopies() throws {
    try withTemporaryFolder { folder in
      for seed in 1...12 as ClosedRange<UInt64> {
        try (folder / "training").write(tune(seconds: 20, seed: seed), to: "\(seed).wav")
        try (folder / "real").write(tune(seconds: 18, seed: 50 + seed), to: "\(seed).wav")
        try (folder / "generated").write(tune(seconds: 6, seed: 100 + seed), to: "\(seed).wav")
      }
      let copied = tune(seconds: 20, seed: 7).map { 0.7 * $0 }
      let start = Int(8.37 * Double(rate))
      let own = tune(seconds: 6, seed: 200)
      let mixed = Array(own[..<rate] + copied[start..<start + 5 * rate])
      try (folder / "generated").write(mixed, to: "copy.wav")
      // A link to a training file is that file, and says nothing.
      try FileManager.default.createSymbolicLink(
        at: folder / "real/link.wav", withDestinationURL: folder / "training/3.wav")

      let audit = try #require(try report(folder, training: "training").memorisation)
      #expect(audit.trainingFiles == 12)
      #expect(abs(audit.trainingSeconds - 240) < 1)
      let nearest = try #require(audit.matches.first)
      #expect(nearest.file == "copy.wav")
      #expect(nearest.trainingFile == "7.wav")
      #expect(nearest.similarity > 0.95)
      // Both times are of the same moment.
      #expect(abs((nearest.time - 1) - (nearest.trainingTime - 8.37)) < 0.06)
      #expect(try #require(audit.threshold) < 0.95)
      #expect(try #require(audit.nearer) >= 1)
      #expect(audit.matches.dropFirst().allSatisfy { $0.similarity < 0.95 })
      #expect(audit.matches.count == 13)
      let links = audit.realMatches.filter { $0.file == "link.wav" }
      #expect(links.count == 4)
      #expect(links.allSatisfy { $0.trainingFile != "3.wav" && $0.similarity < 0.95 })
    }
  }

  /// Similarities are Pearson's correlations over all shifts, computed here one by one.
  @Test func similaritiesAreCorrelations() throws {
    var generator = SeededGenerator(seed: 9)
    let bands = PassageLevels.bands
    func levels(_ frames: Int) -> PassageLevels {
      PassageLevels(
        values: (0..<frames * bands).map { _ in Float(generator.nextNormal() + 0.5) },
        frames: frames)
    }
    let (query, file) = (levels(48), levels(90))
    let passages = Passages(of: [query, levels(10)], length: 12, limit: 10)
    // Three passages, each in two phases, of which the last ends with the file in the first one.
    let lengths = passages.all.map(\.frames)
    #expect(lengths == [12, 12, 12, 12, 12, 12, 5, 5])
    // The second phase of the second passage.
    let frames = (0..<12).flatMap { frame -> [Float] in
      let first = (13 + 2 * frame) * bands
      return Array(query.values[first..<first + bands])
    }
    let likeness = correlation(passages.all[3].values.map(Double.init), frames.map(Double.init))
    #expect(abs(try #require(likeness) - 1) < 1e-6)
    let matches = passages.bestMatches(in: file)
    for (passage, match) in zip(passages.all, matches) {
      let values = passage.values.map(Double.init)
      let all = (0...file.frames - passage.frames).map { start -> Double in
        let there = file.values[start * bands..<(start + passage.frames) * bands].map(Double.init)
        return correlation(values, there) ?? 0
      }
      let best = all.indices.max { all[$0] < all[$1] }
      #expect(match.start == best)
      #expect(abs(Double(match.similarity) - all[match.start]) < 1e-5)
    }
  }

  /// Little music gets what figures it can, and is told why others are missing.
  @Test func tooLittle() throws {
    try withTemporaryFolder { folder in
      for name in ["real/one.wav", "generated/one.wav"] {
        try folder.write(tune(seconds: 10, seed: 3), to: name)
      }
      let single = try report(folder)
      #expect(single.comparisons.isEmpty && single.windowsCompared == 0)
      #expect(single.notes.contains { $0.hasPrefix("too few: the floor takes two halves") })
      #expect(single.music.traits.first { $0.name == "key clarity" }?.difference == 0)

      try folder.write(tune(seconds: 10, seed: 4), to: "real/two.wav")
      try folder.write([Float](repeating: 0, count: 3 * rate), to: "generated/silent.wav")
      try folder.write([Float](repeating: 0.1, count: 200), to: "generated/short.wav")
      let double = try report(folder)
      #expect(double.notes.contains { $0.hasPrefix("too few: 3 windows of 3 s in each set") })
      #expect(double.notes.contains("1 silent generated window left out of the musical statistics"))
      #expect(double.generated.skipped.map(\.path) == ["short.wav"])

      try FileManager.default.removeItem(at: folder / "generated")
      try folder.write([Float](repeating: 0.1, count: 200), to: "generated/short.wav")
      #expect(throws: EvaluationError.self) { try report(folder) }
    }
  }

  /// One-shots of any length count whole; other rates and channels are brought to one.
  @Test func takesOtherRatesAndShortFiles() throws {
    try withTemporaryFolder { folder in
      for seed in 1...24 as ClosedRange<UInt64> {
        let shot = Array(tune(seconds: 0.3 + 0.02 * Double(seed), seed: seed))
        try (folder / "generated").write(shot, to: "\(seed).wav")
        let other = Array(tune(seconds: 0.3 + 0.02 * Double(seed), seed: 100 + seed))
        let stereo = AudioBuffer(channels: [other, other], sampleRate: rate)
        try FileManager.default.createDirectory(
          at: folder / "real", withIntermediateDirectories: true)
        try stereo.resampled(to: 44100).write(
          to: (folder / "real/\(seed).flac").path, overwrite: true)
      }
      let report = try report(folder, training: "real")
      #expect(report.sampleRate == rate)
      #expect(report.real.windows == 24 && report.generated.windows == 24)
      #expect(report.windowsCompared == 12)
      let sound = try #require(report.comparisons.first { $0.name == "sound" })
      #expect(sound.kernel.to.values.allSatisfy { $0.mean.isFinite })
      #expect(
        try #require(sound.kernel.to[.generated]).mean < #require(sound.kernel.to[.noise]).mean)
      #expect(report.memorisation?.matches.count == 24)
    }
  }

  /// The same folders give the same figures, to the bit, whatever the threads did.
  @Test func isDeterministic() throws {
    try withTemporaryFolder { folder in
      for seed in 1...6 as ClosedRange<UInt64> {
        try (folder / "real").write(tune(seconds: 13, seed: seed), to: "\(seed).wav")
        try (folder / "generated").write(tune(seconds: 7, seed: 100 + seed), to: "\(seed).wav")
      }
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      let reports = try (0..<2).map { _ in
        try encoder.encode(report(folder, training: "real"))
      }
      #expect(reports[0] == reports[1])
      let read = try JSONDecoder().decode(EvaluationReport.self, from: reports[0])
      #expect(read.windowsCompared == 12)
    }
  }
}
