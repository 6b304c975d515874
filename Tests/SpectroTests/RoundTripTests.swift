import Foundation
import Spectro
import Testing

@Suite struct RoundTripTests {
  static let settings = SpectrogramSettings(sampleRate: 8000, fftSize: 512, hopLength: 128)

  @Test func givesACopyOfTheSameLength() throws {
    let trip = try RoundTrip(Self.settings)
    let copy = try trip.copy(of: [Signals.chords, Signals.bursts])
    #expect(copy.map(\.count) == [Signals.sampleCount, Signals.sampleCount])
    let losses = trip.losses(of: copy, against: [Signals.chords, Signals.bursts])
    #expect((-40 ... -8).contains(losses.spectralConvergence))
    #expect((0.01...3).contains(losses.logMelError))
    let attacks = try #require(losses.attacks)
    // The first of the six strokes has nothing to rise from.
    #expect(attacks.count == 5)
    #expect(attacks.copiedRiseTime >= attacks.riseTime)
  }

  @Test func measuresWhatIsKnown() throws {
    var settings = Self.settings
    settings.floor = 1e-20
    let trip = try RoundTrip(settings)
    let same = trip.losses(of: [Signals.chords], against: [Signals.chords])
    #expect(same.spectralConvergence == -120)
    #expect(same.logMelError == 0)
    // A tenth less of everything: 20 log10(0.1), and 20 log10(0.9) of each mel value.
    let quieter = trip.losses(of: [Signals.voice.map { 0.9 * $0 }], against: [Signals.voice])
    #expect(abs(quieter.spectralConvergence + 20) < 1e-3)
    #expect(abs(quieter.logMelError - 0.915) < 0.1)
    // Both channels count alike where they are as loud.
    let half = trip.losses(
      of: [Signals.voice.map { 0.9 * $0 }, Signals.voice], against: [Signals.voice, Signals.voice])
    #expect(abs(half.spectralConvergence + 23.01) < 1e-2)
  }

  @Test func silenceAndNothingLoseNothing() throws {
    let trip = try RoundTrip(Self.settings)
    let silence = [[Float](repeating: 0, count: 8000)]
    let losses = trip.losses(of: try trip.copy(of: silence), against: silence)
    #expect(losses.spectralConvergence == -120)
    #expect(losses.logMelError < 1)  // what comes back lies about the floor
    #expect(losses.attacks == nil)
    #expect(try trip.copy(of: [[]]) == [[]])
    #expect(trip.losses(of: [[]], against: [[]]).logMelError == 0)
  }
}
