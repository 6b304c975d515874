package import Torch

/// What a critic says of clips.
package struct Judgement {
  /// Of each of its networks what it says of its patches, `[batch, numbers, rows, columns]`.
  package let scores: [Tensor]
  /// What its layers said on the way, `[batch, channels, rows, columns]`.
  package let features: [Tensor]

  /// What is said of the patches by each network, `[patches, numbers]`, a clip's after those of the one before.
  /// Kernels compare all patches with all: they get means of those that one of the coarsest network's covers, each
  /// network's patches being twice as large as those of the one before.
  package func rows(for loss: AdversarialLoss) throws -> [Tensor] {
    try scores.enumerated().map { scale, scores in
      var values = scores
      if loss == .mmd {
        for _ in scale + 1..<self.scores.count { values = try values.averagePool2x() }
      }
      let numbers = values.shape[1]
      return try values.permute([0, 2, 3, 1]).reshape([values.count / numbers, numbers])
    }
  }

  /// How far the layers' answers to two batches lie apart, for each layer relative to the size of its answers to
  /// the real one (feature matching: Larsen et al. 2016, arXiv:1512.09300); a scalar.
  ///
  /// - Parameter real: what the layers said of what is to be made again.
  package func featureDistance(to real: Self) throws -> Tensor {
    let distances = try zip(features, real.features).map { own, real in
      let real = try real.detach()
      return try (own - real).abs().mean() / (real.abs().mean() + 1e-8)
    }
    return try distances.dropFirst().reduce(distances[0]) { try $0 + $1 } / Double(distances.count)
  }
}
