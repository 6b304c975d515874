public import Torch

/// What keeps the code of an ``Autoencoder`` from being anything at all.
public struct Bottleneck: Codable, Sendable, Equatable {
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// The code is drawn from a normal distribution that the encoder gives, which is held near to the
    /// standard one by its Kullback-Leibler divergence (Kingma and Welling 2014, arXiv:1312.6114).
    case variational
    /// The code is what the encoder gives, and its magnitude costs.
    case sparse
  }

  public var kind: Kind
  /// Of its loss, against that of the reconstruction.
  public var weight: Double

  /// - Parameter weight: nil for one that leaves nearly all to the reconstruction.
  public init(_ kind: Kind, weight: Double? = nil) {
    self.kind = kind
    self.weight = weight ?? (kind == .variational ? 1e-3 : 1e-2)
  }

  func validate() throws {
    guard weight >= 0, weight.isFinite else {
      throw ModelError.invalidConfiguration("autoencoder.bottleneck.weight must be 0 or more")
    }
  }

  /// Channels that the encoder gives for each of the code's.
  var encodedChannels: Int { kind == .variational ? 2 : 1 }
}

/// What an encoder makes of a spectrogram, `[batch, code channels, bins, frames]`.
public struct EncodedSpectrogram {
  public let mean: Tensor
  /// Natural logarithm, within ± 20; nil for a code that is not drawn.
  public let logVariance: Tensor?

  /// - Parameter encoded: `[batch, n · code channels, bins, frames]`, the means before the logarithms.
  package init(_ encoded: Tensor, _ bottleneck: Bottleneck) throws {
    guard bottleneck.kind == .variational else {
      (mean, logVariance) = (encoded, nil)
      return
    }
    let channels = encoded.shape[1] / 2
    mean = try encoded.narrow(dimension: 1, start: 0, length: channels)
    logVariance = try encoded.narrow(dimension: 1, start: channels, length: channels)
      .clamp(min: -20, max: 20)
  }

  /// A code.
  ///
  /// - Parameter noise: standard normal numbers, shaped as the mean; nil for the mean itself.
  public func code(noise: Tensor?) throws -> Tensor {
    guard let noise, let logVariance else { return mean }
    return try mean + (logVariance * 0.5).exp() * noise
  }

  /// What the code costs, for each of its numbers: the divergence `(mean² + variance − 1 − ln variance) / 2`
  /// from the standard normal distribution, or the magnitude; a scalar.
  public func cost() throws -> Tensor {
    guard let logVariance else { return try mean.abs().mean() }
    return try ((mean.square() + logVariance.exp() - logVariance - 1) * 0.5).mean()
  }
}
