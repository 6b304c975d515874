/// How a model is trained. Saved with the training state, so that a resumed run goes on as it began.
public struct TrainingConfiguration: Codable, Sendable, Equatable {
  public var preset: Preset
  /// What log-mel values are to the network; nil for those of the preset.
  public var values: ValueTransform?
  public var batchSize = 8
  /// Of AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101), at its highest.
  public var learningRate = 6e-4
  /// Steps in which the learning rate rises from 0.
  public var warmUpSteps = 100
  /// The last part of the run, in which the learning rate falls to 0.
  public var coolDown = 0.4
  public var betas = [0.9, 0.99]
  public var weightDecay = 0.01
  /// Gradients with a larger norm are scaled down to it.
  public var gradientClip = 1.0
  /// Width of the power-function EMA relative to the run (Karras et al. 2024, arXiv:2312.02696).
  public var emaWidth = 0.05
  /// Width of a second EMA, which the model's length can be chosen with afterwards; nil in runs of
  /// older versions, which have none.
  public var wideEMAWidth: Double?
  /// How often a clip's label is left out, for classifier-free guidance.
  public var labelDropout = 0.1
  /// How often its numbers and its caption are, too; nil for never, as in runs of older versions.
  public var descriptionDropout: DescriptionDropout?
  /// How often a part of a clip is given as known.
  public var knownProbability = 0.5
  /// Of the network's levels; nil for the preset's.
  public var widths: [Int]?
  /// Residual blocks at the network's levels; nil for the preset's.
  public var blocks: BlockCounts?
  /// Mel bins and frames that one position of the network's highest level stands for; nil for the
  /// preset's.
  public var patch: [Int]?
  /// Kernels of the filter of details beside the network, 0 for none; nil for 4 where the network's highest
  /// level has less than twice as many channels as a patch has values.
  public var detailKernels: Int?
  /// The share of values that the network's residual blocks leave out in training; nil for none.
  public var dropout: Double?
  /// The part of the run, from its start, that is trained on windows of half the length, twice as
  /// many at a time; nil for none.
  public var multiScale: Double?
  public var noise: NoiseProcess
  /// How strictly to guide with the model, or by it where it is a guide, if nobody says otherwise; nil for
  /// the usual.
  public var guidance: Guidance?
  public var seed: UInt64 = 0
  /// What is done to windows before they are learned from; nil for nothing.
  public var augmentation: Augmentation?
  /// The part of the files that is not trained on; nil for none.
  public var heldOut: Double?
  /// Batches whose gradients make one update; nil for one. The clips of an update are this many
  /// times ``batchSize``, in the memory of ``batchSize``.
  public var accumulation: Int?
  /// Evaluations of the held-out loss without a new best one, after which a run ends; nil for a run
  /// that goes to its end.
  public var patience: Int?
  /// What is learned from another model; nil for learning from data alone.
  public var distillation: Distillation?
  /// Whichever comes first; at least one is given.
  public var steps: Int?
  public var hours: Double?
  /// Steps between two checkpoints.
  public var saveInterval = 250

  public init(preset: Preset) {
    self.preset = preset
    noise = NoiseProcess(for: preset)
    // What a one-shot is, its label says where there is much noise.
    if preset == .oneshots { guidance = Guidance(scale: 2, interval: 1...300) }
    augmentation = Augmentation(for: preset)
    wideEMAWidth = 0.1
    descriptionDropout = DescriptionDropout()
  }

  /// The preset's, with ``values``.
  public var representation: Representation {
    var representation = preset.representation
    representation.values = values ?? representation.values
    return representation
  }
  /// Noise levels for a batch, spread over all that are trained on.
  ///
  /// - Parameter offset: uniform in [0, 1), where in its part of them each one lies.
  func sigmas(count: Int, offset: Double, sigmaData: Double) -> [Double] {
    distillation?.sigmas(count: count, offset: offset)
      ?? noise.levels.stratifiedSigmas(count: count, offset: offset, sigmaData: sigmaData)
  }
  /// Of the averages that are kept; the first is the model's.
  var averageWidths: [Double] { [emaWidth] + [wideEMAWidth].compactMap(\.self) }
  /// Batches in one update.
  var batchesPerStep: Int { accumulation ?? 1 }
  /// Clips in one update.
  public var clipsPerStep: Int { batchSize * batchesPerStep }

