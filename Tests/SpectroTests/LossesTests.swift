import Foundation
import Spectro
import Testing

@Suite struct LossesTests {
  private func losses(_ copy: [[Float]], _ original: [[Float]]) throws -> RoundTrip.Losses {
    try RoundTrip.Losses(of: copy, against: original, sampleRate: Signals.sampleRate)
  }

  @Test func measuresWhatIsKnown() throws {
    let same = try losses([Signals.chords], [Signals.chords])
    #expect(same.spectralConvergence == -120)
    #expect(same.logMelError == 0)
    #expect(!same.isSilent && same.stereo == nil && same.nearness == .close)
    // A tenth less of everything: 20 log10(0.1), and 20 log10(0.9) of each mel value.
    let quieter = try losses([Signals.bursts.map { 0.9 * $0 }], [Signals.bursts])
    #expect(abs(quieter.spectralConvergence + 20) < 1e-3)
    #expect(abs(quieter.logMelError - 0.915) < 0.01)
    // Both channels count alike where they are as loud.
    let half = try losses(
      [Signals.voice.map { 0.9 * $0 }, Signals.voice], [Signals.voice, Signals.voice])
    #expect(abs(half.spectralConvergence + 23.01) < 1e-2)
  }

  /// What is more than 80 dB below the loudest counts as equal, and no more: noise whose second half
  /// is softer than the first by a known number of decibels.
  @Test func theLogMelErrorEndsEightyDecibelsDown() throws {
    let noise = Signals.noise(80_000)
    func halves(_ level: Float) -> [Float] {
      noise.prefix(40_000) + noise.suffix(40_000).map { $0 * level }
    }
    let silent = halves(1e-7)
    // -140 dB against -120: neither is seen.
    #expect(try losses([halves(1e-6)], [silent]).logMelError < 0.01)
    // The loudest value of noise is some decibels above the mean, so that -60 dB stands out of the
    // floor of 80 dB below it by less than 20 dB: by 12 to 15, and so by half of that in the mean.
    let seen = try losses([halves(1e-3)], [silent]).logMelError
    #expect((4.0...8).contains(seen))
    // 10 dB more in the copy is 10 dB more of error in that half.
    let louder = try losses([halves(1e-3 * 3.1623)], [silent]).logMelError
    #expect(abs(louder - seen - 5) < 0.5)
  }

  @Test func silenceHasNothingToLose() throws {
    let silence = [[Float](repeating: 0, count: 8000)]
    let losses = try losses([Signals.noise(8000)], silence)
    #expect(losses.isSilent && losses.spectralConvergence == -120 && losses.logMelError == 0)
    #expect(losses.attacks == nil && losses.stereo == nil)
    #expect(try self.losses([[]], [[]]).isSilent)
    #expect(throws: SpectroError.self) {
      try RoundTrip.Losses(of: silence, against: silence, sampleRate: 10)
    }
  }

  @Test func summarizesWhatSounds() throws {
    let good = try losses([Signals.bursts.map { 0.9 * $0 }], [Signals.bursts])
    let bad = try losses([Signals.bursts.map { 0.5 * $0 }], [Signals.bursts])
    let silent = try losses([[0, 0]], [[0, 0]])
    let summary = try #require(RoundTrip.Summary([good, silent, bad]))
    #expect(summary.worst == 2)
    #expect(abs(summary.spectralConvergence - (-20 - 6.0206) / 2) < 1e-2)
    #expect(abs(summary.logMelError - (good.logMelError + bad.logMelError) / 2) < 1e-9)
    #expect(RoundTrip.Summary([silent]) == nil)
    #expect(RoundTrip.Summary([]) == nil)
  }

  @Test(arguments: [
    (-25.1, RoundTrip.Losses.Nearness.close), (-24.9, .slightlyBlurred), (-17.9, .blurred),
    (-11.9, .muchBlurred),
  ])
  func namesHowNear(_ convergence: Double, _ nearness: RoundTrip.Losses.Nearness) {
    #expect(RoundTrip.Losses.Nearness(convergence: convergence) == nearness)
  }

  @Test(arguments: [
    (0.015, 2.9, true), (0.013, 2.9, true), (0.016, 2.9, false), (0.012, 3.1, false),
  ])
  func attacksAreKeptOrNot(_ copied: Double, _ preEcho: Double, _ isKept: Bool) throws {
    let attacks = Attacks(of: Signals.bursts, sampleRate: Signals.sampleRate)
    var smear = try #require(attacks.smear(of: Signals.bursts))
    (smear.riseTime, smear.copiedRiseTime, smear.preEcho) = (0.012, copied, preEcho)
    #expect(smear.isKept == isKept)
  }
}
