import Torch

/// Tells noisy real clips from those that a student makes by what his teacher's network sees in them on its way down:
/// a diffusion model that knows what music looks like at every noise level needs little more to tell (Sauer et al.
/// 2024, arXiv:2403.12015; that the clips are judged with noise of any level added, too). Only the heads that score
/// what it sees learn, one for each level: norm → SiLU → conv → leaky ReLU → conv.
package struct StudentCritic: Sendable {
  private struct Head: Sendable {
    let norm: ChannelNorm
    let conv, score: Conv2d
  }

  private let teacher: Denoiser
  private let heads: [Head]
  /// Negative values count as much as this.
  private static let slope = 0.2

  /// - Parameter width: channels between the two convolutions of a head.
  init(_ path: ParameterPath, teacher: Denoiser, width: Int) throws {
    self.teacher = teacher
    heads = try teacher.network.configuration.widths.enumerated().map { level, channels in
      let path = path / "heads" / String(level)
      return Head(
        norm: try ChannelNorm(path / "norm", channels: channels),
        conv: try Conv2d(path / "conv", in: channels, out: width, kernel: 3, padding: 1),
        score: try Conv2d(path / "score", in: width, out: 1, kernel: 3, padding: 1))
    }
  }

  /// What the teacher's network sees, of each of its levels `[batch, width, rows, columns]`, float32.
  ///
  /// - Parameter x: signal + sigma · noise, `[batch, channels, mel bins, frames]`.
  func features(_ x: Tensor, sigmas: [Double], _ condition: Condition) throws -> [Tensor] {
    try teacher.features(x, sigmas: sigmas, condition).map { try $0.to(.float32) }
  }

  func judgement(of features: [Tensor]) throws -> Judgement {
    let scores = try zip(heads, features).map { head, seen in
      let h = try head.conv(head.norm.silu(seen))
      return try head.score(h.maximum(h * Self.slope))
    }
    return Judgement(scores: scores, features: features)
  }
}