  /// What is trained.
  ///
  /// - Parameter code: what it draws; nil for the preset's spectrograms.
  package func network(
    labelCount: Int, conditioning: Conditioning? = nil, code: DrawingSpace? = nil
  ) -> UNetConfiguration {
    var network = preset.network(labelCount: labelCount, conditioning: conditioning)
    if let code {
      (network.channels, network.melBins) = (code.channels, code.bins)
      (network.patchBins, network.patchFrames) = (1, 1)
    }
    if augmentation?.kinds.isEmpty == false {
      network.augmentationWidth = Augmentation.vectorWidth
    }
    if let widths { network.widths = widths }
    if let blocks { network.blocks = blocks }
    if let patch, patch.count == 2 {
      (network.patchBins, network.patchFrames) = (patch[0], patch[1])
    }
    // Where the channels have hardly room for a patch's values, these need a way past them.
    let sides = [network.channels, network.patchBins, network.patchFrames].map(Double.init)
    let isNarrow = Double(network.widths.first ?? 0) < 2 * sides.reduce(1, *)
    let kernels = detailKernels ?? (isNarrow ? 4 : 0)
    network.detailKernels = kernels > 0 ? kernels : nil
    return network
  }

  /// Throws ``ModelError/invalidConfiguration(_:)`` for what cannot be trained with.
  package func validate() throws {
    func check(_ holds: Bool, _ reason: String) throws {
      if !holds { throw ModelError.invalidConfiguration("training." + reason) }
    }
    try check(steps != nil || hours != nil, "steps or hours must be given")
    try check(steps.map { $0 > 0 } ?? true, "steps must be positive")
    try check(hours.map { $0 > 0 && $0.isFinite } ?? true, "hours must be positive")
    try check((1...1 << 16).contains(batchSize), "batchSize must be 1 to 65536")
    try check(saveInterval > 0, "saveInterval must be positive")
    try check(learningRate > 0 && learningRate.isFinite, "learningRate must be positive")
    try check((0...1).contains(coolDown), "coolDown must be 0 to 1")
    try check((0...1_000_000_000).contains(warmUpSteps), "warmUpSteps must not be below 0")
    try check(
      betas.count == 2 && betas.allSatisfy { (0..<1).contains($0) },
      "betas must be two numbers from 0 to less than 1")
    try check(weightDecay >= 0 && gradientClip > 0, "weightDecay or gradientClip is negative")
    try check((0.001...0.28).contains(emaWidth), "emaWidth must be 0.001 to 0.28")
    try check(
      wideEMAWidth.map { (0.001...0.28).contains($0) && $0 != emaWidth } ?? true,
      "wideEMAWidth must be 0.001 to 0.28 and another than emaWidth")
    try check(
      patch.map { $0.count == 2 } ?? true, "patch must be two numbers: mel bins and frames")
    try check(
      accumulation.map { (1...1024).contains($0) } ?? true, "accumulation must be 1 to 1024")
    try check(
      detailKernels.map { (0...64).contains($0) } ?? true, "detailKernels must be 0 to 64")
    try check(patience.map { $0 > 0 } ?? true, "patience must be positive")
    try noise.validate()
    try augmentation?.validate()
    try descriptionDropout?.validate()
    try distillation?.validate()
    try check(heldOut.map { (0...0.5).contains($0) } ?? true, "heldOut must be 0 to 0.5")
    try check(dropout.map { (0...0.9).contains($0) } ?? true, "dropout must be 0 to 0.9")
    try check(multiScale.map { (0...1).contains($0) } ?? true, "multiScale must be 0 to 1")
    try check((0...1).contains(labelDropout), "labelDropout must be 0 to 1")
    try check((0...1).contains(knownProbability), "knownProbability must be 0 to 1")
  }

  /// - Parameter progress: how much of the run is over, 0 to 1.
  /// - Returns: the learning rate of a step.
  package func learningRate(step: Int, progress: Double) -> Double {
    let warmUp = min(1, Double(step + 1) / Double(max(1, warmUpSteps)))
    let coolDown = coolDown > 0 ? min(1, max(0, 1 - progress) / coolDown) : 1
    return learningRate * min(warmUp, coolDown)
  }

  /// How much of the run is over, 0 to 1.
  package func progress(steps done: Int, seconds: Double) -> Double {
    max(
      steps.map { Double(done) / Double(max(1, $0)) } ?? 0,
      hours.map { seconds / 3600 / $0 } ?? 0)
  }
}
