import Spectro
import Testing

@Suite struct DecibelsTests {
  struct Golden: Decodable {
    struct Case: Decodable {
      var reference, floor: Double
      var range: Double?
      var power, amplitude: [Float]
    }
    var values: [Float]
    var cases: [Case]
  }

  /// Reference: scripts/goldens/spectro.py. Values from -120 to 40 dB.
  @Test func matchesLibrosa() throws {
    let golden: Golden = try loadGolden("decibels")
    let values = Spectrogram(values: golden.values, frames: golden.values.count / 8, bins: 8)
    for reference in golden.cases {
      let power = values.powerToDecibels(
        reference: reference.reference, floor: reference.floor, range: reference.range)
      #expect(distance(power.values, reference.power) < 3e-5)
      let amplitude = values.amplitudeToDecibels(
        reference: reference.reference, floor: reference.floor, range: reference.range)
      #expect(distance(amplitude.values, reference.amplitude) < 6e-5)
    }
  }
}
