import Audio
import Foundation
import Spectro

/// A sound of at most 4 s, as of a drum: how it begins, sample by sample, and what it consists of.
///
/// Such a one has too few frames for a ``SpectralFingerprint``, and a kick has little but one moving
/// tone. Copies have the same waveform, within what an encoder changes; other strokes of the same drum
/// mostly do not.
package struct ShortSound: Sendable, Equatable {
  /// The first 186 ms from where it comes within 40 dB of its peak, at 22050 Hz: differences of
  /// neighbouring samples, so that low tones do not outweigh all else, scaled to 127.
  private let start: [Int8]
  /// Decibels of half octaves from 60 Hz on, relative to all of it, at least -40.
  package let bands: [Float]
  /// Standard deviation of where its energy lies in time, in seconds.
  private let spread: Float

  private static let sampleRate = 22050
  private static let longest = 4 * sampleRate
  private static let startLength = 4096
  private static let bandCount = 15
  private static let lowest = 60.0
  private static let floor: Float = -40
  /// 40 dB below the peak.
  private static let edge: Float = 0.01
  private static let emphasis: Float = 0.97
  private static let fftSize = 1024

  /// - Parameter samples: one channel at 22050 Hz.
  /// - Returns: nil for silence.
  package init?(_ samples: [Float]) {
    let peak = samples.reduce(0) { max($0, abs($1)) }
    guard peak > 0, let first = samples.firstIndex(where: { abs($0) > Self.edge * peak })
    else { return nil }
    var (energy, moment, square) = (0.0, 0.0, 0.0)
    for (index, sample) in samples.enumerated() {
      let (time, power) = (Double(index) / Double(Self.sampleRate), Double(sample * sample))
      energy += power
      moment += power * time
      square += power * time * time
    }
    spread = Float(max(0, square / energy - moment / energy * (moment / energy)).squareRoot())
    let begin = samples[first..<min(samples.count, first + Self.startLength)]
    var before: Float = 0
    let differences = begin.map { sample in
      defer { before = sample }
      return sample - Self.emphasis * before
    }
    let scale = 127 / differences.reduce(0) { max($0, abs($1)) }
    start = differences.map { Int8(($0 * scale).rounded()) }

    let stft = STFT(fftSize: Self.fftSize, hopLength: Self.fftSize / 4, threads: 1)
    // Silence, not its own reflection, stands around a sound: how sharply it was cut out must not matter.
    let silence = [Float](repeating: 0, count: Self.fftSize)
    let powers = stft.magnitudes(of: silence + samples + silence, power: 2)
    var sums = [Float](repeating: 0, count: powers.bins)
    for frame in 0..<powers.frames {
      for bin in sums.indices { sums[bin] += powers.values[frame * powers.bins + bin] }
    }
    let edges = (0...Self.bandCount).map { band in
      let hertz = Self.lowest * pow(2, Double(band) / 2)
      return Int((hertz * Double(Self.fftSize) / Double(Self.sampleRate)).rounded())
    }
    let energies = zip(edges, edges.dropFirst()).map { sums[$0..<$1].reduce(0, +) }
    let total = max(energies.reduce(0, +), .leastNormalMagnitude)
    bands = energies.map { max(Self.floor, 10 * log10($0 / total)) }
  }

  /// Takes a sound in blocks.
  struct Maker {
    private let resampler: Resampler?
    private var samples: [Float] = []
    private var isTooLong = false

    init(sampleRate: Int) throws {
      resampler =
        sampleRate == ShortSound.sampleRate
        ? nil
        : try Resampler(from: sampleRate, to: ShortSound.sampleRate, channelCount: 1)
    }

    /// - Parameter block: the next samples of one channel.
    mutating func add(_ block: [Float]) throws {
      if !isTooLong { append(try resampler?.process([block])[0] ?? block) }
    }

    private mutating func append(_ block: [Float]) {
      // Sound begins, and ends, at -60 dB.
      func isSound(_ sample: Float) -> Bool { abs(sample) > 1e-3 }
      let start = samples.isEmpty ? block.firstIndex(where: isSound) ?? block.count : 0
      let room = longest - samples.count
      isTooLong = block[start...].dropFirst(room).contains(where: isSound)
      samples = isTooLong ? [] : samples + block[start...].prefix(room)
    }

    /// - Returns: nil for a sound that is longer, or none.
    mutating func finish() throws -> ShortSound? {
      guard !isTooLong else { return nil }
      if let resampler { append(try resampler.finish()[0]) }
      return ShortSound(samples)
    }
  }

  // MARK: - Comparing

  /// Measured on recordings of drums and encoded copies of them (Docs/training.md).
  private static let mostBandDifference: Float = 2
  private static let mostSpread: Float = 0.1
  private static let leastLikeness: Float = 0.87
  /// An encoder's echo before the sound moves its start by so much, at most.
  private static let mostShift = 600

  func isLike(_ other: ShortSound) -> Bool {
    let squares = zip(bands, other.bands).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    guard squares < Float(bands.count) * Self.mostBandDifference * Self.mostBandDifference else {
      return false
    }
    guard abs(spread - other.spread) < Self.mostSpread * max(spread, other.spread) + 0.002 else {
      return false
    }
    return likeness(to: other) >= Self.leastLikeness
  }

  /// The highest correlation of how two begin, whatever their signs, at any shift; 0 to 1.
  package func likeness(to other: ShortSound) -> Float {
    let (a, b) = (padded(0), other.padded(Self.mostShift))
    let norm = (energy * other.energy).squareRoot()
    guard norm > 0 else { return 0 }
    var highest: Float = 0
    for shift in 0...2 * Self.mostShift {
      var sum = SIMD16<Float>.zero
      a.withUnsafeBytes { a in
        b.withUnsafeBytes { b in
          for index in stride(from: 0, to: Self.startLength, by: 16) {
            let x = a.loadUnaligned(fromByteOffset: 4 * index, as: SIMD16<Float>.self)
            let y = b.loadUnaligned(fromByteOffset: 4 * (index + shift), as: SIMD16<Float>.self)
            sum += x * y
          }
        }
      }
      highest = max(highest, abs(sum.sum()) / norm)
    }
    return highest
  }

  private var energy: Float { start.reduce(0) { $0 + Float($1) * Float($1) } }

  /// As numbers, with so many zeros before and after all there could be.
  private func padded(_ margin: Int) -> [Float] {
    var values = [Float](repeating: 0, count: Self.startLength + 2 * margin)
    for (index, value) in start.enumerated() { values[margin + index] = Float(value) }
    return values
  }
}
