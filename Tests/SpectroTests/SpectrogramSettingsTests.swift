import Spectro
import Testing

@Suite struct SpectrogramSettingsTests {
  @Test(arguments: [.min, -1, 0, 1, 999, 768_001, .max])
  func refusesAbsurdRates(_ sampleRate: Int) {
    let settings = SpectrogramSettings(sampleRate: sampleRate)
    let reason = "sampleRate must be from 1000 to 768000 Hz, not \(sampleRate)"
    #expect(throws: SpectroError.invalidSettings(reason)) { try settings.validate() }
  }

  /// The filters of the last would take 137 GB.
  @Test(arguments: [
    (2048, 0, 65472), (2048, 65536, 65472), (2, 65537, 65536), (1 << 20, 128, 127),
    (1 << 20, 1 << 16, 127),
  ])
  func refusesFiltersWithoutEnd(_ fftSize: Int, _ melBins: Int, _ most: Int) {
    let settings = SpectrogramSettings(fftSize: fftSize, hopLength: 1, melBins: melBins)
    let reason = "melBins must be from 1 to \(most) where fftSize is \(fftSize), not \(melBins)"
    #expect(throws: SpectroError.invalidSettings(reason)) { try MelSpectrogram(settings) }
  }

  @Test(arguments: [1000, 22050, 44100, 48000, 192_000, 768_000])
  func takesRatesThatThereAre(_ sampleRate: Int) throws {
    try SpectrogramSettings(sampleRate: sampleRate).validate()
    try SpectrogramSettings(sampleRate: sampleRate, fftSize: 1 << 20, melBins: 127).validate()
  }
}
