import Foundation
import Spectro
import Testing

@Suite struct AttacksTests {
  static let sampleRate = 22050

  /// Bursts of noise that begin at once every quarter of a second and decay by 60 dB in 0.2 s, over
  /// noise at -80 dB; with each a second burst, `lead` seconds earlier and `echo` times as loud.
  static func bursts(seconds: Double = 2, lead: Double = 0, echo: Float = 0) -> [Float] {
    let count = Int(seconds * Double(sampleRate))
    let noise = Signals.noise(count)
    var samples = noise.map { 1e-4 * $0 }
    for start in stride(from: 0.25, to: seconds - 0.2, by: 0.25) {
      for (offset, gain) in [(0, Float(1)), (lead, echo)] where gain > 0 {
        let first = Int((start - offset) * Double(sampleRate))
        for i in 0..<sampleRate / 5 where first + i < samples.count {
          let decay = Float(exp(-6.9 * Double(i) / Double(sampleRate / 5)))
          samples[first + i] += gain * decay * noise[i]
        }
      }
    }
    return samples
  }

  @Test func findsWhereTheyBegin() {
    let positions = Attacks(of: Self.bursts(), sampleRate: Self.sampleRate).positions
    #expect(positions.count == 7)
    for (i, position) in positions.enumerated() {
      #expect(abs(Double(position) / Double(Self.sampleRate) - 0.25 * Double(i + 1)) < 0.002)
    }
  }

  @Test func aSteadyToneAndSilenceHaveNone() {
    let tone = (0..<Self.sampleRate).map { Float(sin(0.1 * Double($0))) }
    // Its beginning, in the first 20 ms, has nothing to rise from.
    #expect(Attacks(of: tone, sampleRate: Self.sampleRate).positions == [])
    let silence = [Float](repeating: 0, count: Self.sampleRate)
    #expect(Attacks(of: silence, sampleRate: Self.sampleRate).positions == [])
    #expect(Attacks(of: [], sampleRate: Self.sampleRate).smear(of: []) == nil)
  }

  @Test func aCopyWithoutLossHasNoSmear() throws {
    let samples = Self.bursts()
    let smear = try #require(
      Attacks(of: samples, sampleRate: Self.sampleRate).smear(of: samples.map { 0.5 * $0 }))
    #expect(smear.count == 7)
    #expect(smear.copiedRiseTime == smear.riseTime)
    #expect(smear.riseTime <= 0.003)
    #expect(abs(smear.preEcho) < 0.5)
  }

  @Test func measuresAnEchoThatComesEarly() throws {
    let attacks = Attacks(of: Self.bursts(), sampleRate: Self.sampleRate)
    let loud = try #require(attacks.smear(of: Self.bursts(lead: 0.03, echo: 0.1)))
    let quiet = try #require(attacks.smear(of: Self.bursts(lead: 0.03, echo: 0.01)))
    // Ten times the amplitude, 20 dB.
    #expect(abs(loud.preEcho - quiet.preEcho - 20) < 2)
    #expect(loud.preEcho > 20)
    // Loud enough to belong to the rise.
    let early = try #require(attacks.smear(of: Self.bursts(lead: 0.015, echo: 0.3)))
    #expect(abs(early.copiedRiseTime - early.riseTime - 0.015) < 0.003)
  }
}
