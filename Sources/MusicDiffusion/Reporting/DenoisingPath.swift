public import Audio
import Foundation
import Pages
package import Spectro
import Torch

/// How a model comes from noise to a window of music: what it saw at each noise level and what it
/// took for the music behind it. Of stereo, the middle.
public struct DenoisingPath: Sendable {
  /// An evaluation of the network.
  public struct Step: Sendable {
    /// Standard deviation of the noise, in units of the data.
    public let sigma: Double
    /// What was there, scaled to the deviation of music, as log-mel.
    package let noisy: Spectrogram
    /// What the network expects without the noise, as log-mel.
    package let estimate: Spectrogram
    /// How far the estimate is from the one before, or the first one from the mean of all training
    /// data, in decibels, `[frames, mel bins]`.
    package let change: Spectrogram

    /// Mean of ``change``.
    public var meanChange: Double {
      change.values.reduce(0) { $0 + Double($1) } / Double(change.values.count)
    }
  }

  public let steps: [Step]
  /// What came out.
  package let result: Spectrogram
  public let audio: AudioBuffer
  public let label: String?
  public let seed: UInt64
  package let settings: SpectrogramSettings
  /// Standard deviation of the data.
  package let sigmaData: Double
  /// The loudest value of the result, and 80 dB below it: what lies lower is silence to a listener,
  /// and counts as that in ``Step/change``.
  package let range: ClosedRange<Float>

  /// Draws a window and keeps the way.
  ///
  /// - Parameters:
  ///   - onProgress: as of ``Generator/generate(seconds:seed:options:onProgress:)``.
  /// - Throws: as that.
  public init(
    of generator: Generator, seed: UInt64, options: Generator.Options = Generator.Options(),
    onProgress: (Generator.Progress) throws -> Void = { _ in }
  ) throws {
    let configuration = generator.model.configuration
    let representation = configuration.representation
    let settings = representation.spectrogram
    self.settings = settings
    let frames = representation.windowFrames
    // One window exactly.
    let samples = (frames - 1) * settings.hopLength
    let seconds = Double(max(1, samples)) / Double(settings.sampleRate)
    let sigmaData = Double(configuration.normalization.sigmaData)
    self.sigmaData = sigmaData
    func middle(_ x: Tensor) throws -> Spectrogram {
      let area = x.shape[2] * x.shape[3]
      let values = try x.floats()
      let planes = stride(from: 0, to: values.count, by: area).map {
        Array(values[$0..<$0 + area])
      }
      return try generator.logMel(of: planes, frames: frames)[0]
    }
    var seen: [(sigma: Double, noisy: Spectrogram, estimate: Spectrogram)] = []
    var mean: Spectrogram?
    let planes = try generator.logMel(
      seconds: seconds, seed: seed, options: options, onProgress: onProgress
    ) { x, sigma, denoised in
      let scale = sigmaData / (sigma * sigma + sigmaData * sigmaData).squareRoot()
      if mean == nil { mean = try middle(x * 0) }
      seen.append((sigma, try middle(x * scale), try middle(denoised)))
    }
    result = planes[0]
    audio = try generator.audio(
      of: planes, iterations: options.inversionIterations, seed: seed, sampleCount: max(1, samples))
    label = options.label?.text ?? configuration.label(drawnFrom: seed)
    self.seed = seed
    let range = result.pictureRange(settings)
    self.range = range
    let decibels = Float(settings.decibelsPerNeper)
    var before = mean ?? result
    steps = seen.map { sigma, noisy, estimate in
      defer { before = estimate }
      return Step(
        sigma: sigma, noisy: noisy, estimate: estimate,
        change: Self.distance(estimate, before, range, decibels))
    }
  }

  /// - Returns: for each cell, in decibels, the distance of two spectrograms within a range.
  private static func distance(
    _ a: Spectrogram, _ b: Spectrogram, _ range: ClosedRange<Float>, _ decibels: Float
  ) -> Spectrogram {
    func clamped(_ value: Float) -> Float { min(max(value, range.lowerBound), range.upperBound) }
    let values = zip(a.values, b.values).map { abs(clamped($0) - clamped($1)) * decibels }
    return Spectrogram(values: values, frames: a.frames, bins: a.bins)
  }

  /// Decibels from the end within which a place counts as decided.
  package static let tolerance: Float = 3

  /// For each place of the spectrogram the number of the step, from 0, from which on the estimate stays
  /// within ``tolerance`` of the result, `[frames, mel bins]`; the number of steps where it never does.
  package var decidedAt: Spectrogram {
    let decibels = Float(settings.decibelsPerNeper)
    var decided = Spectrogram(
      values: [Float](repeating: Float(steps.count), count: result.values.count),
      frames: result.frames, bins: result.bins)
    var isOpen = [Bool](repeating: true, count: result.values.count)
    for number in steps.indices.reversed() {
      let distance = Self.distance(steps[number].estimate, result, range, decibels)
      for index in isOpen.indices where isOpen[index] {
        if distance.values[index] <= Self.tolerance {
          decided.values[index] = Float(number)
        } else {
          isOpen[index] = false
        }
      }
    }
    return decided
  }

  /// The part of the spectrogram that each step decides, of ``decidedAt``.
  public var decidedShares: [Double] {
    var counts = [Int](repeating: 0, count: steps.count)
    for value in decidedAt.values where Int(value) < steps.count { counts[Int(value)] += 1 }
    return counts.map { Double($0) / Double(result.values.count) }
  }

  /// The mean change of each mel bin at each step, in decibels, `[steps, mel bins]`.
  package var changeByBand: Spectrogram {
    let bins = result.bins
    var values: [Float] = []
    for step in steps {
      var sums = [Float](repeating: 0, count: bins)
      for (index, change) in step.change.values.enumerated() { sums[index % bins] += change }
      values += sums.map { $0 / Float(result.frames) }
    }
    return Spectrogram(values: values, frames: steps.count, bins: bins)
  }
}
