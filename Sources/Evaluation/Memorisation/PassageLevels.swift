import Audio
import Foundation
import Spectro

/// A file's levels over time, coarse enough to look for passages in hours of them.
package struct PassageLevels: Sendable {
  /// Row-major `[frames, bands]`.
  package var values: [Float]
  package var frames: Int

  /// - Parameter values: row-major `[frames, bands]`.
  package init(values: [Float], frames: Int) {
    precondition(values.count == frames * Self.bands, "whole frames")
    (self.values, self.frames) = (values, frames)
  }

  package static let bands = 32

  /// Makes them at one sample rate.
  final class Maker: Sendable {
    let sampleRate: Int
    private let mel: MelSpectrogram
    private let dense: MelSpectrogram
    private static let quietest: Float = 1e-9

    /// - Throws: `SpectroError.invalidSettings` for a rate that no spectrogram has.
    init(sampleRate: Int) throws {
      self.sampleRate = sampleRate
      let fftSize = 1 << Int(log2(0.093 * Double(sampleRate)).rounded())
      func analysis(hop: Int) throws -> MelSpectrogram {
        try MelSpectrogram(
          SpectrogramSettings(
            sampleRate: sampleRate, fftSize: fftSize, hopLength: hop, melBins: bands,
            minFrequency: 30), threads: 1)
      }
      mel = try analysis(hop: fftSize / 2)
      dense = try analysis(hop: fftSize / 2 / Passages.density)
    }

    var frameRate: Double { mel.settings.frameRate }

    /// `ln(1 + mel / 1e-9)` of a whole file.
    ///
    /// - Parameter dense: whether frames are as near to each other as those that passages are cut from.
    /// - Throws: `AudioError`, and what `check` throws, which is called now and then.
    func levels(
      of path: String, dense: Bool = false, check: () throws -> Void
    ) throws -> PassageLevels {
      let reader = try AudioStream(path, layout: .mono, sampleRate: sampleRate)
      var stream = MelStream(dense ? self.dense : mel)
      var levels = PassageLevels(values: [], frames: 0)
      func append(_ part: Spectrogram) {
        let offset = log(Self.quietest)
        levels.values += part.values.map { log1p(exp($0 - offset)) }
        levels.frames += part.frames
      }
      while let block = try reader.next() {
        try check()
        append(stream.append(block.channels[0]))
      }
      append(stream.finish())
      if levels.frames == 0 { throw AudioError.empty(path: path) }
      return levels
    }
  }

  /// What each band is taken away and divided by, so that all count alike.
  struct Scale: Sendable {
    private let means: [Float]
    private let factors: [Float]

    /// Of the bands of all frames of some files.
    init(of files: [PassageLevels]) {
      var (sums, squares) = (
        [Double](repeating: 0, count: bands), [Double](repeating: 0, count: bands)
      )
      var count = 0.0
      for file in files {
        for (index, value) in file.values.enumerated() {
          sums[index % bands] += Double(value)
          squares[index % bands] += Double(value) * Double(value)
        }
        count += Double(file.frames)
      }
      let means = sums.map { $0 / max(count, 1) }
      let deviations = zip(squares, means).map { square, mean in
        max(0, square / max(count, 1) - mean * mean).squareRoot()
      }
      // A band in which hardly anything happens is not blown up.
      let usual = deviations.sorted()[bands / 2]
      self.means = means.map(Float.init)
      factors = deviations.map { Float(1 / max($0, 0.25 * usual, 1e-3)) }
    }

    func apply(to levels: PassageLevels) -> PassageLevels {
      var scaled = levels
      for index in scaled.values.indices {
        let band = index % bands
        scaled.values[index] = (scaled.values[index] - means[band]) * factors[band]
      }
      return scaled
    }
  }

  /// Filled up at the end with the last frame to a length.
  func padded(toFrames least: Int) -> PassageLevels {
    guard frames > 0, frames < least else { return self }
    var longer = self
    let last = values.suffix(Self.bands)
    for _ in frames..<least { longer.values += last }
    longer.frames = least
    return longer
  }
}
