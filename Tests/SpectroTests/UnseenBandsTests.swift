import Foundation
import Spectro
import Testing

@Suite struct UnseenBandsTests {
  static let settings = SpectrogramSettings(sampleRate: 44100)

  private func bands(
    _ samples: [Float], _ settings: SpectrogramSettings = settings
  ) -> UnseenBands {
    UnseenBands(of: [samples], sampleRate: 44100, settings: settings)
  }

  @Test func aConstantLiesBelowAllFilters() {
    let bands = bands([Float](repeating: 0.5, count: 30_000))
    // Half of the width of a bin.
    #expect(abs(bands.bottom - 44100 / 2048 / 2) < 0.5)
    #expect(bands.below > 0.999)
    #expect(bands.losesBottom && !bands.losesTop)
  }

  @Test func anOffsetIsTheEnergyThatItIs() {
    // 0.1 squared against half of 0.4 squared.
    let samples = BandwidthTests.sines([(440, 0.4)]).map { $0 + 0.1 }
    // The sine is faded in and out, which leaves 3 / 8 of its energy.
    let expected = 0.01 / (0.01 + 0.08 * 3 / 8)
    #expect(abs(bands(samples).below - expected) < 0.01)
    #expect(bands(samples).losesBottom)
  }

  @Test func slowSwingsAreBelowAndBassIsNot() {
    #expect(bands(BandwidthTests.sines([(5, 0.5)])).below > 0.99)
    let bass = bands(BandwidthTests.sines([(31, 0.5)]))
    #expect(bass.below < 1e-3 && !bass.losesBottom)
  }

  @Test func tellsWhatLiesAbove() {
    let settings = SpectrogramSettings(sampleRate: 22050)
    let bands = bands(BandwidthTests.sines([(1000, 0.5), (15000, 0.05)]), settings)
    #expect(bands.top == 11025 && bands.losesTop)
    #expect(abs(bands.above - 0.01 / 1.01) < 1e-4)
    #expect(abs(bands.end - 15000) < 100)
  }

  /// What is against each other on two channels is no silence.
  @Test func channelsDoNotCancel() {
    let tone = BandwidthTests.sines([(1000, 0.5)])
    let bands = UnseenBands(
      of: [tone, tone.map { -$0 }], sampleRate: 44100, settings: Self.settings)
    #expect(bands.end > 900)
  }

  @Test func silenceAndNothing() {
    for samples in [[], [Float](repeating: 0, count: 100)] {
      let bands = bands(samples)
      #expect(bands.end == 0 && bands.below == 0 && bands.above == 0)
      #expect(!bands.losesBottom && !bands.losesTop)
    }
  }
}
