import Audio
import Evaluation
import Foundation
import Spectro
import Testing

/// The points that say what a distance means come out in the right order.
@Suite struct ReferencePointTests {
  /// Reports the means of each distance, in both kinds of features.
  private func means(_ report: EvaluationReport, _ features: String) throws -> [[ComparedSet:
    Double]]
  {
    let comparison = try #require(report.comparisons.first { $0.name == features })
    return try [comparison.frechet, comparison.kernel].map { try #require($0).to.mapValues(\.mean) }
  }

  /// Plucked tunes, of which the generated ones, by other seeds, went through a spectrogram of only 48 mel
  /// bins and back.
  @Test func order() throws {
    try withTemporaryFolder { folder in
      let coarse = try RoundTrip(SpectrogramSettings(sampleRate: rate, melBins: 48))
      for seed in 1...24 as ClosedRange<UInt64> {
        try (folder / "real").write(tune(seconds: 6, seed: seed), to: "\(seed).wav")
        let blurred = try coarse.copy(of: [tune(seconds: 6, seed: 100 + seed)])[0]
        try (folder / "blurred").write(blurred, to: "\(seed).wav")
      }
      let report = try EvaluationReport(
        real: AudioFolder((folder / "real").path),
        generated: AudioFolder((folder / "blurred").path),
        windowSeconds: 1.5)
      #expect(report.windowsCompared == 48)
      for means in try means(report, "sound") {
        let order = [.real, .inverted, .generated, .shuffled, .noise].compactMap { means[$0] }
        #expect(order.count == 5 && order == order.sorted() && order[0] < order[1])
      }
      for means in try means(report, "music") + means(report, "learned") {
        let order = [.real, .shuffled, .noise].compactMap { means[$0] }
        #expect(order.count == 3 && order == order.sorted())
      }
    }
  }

  /// The repository's own chorales: 15 clips of 5 s on five instruments. Windows of 1 s, since there is
  /// little. A spectrogram of 256 bins and back costs them nothing that can be told at that size.
  @Test func orderOnRealMusic() throws {
    try withTemporaryFolder { folder in
      let clips =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent() / "../../samples/clips"
      for instrument in ["piano", "strings", "organ", "flute", "guitar"] {
        for piece in ["lift-every-voice", "allor-che-ignuda", "aloha-oe"] {
          let sound = try AudioBuffer(contentsOf: (clips / "\(instrument)/\(piece).flac").path)
          let samples = try sound.mono().resampled(to: rate).channels[0]
          try (folder / "real").write(samples, to: "\(instrument)/\(piece).wav")
        }
      }
      let real = try AudioFolder((folder / "real").path)
      let report = try EvaluationReport(real: real, generated: real, windowSeconds: 1)
      #expect(report.windowsCompared >= 32)
      for means in try ["sound", "music", "learned"].flatMap({ try means(report, $0) }) {
        let (floor, inverted) = (try #require(means[.real]), try #require(means[.inverted]))
        let (shuffled, noise) = (try #require(means[.shuffled]), try #require(means[.noise]))
        #expect(floor < shuffled)
        #expect(abs(inverted - floor) < 0.1 * (shuffled - floor))
        #expect(shuffled < noise)
      }
      let coverage = try #require(report.comparisons.first?.fidelity).mapValues(\.coverage)
      #expect(try #require(coverage[.real]) > #require(coverage[.shuffled]))
      #expect(try #require(coverage[.shuffled]) > #require(coverage[.noise]))
    }
  }

  /// Pieces are moved, and nothing is lost but what fades at the joins.
  @Test func shuffledHoldsTheSameSound() throws {
    let points = try ReferencePoints(sampleRate: rate)
    let samples = tune(seconds: 3, seed: 1)
    var generator = SeededGenerator(seed: 1)
    let shuffled = points.shuffled(samples, using: &generator)
    #expect(shuffled.count == samples.count)
    #expect(shuffled != samples)
    func energy(_ samples: [Float]) -> Double { samples.reduce(0) { $0 + Double($1 * $1) } }
    #expect(abs(energy(shuffled) / energy(samples) - 1) < 0.05)
    let known = Set(samples)
    let kept = shuffled.count { known.contains($0) }
    #expect(Double(kept) > 0.97 * Double(samples.count))
    let noise = points.noise(like: samples, using: &generator)
    #expect(abs(energy(noise) / energy(samples) - 1) < 0.03)
  }
}
