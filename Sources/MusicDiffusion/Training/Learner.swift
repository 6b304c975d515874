import Torch

/// A network that learns, with what its training keeps beside it: the averages of its weights and the
/// optimiser's moments.
final class Learner {
  let weights: ParameterStore
  /// The model's first.
  let averages: [AveragedWeights]
  let optimizer: AdamW
  let denoiser: Denoiser
  /// With the averaged weights of the model.
  let averageDenoiser: Denoiser
  private let configuration: TrainingConfiguration
  /// Of a distillation.
  private let teacher: Teacher?
  private let judge: StudentJudge?
  /// What a new network begins with in place of random numbers, by name.
  private let firstWeights: [String: Tensor]

  /// - Parameters:
  ///   - tensors: of a checkpoint, as ``TrainingState`` names them; nil for a new network.
  ///   - firstWeights: what a new network begins with in place of random numbers, by name.
  ///   - teacher: to learn from, where the configuration is that of a distillation.
  ///   - adversary: of a checkpoint.
  /// - Throws: `TorchError.mismatchedParameters` for tensors of another network.
  init(
    _ model: ModelConfiguration, _ configuration: TrainingConfiguration,
    from tensors: [String: Tensor]? = nil, firstWeights: [String: Tensor] = [:],
    teacher: Model? = nil, adversary: AdversaryState? = nil, device: Device, precision: DType
  ) throws {
    self.configuration = configuration
    self.teacher = teacher.flatMap { teacher in
      configuration.distillation.map { Teacher(teacher, $0, precision: precision) }
    }
    judge = try StudentJudge(
      configuration, teacher: self.teacher?.denoiser.denoiser, device: device,
      tensors: tensors?.below("adversary."), state: adversary)
    self.firstWeights = firstWeights
    func store(_ prefix: String) -> ParameterStore {
      tensors.map { ParameterStore(loading: $0.below(prefix), device: device) }
        ?? ParameterStore(seed: configuration.seed, device: device)
    }
    weights = store("weights.")
    averages = zip(TrainingState.averagePrefixes, configuration.averageWidths).map {
      AveragedWeights(store($0), width: $1)
    }
    let networks = try ([weights] + averages.map(\.parameters)).map { parameters in
      let network = try UNet(parameters.root, configuration: model.network)
      try parameters.finishLoading()
      return network
    }
    if tensors == nil {
      for store in [weights] + averages.map(\.parameters) { try store.begin(with: firstWeights) }
    }
    optimizer = try AdamW(
      parameters: weights, betas: (configuration.betas[0], configuration.betas[1]),
      weightDecay: configuration.weightDecay)
    if let tensors { try optimizer.load(tensors.below("optimizer.")) }
    (denoiser, averageDenoiser) = (
      Denoiser(
        network: networks[0], preconditioning: model.preconditioning, precision: precision),
      Denoiser(network: networks[1], preconditioning: model.preconditioning, precision: precision)
    )
  }

  /// Of each clip, `[batch]`, where the loss is only measured.
  func losses(of batch: Batch) throws -> Tensor { try answer(to: batch, dropout: nil).losses }

  private func answer(
    to batch: Batch, dropout: Dropout?
  ) throws -> (answer: Denoiser.Answer, losses: Tensor) {
    try denoiser.answer(
      signal: batch.signal, noise: batch.noise, sigmas: batch.sigmas, condition: batch.condition,
      teacher: teacher, dropout: dropout)
  }

  /// Of the averaged weights.
  func heldOutLoss(_ batches: HeldOutBatches, step: Int) throws -> HeldOutLoss {
    try batches.loss(of: averageDenoiser, teacher: teacher, step: step)
  }

  /// Adds a batch's share of the gradients of an update.
  ///
  /// - Parameters:
  ///   - index: the number of the batch in its run, which decides what is dropped out.
  ///   - progress: of the run, 0 to 1.
  ///   - learningRate: of the update, for an adversary, which learns from each batch.
  /// - Returns: its share of the update's loss, the loss of each clip, and what was wrong with an adversary.
  func addGradients(
    of batch: Batch, index: Int, progress: Double, learningRate: Double
  ) throws -> (loss: Double, losses: [Double], warning: AdversaryWarning?) {
    let (answer, losses) = try answer(to: batch, dropout: configuration.dropout(batch: index))
    let (mean, count) = (try losses.mean(), configuration.batchesPerStep)
    let share = try count == 1 ? mean : mean * (1 / Double(count))
    var warning: AdversaryWarning?
    if let judge, judge.adversary.isActive(progress: progress) {
      let gradient = try share.gradients(of: [answer.f])[0]
      let ownSize = try gradient.size(from: answer.f, at: denoiser.network.lastWeight)
      try (answer.f * gradient).sum().backward()
      warning = try judge.addGradients(
        to: denoiser, ownSize: ownSize, batch: batch, index: index, progress: progress,
        learningRate: learningRate)
    } else {
      try share.backward()
    }
    return (try share.item(), try losses.floats().map(Double.init), warning)
  }

  /// Tells the adversary how the network's own loss goes, the mean of the last hundred steps; once for each step.
  func watch(loss: Double, progress: Double) -> AdversaryWarning? {
    guard let adversary = judge?.adversary, adversary.isActive(progress: progress) else {
      return nil
    }
    return adversary.watch(own: loss)
  }

  /// For a checkpoint.
  var adversaryState: AdversaryState? { judge?.adversary.state }

  func adversaryTensors() throws -> [(name: String, tensor: Tensor)] {
    try judge?.adversary.named() ?? []
  }

  /// Clips the gradients' norm, and gives what it was.
  func clipGradients() throws -> Double {
    try Torch.clipGradients(of: weights, maxNorm: configuration.gradientClip)
  }

  /// Moves the weights by their gradients, and the averages after them.
  ///
  /// - Parameter step: the number of updates made, this one included.
  func update(learningRate: Double, step: Int) throws {
    try optimizer.step(learningRate: learningRate)
    weights.zeroGradients()
    for average in averages { try average.update(from: weights, step: step) }
  }

  /// Takes up a checkpoint's tensors, or begins anew.
  func restore(_ tensors: [String: Tensor]?, adversary: AdversaryState?) throws {
    try judge?.adversary.restore(
      tensors?.below("adversary."), state: adversary ?? AdversaryState())
    guard let tensors else {
      let fresh = ParameterStore(seed: configuration.seed, device: weights.tensors[0].device)
      _ = try UNet(fresh.root, configuration: denoiser.network.configuration)
      try fresh.begin(with: firstWeights)
      let tensors = Dictionary(uniqueKeysWithValues: fresh.named.map { ($0.name, $0.tensor) })
      for store in [weights] + averages.map(\.parameters) { try store.copy(from: tensors) }
      return try optimizer.reset()
    }
    try weights.copy(from: tensors.below("weights."))
    for (prefix, average) in zip(TrainingState.averagePrefixes, averages) {
      try average.parameters.copy(from: tensors.below(prefix))
    }
    try optimizer.load(tensors.below("optimizer."))
  }
}

extension TrainingConfiguration {
  /// What leaves out values while a batch of the run is learned from.
  fileprivate func dropout(batch index: Int) -> Dropout? {
    // Not a stream that a clip of the batch draws from.
    dropout.map {
      Dropout(rate: $0, seed: seed, stream: UInt64(index) << 20 | 1 << 19)
    }
  }
}
