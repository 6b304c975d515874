import Foundation

/// What the network F is asked for. Each is the same denoiser D with other scalings, given by
/// ``Preconditioning``, for a signal that is divided by its standard deviation; its loss is the mean
/// squared error of what it is asked for, as in its paper.
public enum Prediction: String, Codable, CaseIterable, Sendable {
  /// EDM's F: Karras et al. 2022 (arXiv:2206.00364), table 1. In these coordinates it is −v.
  case edm
  /// The noise: Ho et al. 2020 (arXiv:2006.11239), equation 14.
  case epsilon
  /// The signal: Salimans and Ho 2022 (arXiv:2202.00512), section 4, with a constant weight.
  case signal = "x0"
  /// alpha · noise − sigma · signal, where alpha² + sigma² = 1: Salimans and Ho 2022, appendix D,
  /// whose "SNR+1" weighting its squared error is.
  case v
  /// noise − signal, the velocity of rectified flow, x_t = (1 − t) signal + t · noise: Liu et al.
  /// 2022 (arXiv:2209.03003), equation 1 from noise to signal; here sigma = t / (1 − t).
  case flow

  /// The variance of what the network is asked for, which is its loss if it always says 0.
  var targetVariance: Double { self == .flow ? 2 : 1 }
}

/// What stands between the network F and the denoiser D:
/// D(x; sigma) = cSkip(sigma) x + cOut(sigma) F(cIn(sigma) x; cNoise(sigma)).
///
/// In the papers' coordinates the network sees alpha · signal + sigma · noise. With
/// x = signal + sigma · noise, data of deviation sigmaData and s = sigma / sigmaData, that is
/// x · cIn: of unit variance for all but flow.
public struct Preconditioning: Sendable, Equatable {
  /// Standard deviation of the data.
  public var sigmaData: Double
  public var prediction: Prediction

  public init(sigmaData: Double = 0.5, prediction: Prediction = .edm) {
    self.sigmaData = sigmaData
    self.prediction = prediction
  }

  public func cSkip(_ sigma: Double) -> Double {
    switch prediction {
    case .edm, .v: sigmaData * sigmaData / (sigma * sigma + sigmaData * sigmaData)
    case .epsilon: 1
    case .signal: 0
    case .flow: sigmaData / (sigma + sigmaData)
    }
  }

  public func cOut(_ sigma: Double) -> Double {
    switch prediction {
    case .edm: sigma * sigmaData / (sigma * sigma + sigmaData * sigmaData).squareRoot()
    case .epsilon: -sigma
    case .signal: sigmaData
    case .v: -sigma * sigmaData / (sigma * sigma + sigmaData * sigmaData).squareRoot()
    case .flow: -sigma * sigmaData / (sigma + sigmaData)
    }
  }

  public func cIn(_ sigma: Double) -> Double {
    switch prediction {
    case .edm, .epsilon, .signal, .v: 1 / (sigma * sigma + sigmaData * sigmaData).squareRoot()
    case .flow: 1 / (sigma + sigmaData)
    }
  }

  /// EDM's for every prediction: the network's embedding is made for this range.
  public func cNoise(_ sigma: Double) -> Double { log(sigma) / 4 }

  /// The weight of the squared error of D in the loss, 1 / cOut²: in terms of F it is 1. Flow's is
  /// half of that, so that for each prediction a network that says 0 has a loss of 1.
  public func lossWeight(_ sigma: Double) -> Double {
    1 / (cOut(sigma) * cOut(sigma) * prediction.targetVariance)
  }
}
