public import ArgumentParser
public import MusicDiffusion

/// What noise a network is trained on, and what it is asked for.
struct NoiseOptions: ParsableArguments {
  @Option(help: "What the network is asked for. Default: edm.")
  var prediction: Prediction?

  @Option(help: "How noise levels are drawn. Default: log-normal; logit-normal for flow.")
  var noiseLevels: NoiseDistribution.Kind?

  @Option(help: "What the noise is drawn from. Default: gaussian.")
  var noise: NoiseShape?

  /// - Parameter base: what counts where an option is not given; nil for the defaults.
  func process(over base: NoiseProcess?) -> NoiseProcess {
    guard var base else { return process }
    if let prediction { base.prediction = prediction }
    // Of the same kind they keep their parameters.
    if let noiseLevels, noiseLevels != base.levels.kind {
      base.levels = NoiseDistribution(noiseLevels)
    }
    if let noise { base.shape = noise }
    return base
  }

  private var process: NoiseProcess {
    let prediction = prediction ?? .edm
    let levels = noiseLevels ?? (prediction == .flow ? .logitNormal : .logNormal)
    return NoiseProcess(
      levels: NoiseDistribution(levels), shape: noise ?? .gaussian, prediction: prediction)
  }
}

extension Prediction: ExpressibleByArgument {}
extension NoiseDistribution.Kind: ExpressibleByArgument {}

/// Per-bin statistics go by that name here.
extension ValueTransform: ExpressibleByArgument {
  private static let perBin = "per-bin"

  /// As an option has it.
  var option: String { self == .statistics ? Self.perBin : rawValue }

  public init?(argument: String) {
    guard let found = Self.allCases.first(where: { $0.option == argument }) else { return nil }
    self = found
  }

  public static var allValueStrings: [String] { allCases.map(\.option) }
}
