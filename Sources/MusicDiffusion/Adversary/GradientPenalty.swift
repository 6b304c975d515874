package import Torch

/// Gulrajani et al. 2017 (arXiv:1704.00028), equation 3.
package enum GradientPenalty {
  /// The mean over clips of (‖∇f‖ − 1)², at points between real and generated clips. The distance that f is to
  /// rise by 1 in is that of the root mean square, so that it is the same for clips of any size.
  ///
  /// - Parameters:
  ///   - real: `[batch, ...]`; `generated`, shaped as it; without history.
  ///   - mix: for each clip how much is real, 0 to 1.
  ///   - f: a number for each clip, `[batch]`.
  /// - Returns: a scalar with a history, by libtorch's second derivatives.
  package static func between(
    _ real: Tensor, _ generated: Tensor, mix: [Float], _ f: (Tensor) throws -> Tensor
  ) throws -> Tensor {
    let batch = real.shape[0]
    let share = try Tensor(
      mix, shape: [batch] + Array(repeating: 1, count: real.rank - 1), device: real.device)
    let between = try (real * share + generated * (1 - share)).requiringGrad()
    // A clip's number depends on that clip alone, so that the sum's gradient is each one's own.
    let gradient = try f(between).sum().gradients(of: [between], recorded: true)[0]
    let values = Double(real.count / batch)
    let squares = try gradient.square().sum(dimensions: Array(1..<real.rank)) * values
    // The root has no slope at 0.
    return try ((squares + 1e-12).sqrt() - 1).square().mean()
  }
}
