import Torch

/// Rectangles of a spectrogram as channels of one place, and back.
struct Patches: Sendable {
  /// Of the spectrogram.
  let channels: Int
  /// Sides of a rectangle.
  let bins, frames: Int

  /// `[batch, c, bins, frames]` to `[batch, c · patch, bins / patchBins, frames / patchFrames]`.
  func split(_ x: Tensor) throws -> Tensor {
    let (p, q) = (bins, frames)
    let (n, c, rows, columns) = (x.shape[0], x.shape[1], x.shape[2] / p, x.shape[3] / q)
    return try x.reshape([n, c, rows, p, columns, q]).permute([0, 1, 3, 5, 2, 4])
      .reshape([n, c * p * q, rows, columns])
  }

  /// The inverse, of ``channels``.
  func joined(_ x: Tensor) throws -> Tensor {
    let (p, q, c) = (bins, frames, channels)
    let (n, rows, columns) = (x.shape[0], x.shape[2], x.shape[3])
    return try x.reshape([n, c, p, q, rows, columns]).permute([0, 1, 4, 2, 5, 3])
      .reshape([n, c, rows * p, columns * q])
  }
}
