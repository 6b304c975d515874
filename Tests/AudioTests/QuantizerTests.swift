import Audio
import Foundation
import Testing

/// Rounding to 16 bits, seen through files.
@Suite struct QuantizerTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private let step = 1.0 / 32768

  private func written(_ sound: AudioBuffer, dither: Bool = true) throws -> AudioBuffer {
    try sound.write(to: folder("a.wav"), dither: dither, overwrite: true)
    return try AudioBuffer(contentsOf: folder("a.wav"))
  }

  /// Errors of what 16 bits make of `value`, many times, in steps.
  private func errors(of value: Double, count: Int = 200_000) throws -> [Double] {
    let sample = Float(value * step)
    let sound = AudioBuffer(channels: [.init(repeating: sample, count: count)], sampleRate: 48000)
    return try written(sound).channels[0].map { (Double($0) - Double(sample)) / step }
  }

  /// Lipshitz, Wannamaker and Vanderkooy 1992: with triangular dither the error has mean 0 and a
  /// power of 1/12 + 2/12 steps squared, whatever the sample. The standard error of the mean of
  /// 200,000 is 0.0011 steps.
  @Test(arguments: [0.5, 0.25, 0.1, -0.37, 1000.01, -20_000.6])
  func errorIsIndependentOfTheSound(_ value: Double) throws {
    let errors = try errors(of: value)
    let mean = errors.reduce(0, +) / Double(errors.count)
    let power = errors.reduce(0) { $0 + $1 * $1 } / Double(errors.count)
    #expect(abs(mean) < 0.006)
    #expect(abs(power - 0.25) < 0.005)
    #expect(errors.allSatisfy { abs($0) < 1.5 })
    // White: no sample knows of the one before, nor of the other channel.
    for lag in [1, 2, 7] {
      let product = zip(errors, errors.dropFirst(lag)).reduce(0) {
        $0 + ($1.0 - mean) * ($1.1 - mean)
      }
      #expect(abs(product / Double(errors.count)) < 0.004)
    }
  }

  /// A sine of a third of a step vanishes by rounding; with dither it stays, under the noise.
  @Test func faintSine() throws {
    let sine = tone(1000, sampleCount: 480_000, amplitude: 1e-5)
    func amplitude(_ sound: AudioBuffer) -> Double {
      let product = zip(sound.channels[0], sine.channels[0]).reduce(0.0) {
        $0 + Double($1.0) * Double($1.1)
      }
      return product / Double(sine.sampleCount) * 2 / 1e-5
    }
    #expect(try written(sine, dither: false).peak == 0)
    #expect(abs(amplitude(try written(sine)) / 1e-5 - 1) < 0.1)
  }

  @Test func whatFitsStaysAsItIs() throws {
    let silence = AudioBuffer(channels: [.init(repeating: 0, count: 1000)], sampleRate: 48000)
    #expect(try written(silence) == silence)
    let once = try written(noise(seed: 13, channelCount: 2, sampleCount: 10_000, sampleRate: 48000))
    #expect(try written(once) == once)
    // Silence after sound is silence too.
    let fading = AudioBuffer(channels: [[0.1, 0.2, 0, 0, 0]], sampleRate: 48000)
    #expect(try written(fading).channels[0][2...] == [0, 0, 0])
  }

  @Test func onlyWhereItHelps() throws {
    let sound = noise(seed: 14, sampleCount: 1000, sampleRate: 48000)
    for encoding in [AudioEncoding.wav24, .wavFloat, .flac24] {
      try sound.write(to: folder("b"), encoding: encoding, dither: true, overwrite: true)
      try sound.write(to: folder("c"), encoding: encoding, dither: false, overwrite: true)
      #expect(try bytes(of: folder("b")) == bytes(of: folder("c")))
    }
    #expect(try difference(written(sound, dither: false), sound) <= 1.6e-5)
    #expect(try written(sound) != written(sound, dither: false))
  }
}
