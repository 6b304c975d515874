import Foundation
public import Torch

/// Self-attention over all positions, around a skip. `[batch, channels, rows, columns]` in and out.
///
/// Positions enter by rotation of queries and keys (RoPE, Su et al. 2021, arXiv:2104.09864), half
/// of each head's channels by row and half by column: only distances matter, so that the network
/// runs on wider spectrograms than it was trained on.
public struct SelfAttention: Sendable {
  let norm: GroupNorm
  let queriesKeysValues, output: Linear
  private let heads, headWidth: Int

  public init(_ path: ParameterPath, channels: Int, headWidth: Int) throws {
    heads = channels / headWidth
    self.headWidth = headWidth
    norm = try GroupNorm(path / "norm", channels: channels, groups: normGroups(channels))
    queriesKeysValues = try Linear(path / "qkv", in: channels, out: 3 * channels)
    output = try Linear(path / "output", in: channels, out: channels, initializer: .zeros)
  }

  public func callAsFunction(_ x: Tensor) throws -> Tensor {
    let (batch, channels, rows, columns) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    let tokens = try norm(x).permute([0, 2, 3, 1]).reshape([batch, rows * columns, channels])
    let split = try queriesKeysValues(tokens)
      .reshape([batch, rows * columns, 3, heads, headWidth])
      .permute([2, 0, 3, 1, 4])
    func part(_ index: Int) throws -> Tensor {
      try split.narrow(dimension: 0, start: index, length: 1).squeeze(0)
    }
    let rotation = try Rotation(rows: rows, columns: columns, width: headWidth, like: x)
    let mixed = try Tensor.scaledDotProductAttention(
      rotation(part(0)), rotation(part(1)), part(2))
    let merged = try mixed.permute([0, 2, 1, 3]).reshape([batch, rows, columns, channels])
    return try x + output(merged).permute([0, 3, 1, 2])
  }

  /// The rotation of a head's channels at each position of a grid.
  private struct Rotation {
    private let cosines, sines: Tensor
    private let half: Int

    init(rows: Int, columns: Int, width: Int, like x: Tensor) throws {
      let perAxis = width / 4
      var angles: [Double] = []
      angles.reserveCapacity(rows * columns * width / 2)
      for row in 0..<rows {
        for column in 0..<columns {
          for position in [row, column] {
            for index in 0..<perAxis {
              angles.append(Double(position) * pow(100, -Double(index) / Double(perAxis)))
            }
          }
        }
      }
      half = 2 * perAxis
      let shape = [rows * columns, half]
      cosines = try Tensor(angles.map { Float(cos($0)) }, shape: shape, device: x.device)
        .to(x.dtype)
      sines = try Tensor(angles.map { Float(sin($0)) }, shape: shape, device: x.device).to(x.dtype)
    }

    func callAsFunction(_ x: Tensor) throws -> Tensor {
      let last = x.shape.count - 1
      let a = try x.narrow(dimension: last, start: 0, length: half)
      let b = try x.narrow(dimension: last, start: half, length: half)
      let first = try a * cosines - b * sines
      let second = try a * sines + b * cosines
      return try Tensor.concatenate([first, second], dimension: last)
    }
  }
}
