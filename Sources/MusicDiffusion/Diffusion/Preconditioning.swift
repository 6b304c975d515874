import Foundation

/// What stands between the network F and the denoiser D:
/// D(x; sigma) = cSkip(sigma) x + cOut(sigma) F(cIn(sigma) x; cNoise(sigma)).
///
/// EDM's choice (Karras et al. 2022, arXiv:2206.00364, table 1, last column): network input and
/// training target have unit variance at every noise level.
public struct Preconditioning: Codable, Sendable, Equatable {
  /// Standard deviation of the data.
  public var sigmaData: Double

  public init(sigmaData: Double = 0.5) { self.sigmaData = sigmaData }

  public func cSkip(_ sigma: Double) -> Double {
    sigmaData * sigmaData / (sigma * sigma + sigmaData * sigmaData)
  }

  public func cOut(_ sigma: Double) -> Double {
    sigma * sigmaData / (sigma * sigma + sigmaData * sigmaData).squareRoot()
  }

  public func cIn(_ sigma: Double) -> Double {
    1 / (sigma * sigma + sigmaData * sigmaData).squareRoot()
  }

  public func cNoise(_ sigma: Double) -> Double { log(sigma) / 4 }

  /// The weight of the squared error of D in the loss, 1 / cOut²: in terms of F it is 1.
  public func lossWeight(_ sigma: Double) -> Double {
    (sigma * sigma + sigmaData * sigmaData) / (sigma * sigma * sigmaData * sigmaData)
  }
}
