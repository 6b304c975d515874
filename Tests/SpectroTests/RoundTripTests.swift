import Foundation
import Spectro
import Testing

@Suite struct RoundTripTests {
  static let settings = SpectrogramSettings(sampleRate: 8000, fftSize: 512, hopLength: 128)

  @Test func givesACopyOfTheSameLength() throws {
    let trip = try RoundTrip(Self.settings)
    let copy = try trip.copy(of: [Signals.chords, Signals.bursts])
    #expect(copy.map(\.count) == [Signals.sampleCount, Signals.sampleCount])
    let losses = try RoundTrip.Losses(
      of: copy, against: [Signals.chords, Signals.bursts], sampleRate: 8000)
    #expect((-40 ... -8).contains(losses.spectralConvergence))
    #expect((0.01...3).contains(losses.logMelError))
    let attacks = try #require(losses.attacks)
    // The first of the six strokes has nothing to rise from.
    #expect(attacks.count == 5)
    #expect(attacks.copiedRiseTime >= attacks.riseTime)
  }

  @Test func silenceAndNothingComeBack() throws {
    let trip = try RoundTrip(Self.settings)
    let silence = [[Float](repeating: 0, count: 8000)]
    #expect(try trip.copy(of: silence)[0].allSatisfy { abs($0) < 1e-4 })
    #expect(try trip.copy(of: [[]]) == [[]])
  }
}
