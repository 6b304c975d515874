import Audio
import Foundation
import Spectro

/// What a sound's beginning looks like: for each 12 ms, 32 signs of how the differences between
/// neighbouring bands of frequency change. Loudness, encoding and small cuts leave most of them as
/// they are (Haitsma and Kalker 2002, "A Highly Robust Audio Fingerprinting System").
package struct SpectralFingerprint: Sendable, Equatable {
  /// The first 12 s of sound after any silence, at most; 0 where there is silence.
  package var frames: [UInt32]

  package init(frames: [UInt32]) { self.frames = frames }

  private static let sampleRate = 11025
  private static let fftSize = 2048
  private static let hopLength = 128
  private static let limit = 1024
  private static let bands = 33
  private static let lowest = 300.0
  private static let highest = 5000.0

  /// Takes a sound in blocks.
  struct Maker {
    private let resampler: Resampler?
    private var samples: [Float] = []
    private var isOver = false

    init(sampleRate: Int) throws {
      resampler =
        sampleRate == SpectralFingerprint.sampleRate
        ? nil
        : try Resampler(
          from: sampleRate, to: SpectralFingerprint.sampleRate, channelCount: 1)
    }

    /// - Parameter block: the next samples of one channel.
    mutating func add(_ block: [Float]) throws {
      guard !isOver else { return }
      append(try resampler?.process([block])[0] ?? block)
    }

    private mutating func append(_ block: [Float]) {
      // Sound begins at -60 dB.
      let start = samples.isEmpty ? block.firstIndex { abs($0) > 1e-3 } ?? block.count : 0
      samples += block[start...]
      let most = SpectralFingerprint.limit * SpectralFingerprint.hopLength
      if samples.count >= most {
        samples.removeLast(samples.count - most)
        isOver = true
      }
    }

    mutating func finish() throws -> SpectralFingerprint {
      if !isOver, let resampler { append(try resampler.finish()[0]) }
      return SpectralFingerprint(samples)
    }
  }

  /// - Parameter samples: at 11025 Hz.
  private init(_ samples: [Float]) {
    let stft = STFT(fftSize: Self.fftSize, hopLength: Self.hopLength, threads: 1)
    let powers = stft.magnitudes(of: samples, power: 2)
    let edges = (0...Self.bands).map { band in
      let hertz =
        Self.lowest * pow(Self.highest / Self.lowest, Double(band) / Double(Self.bands))
      return Int((hertz * Double(Self.fftSize) / Double(Self.sampleRate)).rounded())
    }
    var previous: [Float] = []
    frames = []
    for frame in 0..<powers.frames {
      let row = frame * powers.bins
      let energies = (0..<Self.bands).map { band in
        powers.values[row + edges[band]..<row + edges[band + 1]].reduce(0, +)
      }
      let differences = (0..<Self.bands - 1).map { energies[$0] - energies[$0 + 1] }
      if !previous.isEmpty {
        var bits: UInt32 = 0
        for (bit, (now, before)) in zip(differences, previous).enumerated() where now > before {
          bits |= 1 << UInt32(bit)
        }
        frames.append(bits)
      }
      previous = differences
    }
  }

  /// The part of differing bits where two overlap, this one's frame `offset` standing at the other's
  /// first; nil where too little of both does.
  func difference(from other: SpectralFingerprint, offset: Int) -> (part: Double, frames: Int)? {
    let start = max(0, offset)
    let range = start..<max(start, min(frames.count, other.frames.count + offset))
    let shorter = min(frames.count, other.frames.count)
    guard range.count >= max(8, shorter / 2) else { return nil }
    var (bits, count) = (0, 0)
    for index in range {
      let (a, b) = (frames[index], other.frames[index - offset])
      if a == 0 && b == 0 { continue }
      bits += (a ^ b).nonzeroBitCount
      count += 1
    }
    return count >= 8 ? (Double(bits) / Double(32 * count), count) : nil
  }
}
