import Spectro
import Testing

@Suite struct MelFilterBankTests {
  struct Golden: Decodable {
    struct Row: Decodable {
      var start: Int
      var weights: [Float]
    }
    struct Case: Decodable {
      var sampleRate, fftSize, melBins: Int
      var minFrequency: Double
      var maxFrequency: Double?
      var scale: MelScale
      var normalization: MelFilterBank.Normalization
      var rows: [Row]
    }
    var cases: [Case]
  }

  /// Reference: scripts/goldens/spectro.py. Equal to the last bit or two, and 0 where theirs is.
  @Test func matchesLibrosa() throws {
    let golden: Golden = try loadGolden("mel-filters")
    for reference in golden.cases {
      let bank = MelFilterBank(
        sampleRate: reference.sampleRate, fftSize: reference.fftSize, melBins: reference.melBins,
        minFrequency: reference.minFrequency, maxFrequency: reference.maxFrequency,
        scale: reference.scale, normalization: reference.normalization)
      let weights = reference.rows.flatMap { row in
        let before = [Float](repeating: 0, count: row.start)
        let after = bank.fftBins - row.start - row.weights.count
        return before + row.weights + [Float](repeating: 0, count: after)
      }
      #expect(bank.weights.count == weights.count)
      for (ours, theirs) in zip(bank.weights, weights) {
        #expect(abs(ours - theirs) <= 2e-7 * theirs)
      }
    }
  }

  @Test func sparseProductIsTheProduct() {
    let bank = MelFilterBank(sampleRate: 22050, fftSize: 512, melBins: 40)
    let (frames, bins) = (5, bank.fftBins)
    let linear = Spectrogram(
      values: Signals.noise(frames * bins).map { abs($0) }, frames: frames, bins: bins)
    let product = (0..<frames * bank.melBins).map { i in
      let (frame, mel) = (i / bank.melBins, i % bank.melBins)
      return (0..<bins).reduce(Float(0)) {
        $0 + bank.weights[mel * bins + $1] * linear[frame, $1]
      }
    }
    #expect(distance(bank.apply(linear).values, product) < 1e-7)
  }

  @Test(arguments: MelScale.allCases) func scaleHasAnInverse(_ scale: MelScale) {
    for hertz in [0.0, 20, 440, 999.99, 1000, 1000.01, 11025, 24000] {
      #expect(abs(scale.hertz(mel: scale.mel(hertz: hertz)) - hertz) < 1e-8)
    }
  }
}
