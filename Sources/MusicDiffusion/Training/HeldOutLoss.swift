import Torch

/// The loss of the averaged weights on files that are not trained on, by noise level.
public struct HeldOutLoss: Codable, Sendable, Equatable {
  public var step: Int
  /// The middles of equally likely parts of the noise levels that are trained on, rising.
  public var sigmas: [Double]
  /// As in training, at each of `sigmas`: 1 is a network that knows nothing.
  public var losses: [Double]

  /// An estimate of the training loss, were these files trained on.
  public var mean: Double { losses.reduce(0, +) / Double(max(1, losses.count)) }
}

/// How the held-out loss went so far.
public struct Evaluations: Codable, Sendable, Equatable {
  /// The one with the lowest mean.
  public private(set) var best: HeldOutLoss
  public private(set) var last: HeldOutLoss
  /// Evaluations since the best one.
  public private(set) var sinceBest = 0

  init(_ first: HeldOutLoss) { (best, last) = (first, first) }

  mutating func add(_ loss: HeldOutLoss) {
    last = loss
    if loss.mean < best.mean {
      (best, sinceBest) = (loss, 0)
    } else {
      sinceBest += 1
    }
  }
}

/// The same held-out windows with the same noise each time, so that two evaluations differ by the
/// weights alone. Nothing of a window is known, and none is augmented.
struct HeldOutBatches {
  private let batches: [(signal: Tensor, noise: Tensor, condition: Condition)]
  private let sigmas: [Double]
  private let count: Int

  private static let (windowCount, levelCount) = (32, 8)
  /// Windows that the network sees for one loss.
  static var evaluations: Int { windowCount * levelCount }

  /// Nil for data of which nothing is held out.
  init?(_ dataset: Dataset, _ configuration: TrainingConfiguration, device: Device) throws {
    guard let windows = dataset.heldOut else { return nil }
    let (space, representation) = (dataset.space, dataset.representation)
    let windowSize =
      representation.channels * representation.spectrogram.melBins * representation.windowFrames
    let (channels, bins, frames) = (
      space.channels, space.bins, space.columns(representation.windowFrames)
    )
    let size = channels * bins * frames
    count = Self.windowCount
    sigmas = configuration.sigmas(
      count: Self.levelCount, offset: 0.5, sigmaData: Double(dataset.normalization.sigmaData))
    let batchSize = configuration.batchSize
    batches = try stride(from: 0, to: count, by: batchSize).map { first in
      let clips = first..<min(first + batchSize, Self.windowCount)
      var values = [Float](repeating: 0, count: clips.count * windowSize)
      var noise: [Float] = []
      var descriptions: [Description] = []
      for (position, clip) in clips.enumerated() {
        // Not a stream that a step draws from.
        var random = RandomGenerator(seed: configuration.seed, stream: .max - UInt64(clip))
        let window = try windows.random(&random)
        _ = try values.withUnsafeMutableBufferPointer {
          try dataset.copyWindow(
            window, of: windows, augmentation: .none, &random,
            to: $0.baseAddress! + position * windowSize)
        }
        descriptions.append(try dataset.description(of: window))
        noise += configuration.noise.shape.values(size, &random)
      }
      let shape = [clips.count, channels, bins, frames]
      return (
        signal: try dataset.signal(values, count: clips.count, device: device),
        noise: try Tensor(noise, shape: shape, device: device),
        condition: try Condition(descriptions, shape: shape, device: device)
      )
    }
  }

  /// - Parameter teacher: of a distillation, from which the denoiser learns.
  func loss(of denoiser: Denoiser, teacher: Teacher? = nil, step: Int) throws -> HeldOutLoss {
    let losses = try withoutGradient {
      try sigmas.map { sigma in
        try batches.reduce(0.0) { sum, batch in
          try sum
            + denoiser.loss(
              signal: batch.signal, noise: batch.noise,
              sigmas: batch.condition.descriptions.map { _ in sigma }, condition: batch.condition,
              teacher: teacher
            ).sum().item()
        } / Double(count)
      }
    }
    return HeldOutLoss(step: step, sigmas: sigmas, losses: losses)
  }
}
