package import Torch

/// What judges an autoencoder.
package typealias SpectrogramAdversary = Adversary<PatchDiscriminator>

extension SpectrogramAdversary {
  /// - Parameter tensors: of a checkpoint, by the names of ``named()``; nil for a new one.
  package convenience init(
    _ settings: AdversaryConfiguration, channels: Int, melBins: Int, seed: UInt64, device: Device,
    tensors: [String: Tensor]? = nil, state: AdversaryState = AdversaryState()
  ) throws {
    try self.init(
      settings, seed: seed, device: device, tensors: tensors, state: state, worse: 1.3
    ) {
      try PatchDiscriminator(
        $0, channels: channels, melBins: melBins, width: settings.width,
        numbers: settings.loss.scoresPerPatch, device: device)
    }
  }

  /// The gradient at a decoder's output that it is to follow.
  ///
  /// - Parameters:
  ///   - y: the output, `[batch, channels, mel bins, frames]`, with its history; `x`, what it is to be.
  ///   - reconstruction: the loss of y, a scalar; its history stays.
  ///   - last: the weights of the decoder's last layer.
  /// - Returns: shaped as `y`, without history.
  package func gradient(
    of y: Tensor, to x: Tensor, reconstruction: Tensor, last: Tensor, progress: Double
  ) throws -> Tensor {
    let own = try reconstruction.gradients(of: [y])[0]
    let further = try gradient(
      at: y, ownSize: own.size(from: y, at: last), generated: critic(y),
      real: withoutGradient { try critic(x) }, last: last, progress: progress)
    return try further.map { try own + $0 } ?? own
  }

  /// One step of learning to tell them apart.
  ///
  /// - Parameters:
  ///   - real: `[batch, channels, mel bins, frames]`; `generated`, shaped as it; both without history.
  ///   - random: of this step.
  ///   - progress: of the run, 0 to 1.
  /// - Returns: as ``Adversary/learn(_:learningRate:progress:)``.
  package func learn(
    real: Tensor, generated: Tensor, learningRate: Double, progress: Double,
    _ random: inout RandomGenerator
  ) throws -> AdversaryWarning? {
    let loss = try settings.loss.ofCritic(
      real: real, generated: generated, mix: random.uniforms(real.shape[0])
    ) { try critic($0).rows(for: settings.loss) }
    return try learn(loss, learningRate: learningRate, progress: progress)
  }
}
