import Foundation
package import Torch

/// What one training step sees. All of it follows from the seed and the step's number, so that a
/// resumed run sees what it would have seen.
package struct Batch {
  /// Normalised log-mel, `[batch, channels, mel bins, frames]`.
  package let signal: Tensor
  /// Of mean 0 and variance 1, shaped as `signal`.
  package let noise: Tensor
  package let sigmas: [Double]
  package let condition: Condition

  package init(
    step: Int, from dataset: Dataset, _ configuration: TrainingConfiguration, device: Device
  ) throws {
    let (channels, bins, frames) = (
      dataset.representation.channels, dataset.representation.spectrogram.melBins,
      dataset.representation.windowFrames
    )
    let count = configuration.batchSize
    let (size, area) = (channels * bins * frames, bins * frames)
    var signal = [Float](repeating: 0, count: count * size)
    var noise: [Float] = []
    noise.reserveCapacity(count * size)
    var mask = [Float](repeating: 0, count: count * area)
    var labels: [Int] = []
    for clip in 0..<count {
      var random = RandomGenerator(
        seed: configuration.seed, stream: UInt64(step) << 20 | UInt64(clip + 1))
      let window = dataset.randomWindow(&random)
      signal.withUnsafeMutableBufferPointer {
        dataset.copyWindow(
          clip: window.clip, start: window.start, to: $0.baseAddress! + clip * size)
      }
      let label = dataset.clips[window.clip].label.flatMap(dataset.labels.firstIndex(of:))
      let dropped = random.uniform() < configuration.labelDropout
      labels.append(dropped ? dataset.labels.count : label ?? dataset.labels.count)
      let region = KnownRegion.random(
        frames: frames, bins: bins, probability: configuration.knownProbability, &random)
      mask.withUnsafeMutableBufferPointer {
        region.fill($0.baseAddress! + clip * area, frames: frames, bins: bins)
      }
      noise += configuration.noise.shape.values(size, &random)
    }
    var random = RandomGenerator(seed: configuration.seed, stream: UInt64(step) << 20)
    sigmas = configuration.noise.levels.stratifiedSigmas(
      count: count, offset: random.uniform(), sigmaData: Double(dataset.normalization.sigmaData))
    let shape = [count, channels, bins, frames]
    self.signal = try Tensor(signal, shape: shape, device: device)
    self.noise = try Tensor(noise, shape: shape, device: device)
    let maskTensor = try Tensor(mask, shape: [count, 1, bins, frames], device: device)
    condition = Condition(labels: labels, known: try self.signal * maskTensor, mask: maskTensor)
  }
}
