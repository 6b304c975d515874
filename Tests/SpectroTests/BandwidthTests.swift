import Foundation
import Spectro
import Testing

@Suite struct BandwidthTests {
  static let sampleRate = 44100

  /// Faded in and out, so that the ends add nothing.
  static func sines(_ parts: [(frequency: Double, level: Double)]) -> [Float] {
    (0..<sampleRate).map { i in
      let fade = sin(.pi * Double(i) / Double(sampleRate))
      let sum = parts.reduce(0) {
        $0 + $1.level * sin(2 * .pi * $1.frequency * Double(i) / Double(sampleRate))
      }
      return Float(fade * fade * sum)
    }
  }

  @Test func endsWhereTheSoundEnds() {
    let wide = Bandwidth(
      of: Self.sines([(1000, 0.5), (15000, 0.5e-3)]), sampleRate: Self.sampleRate)
    #expect(abs(wide.top - 15000) < 100)
    // 100 dB below the strongest does not count.
    let narrow = Bandwidth(
      of: Self.sines([(1000, 0.5), (15000, 0.5e-5)]), sampleRate: Self.sampleRate)
    #expect(narrow.top < 2500)
    #expect(Bandwidth(of: [Float](repeating: 0, count: 9000), sampleRate: 8000).top == 0)
    #expect(Bandwidth(of: [], sampleRate: 8000).top == 0)
  }

  @Test func tellsTheEnergyAboveAFrequency() {
    let bandwidth = Bandwidth(
      of: Self.sines([(1000, 0.5), (15000, 0.05)]), sampleRate: Self.sampleRate)
    #expect(abs(bandwidth.energy(above: 11025) - 0.01 / 1.01) < 1e-4)
    #expect(bandwidth.energy(above: 0) > 0.999)
    #expect(bandwidth.energy(above: 22050) == 0)
    #expect(bandwidth.energy(above: 1e9) == 0)
    #expect(abs(bandwidth.energy(below: 11025) - 1 / 1.01) < 1e-4)
    #expect(bandwidth.energy(below: 0) == 0)
  }
}
