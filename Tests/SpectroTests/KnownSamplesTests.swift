import Foundation
import Spectro
import Testing

@Suite struct KnownSamplesTests {
  static let settings = SpectrogramSettings(
    sampleRate: 8000, fftSize: 512, hopLength: 128, melBins: 128)

  /// Three decaying tones with overtones, 0.4 s apart, 1.5 s long; with a steady one of 311 Hz.
  static let music: [Float] = (0..<12000).map { index in
    let time = Double(index) / 8000
    var value = 0.1 * sin(2 * .pi * 311 * time)
    for (start, pitch) in [(0.0, 220.0), (0.4, 330), (0.8, 277)] where time >= start {
      for overtone in 1...4 {
        let phase = 2 * Double.pi * pitch * Double(overtone) * (time - start)
        value += 0.15 / Double(overtone) * sin(phase) * exp(-3 * (time - start))
      }
    }
    return Float(value)
  }

  /// The share of the energy of `a` over a range that its difference from `b` has, in dB.
  private func error(_ a: [Float], _ b: [Float], _ range: Range<Int>) -> Double {
    var (error, energy) = (0.0, 0.0)
    for i in range {
      error += Double((a[i] - b[i]) * (a[i] - b[i]))
      energy += Double(a[i] * a[i])
    }
    return 10 * log10(error / energy)
  }

  private func sound(_ known: [KnownSamples], stretchLength: Int = 1024) throws -> [Float] {
    let mel = try MelSpectrogram(Self.settings).logMel(of: Self.music)
    return try MelInverter(Self.settings, stretchLength: stretchLength).audio(
      fromLogMel: [mel], sampleCount: Self.music.count, known: known)[0]
  }

  /// What follows a known beginning, precedes a known end and stands in a gap goes on from it in phase:
  /// magnitudes alone leave the phase open, and so an error of the size of the sound.
  @Test(arguments: [[0..<5000], [7000..<12000], [0..<4000, 6000..<12000]])
  func restFollowsInPhase(_ ranges: [Range<Int>]) throws {
    let near = ranges.map { range in
      range.lowerBound == 0
        ? range.upperBound..<range.upperBound + 256 : range.lowerBound - 256..<range.lowerBound
    }
    let fitted = try sound([KnownSamples(samples: Self.music, ranges: ranges)])
    let free = try sound([])
    for range in near {
      let left = error(Self.music, fitted, range)
      #expect(left < -15)
      #expect(error(Self.music, free, range) > left + 6)
    }
    // Where it is known nearly that comes back.
    for range in ranges { #expect(error(Self.music, fitted, range) < -15) }
  }

  /// What lies outside of the known ranges is not looked at, and nothing known changes nothing.
  @Test func onlyKnownSamplesCount() throws {
    let zeros = Self.music.enumerated().map { $0.offset < 5000 ? $0.element : 0 }
    let part = [0..<5000]
    #expect(
      try sound([KnownSamples(samples: Self.music, ranges: part)])
        == sound([KnownSamples(samples: zeros, ranges: part)]))
    #expect(try sound([KnownSamples(samples: Self.music, ranges: [])]) == sound([]))
  }
}
