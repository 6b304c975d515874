package import Torch

/// The adversary of a distillation. It judges where the student's own steps lead, from noise on, beside real clips at
/// the same noise levels: what he learns from his teacher starts from real clips, and what he does wrong over several
/// steps is in none of it (adversarial post-training, Lin et al. 2025, arXiv:2501.08316; that he is judged by what he
/// makes of his own steps, Yin et al. 2024, arXiv:2405.14867, section 4.5).
package final class StudentJudge {
  package let adversary: Adversary<StudentCritic>
  private let distillation: Distillation
  /// That the teacher was trained with: the student begins with it, and it is added to what is judged.
  private let noise: NoiseProcess
  private let (sigmaData, seed): (Double, UInt64)

  /// Nil where the distillation has none.
  ///
  /// - Parameters:
  ///   - teacher: without what guides him.
  ///   - tensors: of a checkpoint, by the names of ``Adversary/named()``; nil for a new one.
  package init?(
    _ configuration: TrainingConfiguration, teacher: Denoiser?, device: Device,
    tensors: [String: Tensor]? = nil, state: AdversaryState? = nil
  ) throws {
    guard let teacher, let distillation = configuration.distillation,
      let settings = distillation.adversary
    else { return nil }
    (self.distillation, noise) = (distillation, configuration.noise)
    (sigmaData, seed) = (teacher.preconditioning.sigmaData, configuration.seed)
    adversary = try Adversary(
      settings, seed: configuration.seed &+ 1, device: device, tensors: tensors,
      state: state ?? AdversaryState(), worse: 2
    ) { try StudentCritic($0, teacher: teacher, width: settings.width) }
  }

  /// Adds the gradients of what the adversary says of the student, and lets it learn from what he makes. He draws whole
  /// clips, of which nothing is known.
  ///
  /// - Parameters:
  ///   - ownSize: the norm of the gradient of his own loss at his last layer.
  ///   - batch: real clips, and what is said of them, which he is told.
  ///   - index: the number of the batch in its run, which decides what is random and how many steps he makes.
  ///   - progress: of the run, 0 to 1.
  ///   - learningRate: of the student.
  /// - Returns: what the adversary has to be warned of.
  package func addGradients(
    to student: Denoiser, ownSize: Double, batch: Batch, index: Int, progress: Double,
    learningRate: Double
  ) throws -> AdversaryWarning? {
    // Not a stream that a clip of the batch draws from, nor what is dropped out.
    var random = RandomGenerator(seed: seed, stream: UInt64(index) << 20 | 1 << 18)
    let signal = batch.signal
    var condition = try Condition(
      batch.condition.descriptions, shape: signal.shape, device: signal.device)
    condition.augmentation = batch.condition.augmentation
    func fresh() throws -> Tensor {
      try Tensor(
        noise.shape.values(signal.count, &random), shape: signal.shape, device: signal.device)
    }
    let starts = distillation.starts
    let last = index % starts.count
    func sigmas(_ step: Int) -> [Double] { batch.sigmas.map { _ in starts[step] } }
    var x = try fresh() * starts[0]
    try withoutGradient {
      for step in 0..<last {
        x = try distillation.arrival(
          x, sigmas: sigmas(step), estimate: student.estimate(x, sigmas: sigmas(step), condition))
      }
    }
    let answer = try student.answer(x, sigmas: sigmas(last), condition: condition)
    let made = try distillation.arrival(x, sigmas: sigmas(last), estimate: answer.estimate())

    let end = distillation.ends(of: [starts[last]])[0]
    let added = batch.sigmas.map { _ in
      noise.levels.stratifiedSigmas(count: 1, offset: random.uniform(), sigmaData: sigmaData)[0]
    }
    let further = try fresh() * signal.perClip(added)
    let judged = added.map { (end * end + $0 * $0).squareRoot() }
    let critic = adversary.critic
    let seenMade = try critic.features(made + further, sigmas: judged, condition)
    let seenReal = try withoutGradient {
      try critic.features(signal + batch.noise * end + further, sigmas: judged, condition)
    }
    let ofReal = try critic.judgement(of: seenReal)
    let gradient = try adversary.gradient(
      at: answer.f, ownSize: ownSize, generated: critic.judgement(of: seenMade), real: ofReal,
      last: student.network.lastWeight, progress: progress)
    if let gradient { try (answer.f * gradient).sum().backward() }
    let loss = adversary.settings.loss
    // By itself, so that nothing of the student learns from it.
    let detached = try seenMade.map { try $0.detach() }
    return try adversary.learn(
      loss.ofCritic(
        real: ofReal.rows(for: loss),
        generated: critic.judgement(of: detached).rows(for: loss)),
      learningRate: learningRate, progress: progress)
  }
}

extension AdversaryConfiguration {
  /// Of a distillation: heads on what the teacher sees, which learn faster than the student, who has learned.
  public static var ofStudent: Self {
    var settings = Self(.hinge)
    (settings.weight, settings.featureMatching) = (1, 0)
    (settings.width, settings.rate) = (64, 5)
    return settings
  }
}
