import Foundation

/// What makes a model for few steps of one for many: the noise levels are cut into as many segments as there
/// are to be steps, and from anywhere in a segment the new model learns to say where the other one, the
/// teacher, would arrive at its end in many small steps. Saved with the training state.
///
/// Multistep consistency models (Heek et al. 2024, arXiv:2403.06807, with DDIM's steps for the teacher's),
/// of one segment the consistency distillation of Song et al. 2023 (arXiv:2303.01469).
public struct Distillation: Codable, Sendable, Equatable {
  /// The segments, and the steps that the new model is made for.
  public var steps: Int
  /// That it draws with by default; nil for as many as ``steps``. More of them add noise anew, as Euler's
  /// ancestral method does: what a few steps leave wrong is then drawn once more.
  public var drawingSteps: Int?
  /// Of the teacher's sampling: where it starts, and its last level above 0.
  public var sigmaMin, sigmaMax: Double
  /// What judges where the new model arrives beside what the teacher says; nil for nobody.
  public var adversary: AdversaryConfiguration?
  /// The teacher, told from others by what is in its folder: ``Recipe/Source/fingerprint``.
  public var teacher: String

  public init(steps: Int, sigmaMin: Double, sigmaMax: Double, teacher: String) {
    (self.steps, self.sigmaMin, self.sigmaMax) = (steps, sigmaMin, sigmaMax)
    self.teacher = teacher
  }

  /// Steps that a model can be made for.
  public static let possibleSteps = 1...16

  /// Steps of the teacher in a segment: about 32 in all, or 4 for each where there are more than eight.
  package var substeps: Int { max(4, 32 / steps) }

  /// The noise levels of the teacher's steps, falling, ending in 0: Karras et al.'s, of which every
  /// ``substeps``-th begins a segment.
  package var grid: [Double] {
    SigmaSchedule.karras(steps: steps * substeps + 1, min: sigmaMin, max: sigmaMax).dropLast(2) + [
      0
    ]
  }

  /// The noise levels at which the segments begin, falling: where the new model's steps do.
  package var starts: [Double] {
    let grid = grid
    return stride(from: 0, to: grid.count - 1, by: substeps).map { grid[$0] }
  }

  /// How the new model draws: from one segment's start to the next one's, or in more steps between the same
  /// noise levels; unguided, since what it learned from was guided.
  package func sampling(as teacher: SamplingDefaults) -> SamplingDefaults {
    var sampling = teacher
    let drawingSteps = drawingSteps ?? steps
    sampling.sampler = drawingSteps > steps ? .eulerAncestral : .euler
    sampling.settings = Sampler.Settings()
    (sampling.schedule, sampling.steps) = (.karras, drawingSteps)
    sampling.sigmaMax = sigmaMax
    // A single step is at the highest level.
    sampling.sigmaMin = drawingSteps == 1 ? sigmaMin : grid[(steps - 1) * substeps]
    sampling.guidance = Guidance()
    return sampling
  }

  /// Noise levels for a batch, one from each of `count` ranges of the grid, but its end.
  ///
  /// - Parameter offset: uniform in [0, 1), where in its range each one lies.
  package func sigmas(count: Int, offset: Double) -> [Double] {
    let grid = grid.dropLast()
    return (0..<count).map {
      grid[min(grid.count - 1, Int((Double($0) + offset) / Double(count) * Double(grid.count)))]
    }
  }

  package func validate() throws {
    func check(_ holds: Bool, _ reason: String) throws {
      if !holds { throw ModelError.invalidConfiguration("training.distillation." + reason) }
    }
    let possible = Self.possibleSteps
    try check(
      possible.contains(steps), "steps must be \(possible.lowerBound) to \(possible.upperBound)")
    try check(
      drawingSteps.map { (steps...1000).contains($0) } ?? true,
      "drawingSteps must be from \(steps) to 1000")
    try adversary?.validate()
    try check(
      adversary.map { $0.loss == .hinge && $0.featureMatching == 0 } ?? true,
      "adversary must be hinge, without featureMatching")
    try check(
      0 < sigmaMin && sigmaMin < sigmaMax && sigmaMax <= 1e6, "sigmaMin must be less than sigmaMax")
  }
}

extension TrainingConfiguration {
  /// The settings of a run that makes a model of few steps of another one: the same network on the same data,
  /// a quarter of the time, and a third of the usual learning rate.
  ///
  /// - Throws: ``ModelError/invalidArgument(_:)`` for a teacher that was distilled itself.
  public init(distilling teacher: Model, fingerprint: String, steps: Int) throws {
    let own = teacher.configuration
    guard let preset = Preset(rawValue: own.preset) else {
      throw ModelError.invalidConfiguration("there is no preset \(own.preset)")
    }
    guard own.history.distilledSteps == nil else {
      throw ModelError.invalidArgument(
        "what was distilled has no more to teach: distill the model that it was made of")
    }
    self.init(preset: preset)
    StartingPoint(teacher, name: "").apply(to: &self)
    if own.network.augmentationWidth == nil { augmentation = nil }
    learningRate = 2e-4
    hours = max(0.01, own.history.trainingHours / 4)
    distillation = Distillation(
      steps: steps, sigmaMin: own.sampling.sigmaMin, sigmaMax: own.sampling.sigmaMax,
      teacher: fingerprint)
  }
}
