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

  /// - Parameters:
  ///   - base: what counts where an option is not given.
  ///   - isChosen: whether somebody chose that, so that rectified flow keeps its levels, too.
  func process(over base: NoiseProcess, isChosen: Bool) -> NoiseProcess {
    var result = base
    if let prediction { result.prediction = prediction }
    let levels = noiseLevels ?? (prediction == .flow && !isChosen ? .logitNormal : nil)
    // Of the same kind they keep their parameters.
    if let levels, levels != base.levels.kind { result.levels = NoiseDistribution(levels) }
    if let noise { result.shape = noise }
    return result
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
