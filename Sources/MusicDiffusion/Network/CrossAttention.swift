package import Torch

/// From every position of a spectrogram to the tokens of a caption, around a skip (Rombach et al. 2022,
/// arXiv:2112.10752, section 3.3). `[batch, channels, rows, columns]` in and out.
package struct CrossAttention: Sendable {
  let norm: GroupNorm
  let queries, keysValues, output: Linear
  private let heads, headWidth: Int

  package init(_ path: ParameterPath, channels: Int, headWidth: Int, textWidth: Int) throws {
    heads = channels / headWidth
    self.headWidth = headWidth
    norm = try GroupNorm(path / "norm", channels: channels, groups: normGroups(channels))
    queries = try Linear(path / "queries", in: channels, out: channels)
    keysValues = try Linear(path / "kv", in: textWidth, out: 2 * channels)
    output = try Linear(path / "output", in: channels, out: channels, initializer: .zeros)
  }

  package func callAsFunction(_ x: Tensor, text: EncodedText) throws -> Tensor {
    let (batch, channels, rows, columns) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    let places = rows * columns
    let q = try queries(norm(x).permute([0, 2, 3, 1]).reshape([batch, places, channels]))
      .reshape([batch, places, heads, headWidth]).permute([0, 2, 1, 3])
    let split = try keysValues(text.tokens.to(x.dtype))
      .reshape([batch, text.tokens.shape[1], 2, heads, headWidth]).permute([2, 0, 3, 1, 4])
    func part(_ index: Int) throws -> Tensor {
      try split.narrow(dimension: 0, start: index, length: 1).squeeze(0)
    }
    let mixed = try Tensor.maskedAttention(q, part(0), part(1), mask: text.mask.to(x.dtype))
    let merged = try mixed.permute([0, 2, 1, 3]).reshape([batch, rows, columns, channels])
    return try x + output(merged).permute([0, 3, 1, 2])
  }
}
