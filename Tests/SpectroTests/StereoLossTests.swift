import Foundation
import Spectro
import Testing

@Suite struct StereoLossTests {
  static let rate = 22050

  static func tone(_ frequency: Double, _ level: Double = 0.4) -> [Float] {
    (0..<2 * rate).map { Float(level * sin(2 * .pi * frequency * Double($0) / Double(rate))) }
  }

  private func losses(_ copy: [[Float]], _ original: [[Float]]) throws -> RoundTrip.Losses {
    try RoundTrip.Losses(of: copy, against: original, sampleRate: Self.rate)
  }

  private func roundTrip(_ sound: [[Float]]) throws -> RoundTrip.Losses {
    let trip = try RoundTrip(SpectrogramSettings(sampleRate: Self.rate), iterations: 8)
    let planes = try trip.copy(of: [
      zip(sound[0], sound[1]).map { ($0 + $1) / 2 }, zip(sound[0], sound[1]).map { ($0 - $1) / 2 },
    ])
    return try losses(
      [zip(planes[0], planes[1]).map { $0 + $1 }, zip(planes[0], planes[1]).map { $0 - $1 }],
      sound)
  }

  /// One tone changes sides and the other stays: over the energy of both, half of 40 dB. Mid is the
  /// same as before, and so are the magnitudes of side.
  @Test func tonesThatChangeSidesAreLost() throws {
    let (low, high) = (Self.tone(440), Self.tone(660))
    let silence = [Float](repeating: 0, count: low.count)
    let losses = try losses([zip(low, high).map { $0 + $1 }, silence], [low, high])
    let stereo = try #require(losses.stereo)
    #expect(abs(stereo.levelError - 20) < 1)
    #expect(stereo.places == .lost)
    #expect(stereo.planesConvergence < -30)
    #expect(losses.spectralConvergence > -3)
    #expect(losses.isStereoTheCause)
  }

  @Test func tonesFarLeftAndRightAreLostOnTheWay() throws {
    let losses = try roundTrip([Self.tone(440), Self.tone(660)])
    #expect(losses.stereo?.places == .lost)
    #expect(losses.isStereoTheCause)
  }

  /// Wide, but each tone is as loud on both sides: one in phase, one against it.
  @Test func wideSoundsInTheMiddleAreKept() throws {
    let (low, high) = (Self.tone(440), Self.tone(660))
    let losses = try roundTrip([
      zip(low, high).map { $0 + $1 }, zip(low, high).map { $0 - $1 },
    ])
    let stereo = try #require(losses.stereo)
    #expect(stereo.levelError < 0.5)
    #expect(stereo.places == .kept)
    #expect(!losses.isStereoTheCause)
  }

  /// Noise that differs left and right stands on no side in any copy of it.
  @Test func noiseAllAroundStaysAround() throws {
    let noise = Signals.noise(4 * 44100)
    let (first, second) = (Array(noise.prefix(2 * 44100)), Array(noise.suffix(2 * 44100)))
    let losses = try losses([second, first], [first, second])
    #expect(losses.stereo?.places == .kept)
  }

  /// A level that is off by a known amount is measured as that: 3 dB.
  @Test func measuresDecibels() throws {
    let low = Self.tone(440)
    let stereo = try #require(
      try losses([low.map { $0 * 0.70795 }, low], [low, low]).stereo)
    #expect(abs(stereo.levelError - 3) < 0.1)
    #expect(stereo.places == .blurred)
    let same = try #require(try losses([low, low], [low, low]).stereo)
    #expect(same.levelError == 0 && same.planesConvergence == -120)
  }
}
