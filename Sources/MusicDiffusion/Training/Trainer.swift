public import Foundation
public import Torch

/// Trains a model on a dataset and keeps it in a folder.
public final class Trainer {
  /// Where a run stands, after each step.
  public struct Progress: Sendable {
    public var step: Int
    /// The number of steps of the whole run, if it is limited by steps.
    public var steps: Int?
    /// Mean over about the last hundred steps.
    public var loss: Double
    /// Windows of data trained on in a second, over the last steps.
    public var clipsPerSecond: Double
    public var secondsLeft: Double
  }

  public enum Outcome: Sendable { case finished, interrupted }

  public private(set) var state: TrainingState
  /// Seconds that steps of this process waited for their batches.
  public private(set) var secondsWaiting = 0.0
  let folder: URL
  /// What was measured on the way.
  public let log: TrainingLog
  let dataset: Dataset
  let device: Device
  private let weights: ParameterStore
  private let average: AveragedWeights
  private let averageNetwork: UNet
  private let optimizer: AdamW
  let denoiser: Denoiser
  private let loader: BatchLoader

  /// A new run, or with `resume` the one that the folder holds.
  ///
  /// - Parameters:
  ///   - folder: where the model goes; made if it is not there.
  ///   - configuration: of a resumed run, only `steps`, `hours`, `saveInterval` and `learningRate`
  ///     count; the rest is as the run began.
  /// - Throws: ``ModelError``, `TorchError`.
  public init(
    folder: URL, dataset: Dataset, configuration: TrainingConfiguration,
    device: Device, precision: DType, resume: Bool
  ) throws {
    self.folder = folder
    self.dataset = dataset
    self.device = device
    let checkpoint = try resume ? TrainingState.read(from: folder) : nil
    if let checkpoint {
      state = try Self.resumed(checkpoint.state, in: folder, dataset, configuration)
      weights = ParameterStore(loading: checkpoint.tensors.below("weights."), device: device)
      average = AveragedWeights(
        ParameterStore(loading: checkpoint.tensors.below("average."), device: device),
        width: state.configuration.emaWidth)
    } else {
      state = Self.new(dataset, configuration)
      weights = ParameterStore(seed: configuration.seed, device: device)
      average = AveragedWeights(
        ParameterStore(seed: configuration.seed, device: device), width: configuration.emaWidth)
    }
    try state.validate()
    let network = try UNet(weights.root, configuration: state.model.network)
    averageNetwork = try UNet(average.parameters.root, configuration: state.model.network)
    do {
      try weights.finishLoading()
      try average.parameters.finishLoading()
      optimizer = try AdamW(
        parameters: weights,
        betas: (state.configuration.betas[0], state.configuration.betas[1]),
        weightDecay: state.configuration.weightDecay)
      if let checkpoint { try optimizer.load(checkpoint.tensors.below("optimizer.")) }
    } catch let error as TorchError {
      guard case .mismatchedParameters = error else { throw error }
      throw ModelError.damagedModel(folder.path, reason: "\(error)")
    }
    denoiser = Denoiser(
      network: network, preconditioning: state.model.preconditioning, precision: precision)
    let settings = state.configuration
    loader = BatchLoader { step in
      try Batch(step: step, from: dataset, settings, device: device)
    }
    let bands = NoiseBands(
      state.model.noise.levels, sigmaData: Double(state.model.normalization.sigmaData))
    try Self.prepare(folder)
    log = try TrainingLog(folder: folder, bands: bands, step: state.steps)
  }

  /// Makes the folder, or removes what a killed run was just writing there.
  private static func prepare(_ folder: URL) throws {
    let training = folder.appendingPathComponent("training", isDirectory: true)
    do {
      try FileManager.default.createDirectory(at: training, withIntermediateDirectories: true)
      for parent in [folder, training] {
        for file in try FileManager.default.contentsOfDirectory(atPath: parent.path)
        where file.contains(".safetensors.") && file.hasSuffix(".tmp") {
          try FileManager.default.removeItem(at: parent.appendingPathComponent(file))
        }
      }
    } catch {
      throw ModelError.cannotWrite(folder.path, reason: error.localizedDescription)
    }
  }

  /// Values in all parameters of the network.
  public var parameterCount: Int { weights.count }

  /// The model as it stands: the averaged weights.
  public var model: Model {
    Model(configuration: state.model, network: averageNetwork, parameters: average.parameters)
  }

  /// Trains until the run's steps or hours are over or `shouldStop` says so, and saves then and at
  /// every ``TrainingConfiguration/saveInterval``.
  ///
  /// - Parameters:
  ///   - onStep: called after each step.
  ///   - onSave: called after each checkpoint, with the number of steps made.
  ///   - shouldStop: asked after each step.
  public func run(
    onStep: (Progress) throws -> Void = { _ in }, onSave: (_ step: Int) throws -> Void = { _ in },
    shouldStop: () -> Bool = { false }
  ) throws -> Outcome {
    let configuration = state.configuration
    let clock = ContinuousClock()
    var recent: [(time: ContinuousClock.Instant, steps: Int)] = [(clock.now, state.steps)]
    var saved = state.steps
    while configuration.progress(steps: state.steps, seconds: state.seconds) < 1 {
      let start = clock.now
      let metrics = try step()
      let seconds = start.duration(to: clock.now) / .seconds(1)
      state.seconds += seconds
      try log.add(metrics, seconds: seconds)
      recent.append((clock.now, state.steps))
      if recent.count > 21 { recent.removeFirst() }
      try onStep(progress(recent))
      if state.steps % configuration.saveInterval == 0 {
        try save()
        saved = state.steps
        try onSave(state.steps)
        recent = [(clock.now, state.steps)]
      }
      if shouldStop() {
        if saved != state.steps { try save() }
        try log.add(event: "interrupted", step: state.steps)
        return .interrupted
      }
    }
    if saved != state.steps || state.steps == 0 {
      try save()
      try onSave(state.steps)
    }
    try log.add(event: "finished", step: state.steps)
    return .finished
  }

