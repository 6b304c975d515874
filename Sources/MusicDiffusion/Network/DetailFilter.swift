import Torch

/// A linear filter of the noisy spectrogram beside the U-Net, for what lies within a few cells.
///
/// Where there is little noise, a cell is best told from its neighbours, each cell by other weights. A U-Net
/// over patches must carry all of a patch's values through its channels for that, which are hardly more in
/// number; this takes them past it. Like a Wiener filter it depends on the noise, and on where in frequency it
/// is: it is a mixture of kernels, mixed at each row of patches as the embedding says.
struct DetailFilter: Sendable {
  private let convolution: Conv2d
  private let mix: Linear
  private let kernels, rows: Int

  /// - Parameters:
  ///   - inputs: channels of patches in; `outputs`, of patches out.
  ///   - rows: of patches.
  init(
    _ path: ParameterPath, inputs: Int, outputs: Int, rows: Int, kernels: Int, embeddingWidth: Int
  ) throws {
    (self.kernels, self.rows) = (kernels, rows)
    // New, it adds nothing.
    convolution = try Conv2d(
      path / "kernels", in: inputs, out: kernels * outputs, kernel: 3, padding: 1, bias: false,
      initializer: .zeros)
    mix = try Linear(path / "mix", in: embeddingWidth, out: kernels * rows)
  }

  /// - Parameters:
  ///   - x: `[batch, inputs, rows, columns]`.
  ///   - embedding: of noise level and description, `[batch, width]`.
  /// - Returns: `[batch, outputs, rows, columns]`.
  func callAsFunction(_ x: Tensor, embedding: Tensor) throws -> Tensor {
    let filtered = try convolution(x)
    let (batch, columns) = (filtered.shape[0], filtered.shape[3])
    let weights = try (mix(embedding) + 1).reshape([batch, kernels, 1, rows, 1])
    return try (filtered.reshape([batch, kernels, -1, rows, columns]) * weights.to(filtered.dtype))
      .sum(dimensions: [1])
  }
}
