import Foundation
public import Torch

/// What one training step sees. All of it follows from the seed and the step's number, so that a
/// resumed run sees what it would have seen.
public struct Batch: Sendable {
  /// Normalised log-mel, or its code, `[batch, channels, mel bins, frames]`.
  public let signal: Tensor
  /// Of mean 0 and variance 1, shaped as `signal`.
  public let noise: Tensor
  public let sigmas: [Double]
  public let condition: Condition

  /// - Parameter windows: those to draw from; by default the dataset's to train on.
  public init(
    step: Int, from dataset: Dataset, _ configuration: TrainingConfiguration, device: Device,
    windows: Windows? = nil
  ) throws {
    let space = dataset.space
    let (channels, bins, frames) = (
      space.channels, space.bins, space.columns(dataset.representation.windowFrames)
    )
    let windowSize =
      dataset.representation.channels * dataset.representation.spectrogram.melBins
      * dataset.representation.windowFrames
    let count = configuration.batchSize
    let (size, area) = (channels * bins * frames, bins * frames)
    var values = [Float](repeating: 0, count: count * windowSize)
    var noise: [Float] = []
    noise.reserveCapacity(count * size)
    var mask = [Float](repeating: 0, count: count * area)
    let windows = windows ?? dataset.training
    let augmentation = configuration.augmentation ?? .none
    var variations: [Float] = []
    var descriptions: [Description] = []
    for clip in 0..<count {
      var random = RandomGenerator(
        seed: configuration.seed, stream: UInt64(step) << 20 | UInt64(clip + 1))
      let window = try windows.random(&random)
      variations += try values.withUnsafeMutableBufferPointer {
        try dataset.copyWindow(
          window, of: windows, augmentation: augmentation, &random,
          to: $0.baseAddress! + clip * windowSize)
      }
      descriptions.append(try Self.description(of: window, in: dataset, configuration, &random))
      let region = KnownRegion.random(
        frames: frames, bins: bins, probability: configuration.knownProbability, &random)
      mask.withUnsafeMutableBufferPointer {
        region.fill($0.baseAddress! + clip * area, frames: frames, bins: bins)
      }
      noise += configuration.noise.shape.values(size, &random)
    }
    var random = RandomGenerator(seed: configuration.seed, stream: UInt64(step) << 20)
    sigmas = configuration.sigmas(
      count: count, offset: random.uniform(), sigmaData: Double(dataset.normalization.sigmaData))
    let shape = [count, channels, bins, frames]
    let signal = try dataset.signal(values, count: count, device: device)
    self.signal = signal
    self.noise = try Tensor(noise, shape: shape, device: device)
    let maskTensor = try Tensor(mask, shape: [count, 1, bins, frames], device: device)
    condition = Condition(
      descriptions, known: try withoutGradient { try signal * maskTensor }, mask: maskTensor,
      augmentation: augmentation.kinds.isEmpty
        ? nil
        : try Tensor(variations, shape: [count, Augmentation.vectorWidth], device: device))
  }

  /// What the network is told about a window: now and then less than is known.
  private static func description(
    of window: Windows.Place, in dataset: Dataset, _ configuration: TrainingConfiguration,
    _ random: inout RandomGenerator
  ) throws -> Description {
    var description = try dataset.description(of: window)
    let none = dataset.labels.count
    if random.uniform() < configuration.labelDropout { description.label = none }
    if dataset.conditioning != nil, let dropout = configuration.descriptionDropout {
      dropout.apply(to: &description, none: none, &random)
    }
    return description
  }
}
