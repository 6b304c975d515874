import Spectro
import Testing

@Suite struct STFTTests {
  struct Golden: Decodable {
    struct Case: Decodable {
      var fftSize, hopLength, windowLength: Int
      var frames, sampleCount: Int?
      var samples, spectrum: [Float]
    }
    var cases: [Case]
  }

  /// Reference: scripts/goldens/spectro.py. Signals of 1 to 400 samples, shorter than half a window
  /// included; values up to 20.
  @Test func forwardMatchesLibrosa() throws {
    let golden: Golden = try loadGolden("stft")
    for reference in golden.cases {
      let stft = STFT(
        fftSize: reference.fftSize, hopLength: reference.hopLength,
        windowLength: reference.windowLength)
      let spectrum = stft.forward(reference.samples)
      #expect(spectrum.frames == 1 + reference.samples.count / reference.hopLength)
      #expect(spectrum.bins == reference.fftSize / 2 + 1)
      #expect(distance(spectrum.values, reference.spectrum) < 5e-6)
    }
  }

  /// Of spectra that no signal has, so that the least squares count.
  @Test func inverseMatchesLibrosa() throws {
    let golden: Golden = try loadGolden("istft")
    for reference in golden.cases {
      let stft = STFT(
        fftSize: reference.fftSize, hopLength: reference.hopLength,
        windowLength: reference.windowLength)
      let frames = try #require(reference.frames)
      let spectrum = ComplexSpectrogram(
        values: reference.spectrum, frames: frames, bins: reference.fftSize / 2 + 1)
      let samples = stft.inverse(spectrum, sampleCount: reference.sampleCount)
      // Where the last window ends, librosa divides by almost nothing: compare relative to that.
      #expect(samples.count == reference.samples.count)
      for (ours, theirs) in zip(samples, reference.samples) {
        #expect(abs(ours - theirs) <= 1e-5 * max(1, abs(theirs)))
      }
    }
  }

  @Test(arguments: [
    (1, 64, 16), (2, 64, 16), (31, 64, 16), (33, 64, 32), (1000, 64, 13), (4096, 512, 128),
    (5000, 2048, 512), (3000, 100, 25), (10000, 64, 1), (500, 66, 16), (90, 6, 3), (50, 2, 1),
  ])
  func inverseOfForwardIsTheSignal(_ sampleCount: Int, _ fftSize: Int, _ hopLength: Int) {
    let samples = Signals.noise(sampleCount)
    let stft = STFT(fftSize: fftSize, hopLength: hopLength)
    let returned = stft.inverse(stft.forward(samples), sampleCount: sampleCount)
    #expect(distance(samples, returned) < 2e-6)
  }

  @Test func emptySignalHasNoFrames() {
    let stft = STFT(fftSize: 64, hopLength: 16)
    let spectrum = stft.forward([])
    #expect(spectrum.frames == 0 && spectrum.values.isEmpty)
    #expect(stft.inverse(spectrum).isEmpty)
    #expect(stft.inverse(spectrum, sampleCount: 3) == [0, 0, 0])
  }

  @Test func magnitudesAreThoseOfTheTransform() {
    let samples = Signals.noise(700)
    let stft = STFT(fftSize: 60, hopLength: 15)
    let spectrum = stft.forward(samples).values
    let powers: [Float] = stride(from: 0, to: spectrum.count, by: 2).map { i in
      let (re, im) = (spectrum[i], spectrum[i + 1])
      return re * re + im * im
    }
    #expect(distance(stft.magnitudes(of: samples, power: 2).values, powers) < 1e-4)
    let magnitudes = powers.map { $0.squareRoot() }
    #expect(distance(stft.magnitudes(of: samples).values, magnitudes) < 1e-5)
    let roots = magnitudes.map { $0.squareRoot() }
    #expect(distance(stft.magnitudes(of: samples, power: 0.5).values, roots) < 1e-4)
  }

  @Test func resultDoesNotDependOnThreads() {
    let samples = Signals.noise(9000)
    let spectra = [1, 2, 7].map { STFT(fftSize: 128, hopLength: 32, threads: $0).forward(samples) }
    #expect(spectra[0] == spectra[1] && spectra[0] == spectra[2])
    let signals = [1, 2, 7].map {
      STFT(fftSize: 128, hopLength: 32, threads: $0).inverse(spectra[0])
    }
    #expect(signals[0] == signals[1] && signals[0] == signals[2])
  }

  /// A loop's frames are those of the middle of three turns; its inverse is the loop.
  @Test(arguments: [(16, 12), (32, 1), (96, 40)])
  func loopsGoOnAtTheirBeginning(_ hopLength: Int, frames: Int) {
    let samples = Signals.noise(frames * hopLength)
    let stft = STFT(fftSize: 192, hopLength: hopLength, boundary: .circular)
    let spectrum = stft.forward(samples)
    #expect(spectrum.frames == frames)
    let turns = 2 * (1 + 192 / samples.count)
    let repeated = STFT(fftSize: 192, hopLength: hopLength)
      .forward((0...turns).flatMap { _ in samples })
    let start = turns / 2 * frames * 2 * stft.bins
    #expect(
      distance(spectrum.values, Array(repeated.values[start..<start + spectrum.values.count]))
        < 1e-4)
    #expect(distance(stft.inverse(spectrum), samples) < 1e-5)
  }
}
