import Foundation

/// The noise levels of training in five parts that are drawn equally often, from little noise to
/// much: what a network learns in each of them are different things, and a mean over all hides them.
public struct NoiseBands: Sendable, Equatable {
  /// Standard deviations of the noise between the bands, rising: one fewer than there are bands.
  public let edges: [Double]

  public static let count = 5

  /// - Parameter sigmaData: standard deviation of the data.
  public init(_ levels: NoiseDistribution, sigmaData: Double) {
    edges = (1..<Self.count).map {
      levels.sigma(quantile: Double($0) / Double(Self.count), sigmaData: sigmaData)
    }
  }

  public func band(of sigma: Double) -> Int { edges.count { $0 <= sigma } }

  /// "σ 0.17–0.38"
  public func name(of band: Int) -> String {
    func text(_ sigma: Double) -> String { String(format: "%.2g", sigma) }
    if band == 0 { return "σ below \(text(edges[0]))" }
    if band == edges.count { return "σ above \(text(edges[band - 1]))" }
    return "σ \(text(edges[band - 1]))–\(text(edges[band]))"
  }

  /// - Parameters:
  ///   - losses: of each clip.
  ///   - sigmas: the noise that each had.
  /// - Returns: the mean in each band; nil where no clip was.
  public func means(_ losses: [Double], sigmas: [Double]) -> [Double?] {
    var sums = [Double](repeating: 0, count: Self.count)
    var counts = [Int](repeating: 0, count: Self.count)
    for (loss, sigma) in zip(losses, sigmas) {
      sums[band(of: sigma)] += loss
      counts[band(of: sigma)] += 1
    }
    return zip(sums, counts).map { $1 > 0 ? $0 / Double($1) : nil }
  }
}
