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
      let speeds = (0..<perAxis).map { pow(100, -Double($0) / Double(perAxis)) }
      /// Of each position along one axis, once: a row has one and a column the other half.
      func table(_ count: Int, _ function: (Double) -> Double) -> [[Float]] {
        (0..<count).map { position in speeds.map { Float(function(Double(position) * $0)) } }
      }
      func grid(_ function: (Double) -> Double) throws -> Tensor {
        let (ofRows, ofColumns) = (table(rows, function), table(columns, function))
        let values = ofRows.flatMap { row in ofColumns.flatMap { row + $0 } }
        return try Tensor(values, shape: [rows * columns, 2 * perAxis], device: x.device)
          .to(x.dtype)
      }
      half = 2 * perAxis
      cosines = try grid { cos($0) }
      sines = try grid { sin($0) }
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