  /// One update of the weights.
  private func step() throws -> StepMetrics {
    let configuration = state.configuration
    let clock = ContinuousClock()
    let start = clock.now
    let batch = try loader.batch(step: state.steps)
    secondsWaiting += start.duration(to: clock.now) / .seconds(1)
    let losses = try denoiser.loss(
      signal: batch.signal, noise: batch.noise, sigmas: batch.sigmas, condition: batch.condition)
    let loss = try losses.mean()
    try loss.backward()
    let norm = try clipGradients(of: weights, maxNorm: configuration.gradientClip)
    let value = try loss.item()
    guard value.isFinite && norm.isFinite else { throw ModelError.diverged(step: state.steps) }
    let progress = configuration.progress(steps: state.steps, seconds: state.seconds)
    let learningRate = configuration.learningRate(step: state.steps, progress: progress)
    try optimizer.step(learningRate: learningRate)
    weights.zeroGradients()
    state.steps += 1
    try average.update(from: weights, step: state.steps)
    record(loss: value)
    return StepMetrics(
      step: state.steps, loss: value, losses: try losses.floats().map(Double.init),
      sigmas: batch.sigmas, learningRate: learningRate, gradientNorm: norm)
  }

  /// Keeps the running mean of the loss, over all steps at first and over about a hundred later.
  private func record(loss: Double) {
    let weight = 1 / Double(min(state.steps, 100))
    state.model.history.loss += weight * (loss - state.model.history.loss)
    state.model.history.steps = state.steps
  }

  /// The training state first: it alone decides how the run goes on.
  private func save() throws {
    state.model.history.trainingHours = state.seconds / 3600
    try log.flush()
    do {
      try state.write(
        to: folder, weights: weights, average: average.parameters, optimizer: optimizer)
      try model.write(to: folder)
    } catch TorchError.file(let path, let reason) {
      throw ModelError.cannotWrite(path, reason: reason)
    }
  }

  private func progress(_ recent: [(time: ContinuousClock.Instant, steps: Int)]) -> Progress {
    let configuration = state.configuration
    let elapsed = recent.first!.time.duration(to: recent.last!.time) / .seconds(1)
    let stepsPerSecond = Double(recent.last!.steps - recent.first!.steps) / max(elapsed, 1e-9)
    let byTime = configuration.hours.map { $0 * 3600 - state.seconds } ?? .infinity
    let bySteps =
      configuration.steps.map { Double($0 - state.steps) / stepsPerSecond } ?? .infinity
    return Progress(
      step: state.steps, steps: configuration.steps, loss: state.model.history.loss,
      clipsPerSecond: stepsPerSecond * Double(configuration.batchSize),
      secondsLeft: max(0, min(byTime, bySteps)))
  }

  private static func new(
    _ dataset: Dataset, _ configuration: TrainingConfiguration
  ) -> TrainingState {
    var history = TrainingHistory()
    history.dataset = URL(fileURLWithPath: dataset.path).lastPathComponent
    history.files = dataset.fileCount
    history.skippedFiles = dataset.skippedCount
    history.datasetHours = dataset.seconds / 3600
    history.batchSize = configuration.batchSize
    history.learningRate = configuration.learningRate
    history.seed = configuration.seed
    var network = configuration.preset.network(labelCount: dataset.labels.count)
    if configuration.augmentation?.kinds.isEmpty == false {
      network.augmentationWidth = Augmentation.vectorWidth
    }
    return TrainingState(
      configuration: configuration,
      model: ModelConfiguration(
        preset: configuration.preset, representation: dataset.representation,
        normalization: dataset.normalization,
        network: network, labels: dataset.labels,
        noise: configuration.noise,
        sampling: SamplingDefaults(
          for: configuration.noise, sigmaData: Double(dataset.normalization.sigmaData)),
        history: history),
      dataset: dataset.fingerprint)
  }

  private static func resumed(
    _ saved: TrainingState, in folder: URL, _ dataset: Dataset,
    _ configuration: TrainingConfiguration
  ) throws -> TrainingState {
    guard saved.dataset == dataset.fingerprint else {
      throw ModelError.datasetChanged(
        folder.path, reason: "files were added, removed or changed, or it is another folder")
    }
    var state = saved
    state.configuration.steps = configuration.steps
    state.configuration.hours = configuration.hours
    state.configuration.saveInterval = configuration.saveInterval
    state.configuration.learningRate = configuration.learningRate
    return state
  }
}
