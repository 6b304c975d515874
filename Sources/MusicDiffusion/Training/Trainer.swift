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

  public enum Outcome: Sendable {
    case finished, interrupted
    /// The held-out loss had not improved for as long as ``TrainingConfiguration/patience``.
    case stoppedEarly
  }

  public private(set) var state: TrainingState
  /// Seconds that steps of this process waited for their batches.
  public private(set) var secondsWaiting = 0.0
  public let folder: URL
  /// What was measured on the way.
  public private(set) var log: TrainingLog
  let dataset: Dataset
  let device: Device
  /// Held from the start to the end of ``run(onStep:onEvaluate:onRecover:onSave:shouldStop:)``.
  private var lock: FolderLock?
  private let start: StartingPoint?
  private let learner: Learner
  private var loader: BatchLoader<Batch>
  private let heldOut: HeldOutBatches?
  let snapshots: AverageSnapshots
  /// A batch that was taken from the loader and not trained on yet.
  private var upcoming: (index: Int, batch: Batch)?
  /// The steps made when the run's checkpoint in the folder was written; nil while there is none.
  public private(set) var savedStep: Int?

  /// Whether the run was resumed for a model that draws in another number of steps than its checkpoint says.
  private let drawsOtherwise: Bool

  /// Returns to the same state that did not help, after which a run ends.
  private static let recoveryLimit = 8

  /// A new run, or with `resume` the one that the folder holds.
  ///
  /// - Parameters:
  ///   - folder: where the model goes; made if it is not there. Nobody else can train in it until
  ///     the run has ended.
  ///   - configuration: of a resumed run, only `steps`, `hours`, `saveInterval`, `patience` and
  ///     `learningRate` count; the rest is as the run began.
  ///   - start: what a new run begins with in place of random weights. A resumed one has its own.
  ///   - teacher: of a distillation, with which a run begins and goes on.
  /// - Throws: ``ModelError``, `TorchError`.
  public init(
    folder: URL, dataset: Dataset, configuration: TrainingConfiguration,
    device: Device, precision: DType, resume: Bool, from start: StartingPoint? = nil,
    teacher: Model? = nil
  ) throws {
    self.folder = folder
    self.dataset = dataset
    self.device = device
    if configuration.patience != nil && dataset.heldOut == nil {
      throw ModelError.noHeldOut(dataset.path)
    }
    let state: TrainingState
    var tensors: [String: Tensor]?
    if resume {
      guard TrainingState.exists(in: folder) else { throw ModelError.nothingToResume(folder.path) }
      lock = try FolderLock(TrainingState.file(in: folder).deletingLastPathComponent())
      let checkpoint = try TrainingState.read(from: folder)
      state = try Self.resumed(checkpoint.state, in: folder, dataset, configuration)
      drawsOtherwise = state.model.sampling != checkpoint.state.model.sampling
      tensors = checkpoint.tensors
      try state.validate()
    } else {
      try configuration.validate()
      state = Self.new(dataset, configuration, from: start)
      drawsOtherwise = false
      try state.validate()
      lock = try FolderLock(Self.makeFolder(folder))
      // Another process may have made one since whoever asks for a new run has looked.
      try Self.checkHasNoModel(folder)
    }
    guard (state.configuration.distillation == nil) == (teacher == nil) else {
      throw ModelError.otherRun(
        folder.relativePath,
        reason: "it is \(teacher == nil ? "" : "not ")a run of compose distill")
    }
    savedStep = resume ? state.steps : nil
    self.start = resume ? nil : start
    do {
      learner = try Learner(
        state.model, state.configuration, from: tensors,
        firstWeights: self.start?.weights(for: state.model) ?? [:], teacher: teacher,
        adversary: state.adversary, device: device, precision: precision)
    } catch let error as TorchError {
      guard case .mismatchedParameters = error else { throw error }
      throw ModelError.damagedModel(folder.path, reason: "\(error)")
    }
    let settings = state.configuration
    loader = try BatchLoader(for: state, from: dataset, device: device)
    heldOut = try HeldOutBatches(dataset, settings, device: device)
    snapshots = AverageSnapshots(modelFolder: folder)
    self.state = state
    log = try Self.log(of: state, in: folder)
    removeLeftovers()
  }

  /// The log of a run, which goes on at the state's step.
  private static func log(of state: TrainingState, in folder: URL) throws -> TrainingLog {
    let bands = NoiseBands(
      state.model.noise.levels, sigmaData: Double(state.model.normalization.sigmaData))
    return try TrainingLog(folder: folder, bands: bands, step: state.steps, seal: state.log)
  }

  /// - Throws: ``ModelError/modelExists(_:canResume:)`` for a folder in which no new run may begin.
  public static func checkHasNoModel(_ folder: URL) throws {
    let canResume = TrainingState.exists(in: folder)
    let model = folder.appendingPathComponent(Model.configurationFile)
    let isTaken =
      FileManager.default.fileExists(atPath: model.path)
      || AutoencoderModel.exists(in: folder.path)
    if canResume || isTaken {
      throw ModelError.modelExists(folder.relativePath, canResume: canResume)
    }
  }

  /// - Returns: the folder that is locked.
  static func makeFolder(_ folder: URL) throws -> URL {
    let training = TrainingState.file(in: folder).deletingLastPathComponent()
    do {
      try FileManager.default.createDirectory(at: training, withIntermediateDirectories: true)
    } catch {
      throw ModelError.cannotWrite(folder.path, reason: error.localizedDescription)
    }
    return training
  }

  /// Removes what a killed run was just writing, and what it wrote after its last checkpoint.
  private func removeLeftovers() {
    let folders = ["", "training", "training/snapshots", "samples"].map {
      folder.appendingPathComponent($0)
    }
    for parent in folders {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.path)) ?? []
      for name in names
      where name.hasSuffix(".tmp") && (name.hasPrefix(".") || name.contains(".safetensors.")) {
        try? FileManager.default.removeItem(at: parent.appendingPathComponent(name))
      }
    }
    snapshots.removeAll(after: state.steps)
  }

  /// Values in all parameters of the network.
  public var parameterCount: Int { learner.weights.count }

  /// The model as it stands: the averaged weights.
  public var model: Model {
    Model(
      configuration: state.model, network: learner.averageDenoiser.network,
      parameters: learner.averages[0].parameters, coder: dataset.coder)
  }

  /// The type that the network computes in.
  var precision: DType { learner.denoiser.precision }

  /// Trains until the run's steps, hours or patience are over or `shouldStop` says so, and saves then
  /// and at every ``TrainingConfiguration/saveInterval``.
  ///
  /// A loss that explodes takes the run back to its last checkpoint, with half the learning rate.
  ///
  /// - Parameters:
  ///   - onStep: called after each step.
  ///   - onEvaluate: called with the held-out loss, before each checkpoint but an interruption's.
  ///   - onRecover: called after each return to an earlier state.
  ///   - onWarning: called when an adversary did harm and was lowered, or won and was slowed down.
  ///   - onSave: called after each checkpoint, with the number of steps made.
  ///   - shouldStop: asked after each step.
  /// - Throws: ``ModelError/diverged(step:recoveries:)`` when no lower learning rate helps;
  ///   ``ModelError/cannotWrite(_:reason:)``, with the last checkpoint as it was.
  public func run(
    onStep: (Progress) throws -> Void = { _ in },
    onEvaluate: (Evaluations) throws -> Void = { _ in },
    onRecover: (Recovery) throws -> Void = { _ in },
    onWarning: (AdversaryWarning) throws -> Void = { _ in },
    onSave: (_ step: Int) throws -> Void = { _ in },
    shouldStop: () -> Bool = { false }
  ) throws -> Outcome {
    lock = try lock ?? FolderLock(TrainingState.file(in: folder).deletingLastPathComponent())
    defer { lock = nil }
    try drawsOtherwise ? save(isRegular: false) : repairModel()
    let clock = ContinuousClock()
    var recent: [(time: ContinuousClock.Instant, steps: Int)] = [(clock.now, state.steps)]
    while true {
      if state.lengthensWindows() {
        loader = try BatchLoader(for: state, from: dataset, device: device)
        upcoming = nil
        try log.add(event: "windows of full length", step: state.steps)
      }
      if state.isOutOfPatience && savedStep == state.steps {
        try log.add(event: "stopped early", step: state.steps)
        return .stoppedEarly
      }
      let isOver =
        state.configuration.progress(steps: state.steps, seconds: state.seconds) >= 1
      if isOver && savedStep == state.steps {
        try log.add(event: "finished", step: state.steps)
        return .finished
      }
      if isOver || (savedStep != state.steps && isDue) {
        guard try !hasExploded() && evaluate(onEvaluate) else {
          try onRecover(recover())
          continue
        }
        try save(isRegular: true)
        try onSave(state.steps)
        recent = [(clock.now, state.steps)]
        continue
      }
      if shouldStop(), savedStep != nil || state.steps > 0 {
        // Weights that may be exploding are not to replace good ones.
        if try savedStep == nil || (savedStep != state.steps && !hasExploded()) {
          try save(isRegular: false)
        }
        try log.add(
          event: "interrupted", step: state.steps,
          note: savedStep == state.steps
            ? nil : "the loss was exploding: the checkpoint is that of step \(savedStep ?? 0)")
        return .interrupted
      }
      let start = clock.now
      let (metrics, warnings) = try step()
      let seconds = start.duration(to: clock.now) / .seconds(1)
      state.seconds += seconds
      guard let metrics else {
        try onRecover(recover())
        recent = [(clock.now, state.steps)]
        continue
      }
      try log.add(metrics, seconds: seconds)
      for warning in warnings {
        try log.add(event: "adversary", step: state.steps, note: "\(warning)")
        try onWarning(warning)
      }
      recent.append((clock.now, state.steps))
      if recent.count > 21 { recent.removeFirst() }
      try onStep(
        Progress(
          recent, state.steps, state.seconds, state.model.history.loss, state.configuration))
    }
  }

  /// Whether a checkpoint should be made now, with weights that nothing speaks against.
  private var isDue: Bool {
    state.steps > 0 && state.steps % state.configuration.saveInterval == 0
      && state.lossGuard?.isSuspicious != true
  }

  /// One update of the weights; nil, with the weights as they were, where the loss has exploded.
  private func step() throws -> (metrics: StepMetrics?, warnings: [AdversaryWarning]) {
    let configuration = state.configuration
    let count = configuration.batchesPerStep
    let progress = configuration.progress(steps: state.steps, seconds: state.seconds)
    let scale = state.recoveries?.last?.learningRateScale ?? 1
    let learningRate = scale * configuration.learningRate(step: state.steps, progress: progress)
    var loss = 0.0
    var (losses, sigmas) = ([Double](), [Double]())
    var warnings: [AdversaryWarning?] = []
    for index in state.steps * count..<(state.steps + 1) * count {
      let batch = try batch(index)
      let share = try learner.addGradients(
        of: batch, index: index, progress: progress, learningRate: learningRate)
      loss += share.loss
      losses += share.losses
      warnings.append(share.warning)
      sigmas += batch.sigmas
    }
    let norm = try learner.clipGradients()
    var lossGuard = state.lossGuard ?? LossGuard()
    let verdict = lossGuard.judge(loss: loss, norm: norm)
    if verdict == .exploded {
      learner.weights.zeroGradients()
      return (nil, [])
    }
    state.steps += 1
    try learner.update(learningRate: learningRate, step: state.steps)
    state.model.history.steps = state.steps
    if verdict == .good {
      record(loss: loss)
      lossGuard.record(mean: state.model.history.loss)
    }
    state.lossGuard = lossGuard
    warnings.append(learner.watch(loss: state.model.history.loss, progress: progress))
    state.adversary = learner.adversaryState
    let metrics = StepMetrics(
      step: state.steps, loss: loss, losses: losses, sigmas: sigmas, learningRate: learningRate,
      gradientNorm: norm)
    return (metrics, warnings.compactMap(\.self))
  }

  private func batch(_ index: Int) throws -> Batch {
    if let upcoming, upcoming.index == index {
      self.upcoming = nil
      return upcoming.batch
    }
    let clock = ContinuousClock()
    let start = clock.now
    let batch = try loader.batch(step: index)
    secondsWaiting += start.duration(to: clock.now) / .seconds(1)
    return batch
  }

  /// Whether the weights, which no loss has been computed with yet, must not be kept: judged by the
  /// steps that led to them and by the batch that comes next.
  private func hasExploded() throws -> Bool {
    if state.lossGuard?.isSuspicious == true { return true }
    let index = state.steps * state.configuration.batchesPerStep
    let batch = try batch(index)
    upcoming = (index, batch)
    let loss = try withoutGradient { try learner.losses(of: batch).mean().item() }
    return (state.lossGuard ?? LossGuard()).isExtreme(loss)
  }

  /// Goes back to the last checkpoint, or to the start, with half the learning rate.
  private func recover() throws -> Recovery {
    let (exploded, configuration, seconds) = (state.steps, state.configuration, state.seconds)
    let earlier = state.recoveries ?? []
    let checkpoint = try savedStep.map { _ in try TrainingState.read(from: folder) }
    let good = checkpoint?.state ?? Self.new(dataset, configuration, from: start)
    let tries = earlier.reversed().prefix { $0.goodStep == good.steps }.count
    guard tries < Self.recoveryLimit else {
      throw ModelError.diverged(step: exploded, recoveries: tries)
    }
    try learner.restore(checkpoint?.tensors, adversary: checkpoint?.state.adversary)
    let recovery = Recovery(
      step: exploded, goodStep: good.steps,
      learningRateScale: (earlier.last?.learningRateScale ?? 1) / 2)
    state = good
    (state.configuration, state.seconds) = (configuration, seconds)
    state.recoveries = earlier + [recovery]
    upcoming = nil
    loader = try BatchLoader(for: state, from: dataset, device: device)
    log = try Self.log(of: state, in: folder)
    try log.add(
      event: "recovered", step: state.steps,
      note: "the loss exploded at step \(exploded); learning rate times "
        + String(format: "%g", recovery.learningRateScale))
    return recovery
  }

  /// - Returns: whether the loss on held-out files is a number, as that of weights to be kept is.
  private func evaluate(_ onEvaluate: (Evaluations) throws -> Void) throws -> Bool {
    guard let heldOut else { return true }
    let loss = try learner.heldOutLoss(heldOut, step: state.steps)
    guard loss.mean.isFinite else { return false }
    var evaluations = state.evaluations ?? Evaluations(loss)
    if state.evaluations != nil { evaluations.add(loss) }
    state.evaluations = evaluations
    try log.addHeldOut(step: state.steps, losses: loss.losses, sigmas: loss.sigmas)
    try onEvaluate(evaluations)
    return true
  }

  /// Keeps the running mean of the loss, over all steps at first and over about a hundred later.
  private func record(loss: Double) {
    let weight = 1 / Double(min(state.steps, 100))
    state.model.history.loss += weight * (loss - state.model.history.loss)
  }

  /// The training state first: it alone decides how the run goes on.
  ///
  /// - Parameter isRegular: at an interval's or the run's end, not where it was interrupted.
  private func save(isRegular: Bool) throws {
    state.model.history.trainingHours = state.seconds / 3600
    try log.flush()
    state.log = try log.seal()
    do {
      if isRegular { try snapshots.write(learner.averages, step: state.steps) }
      try state.write(to: folder, learner)
      savedStep = state.steps
      if isModelCurrent { try model.write(to: folder) }
    } catch TorchError.file(let path, let reason) {
      throw ModelError.cannotWrite(path, reason: reason)
    }
  }

  /// Whether the folder's model should be what the averages are now: a run with patience keeps the
  /// one of the best held-out loss.
  private var isModelCurrent: Bool {
    guard state.configuration.patience != nil, let best = state.evaluations?.best else {
      return true
    }
    return best.step == state.steps
  }

  /// Writes the model of the last checkpoint, if the process that made it was killed before it could.
  private func repairModel() throws {
    guard savedStep != nil, isModelCurrent else { return }
    let written = try? Model.readConfiguration(in: folder.path)
    if written?.history != state.model.history { try model.write(to: folder) }
  }

  /// The state of a run at its start.
  static func new(
    _ dataset: Dataset, _ configuration: TrainingConfiguration, from start: StartingPoint? = nil
  ) -> TrainingState {
    var history = TrainingHistory(
      of: dataset, batchSize: configuration.clipsPerStep,
      learningRate: configuration.learningRate, seed: configuration.seed)
    history.startedFrom = start?.name
    var sampling = SamplingDefaults(
      for: configuration.noise, sigmaData: Double(dataset.normalization.sigmaData))
    sampling.guidance = configuration.guidance ?? sampling.guidance
    if let distillation = configuration.distillation {
      history.distilledSteps = distillation.steps
      history.distillationAdversary = distillation.adversary?.loss
      sampling = distillation.sampling(as: sampling)
    }
    return TrainingState(
      configuration: configuration,
      model: ModelConfiguration(
        preset: configuration.preset, representation: dataset.representation,
        normalization: dataset.normalization,
        network: configuration.network(
          labelCount: dataset.labels.count, conditioning: dataset.conditioning,
          code: dataset.coder?.description.space),
        code: dataset.coder?.description.space, labels: dataset.labels,
        conditioning: dataset.conditioning,
        noise: configuration.noise,
        sampling: sampling, history: history),
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
    guard saved.model.code == dataset.coder?.description.space else {
      throw ModelError.otherRun(
        folder.relativePath,
        reason: "it \(saved.model.code == nil ? "draws spectrograms" : "draws codes")")
    }
    guard saved.model.normalization.isNear(dataset.normalization) else {
      throw ModelError.datasetChanged(
        folder.path, reason: "its mel bins have other means and deviations")
    }
    var state = saved
    state.configuration.steps = configuration.steps
    state.configuration.hours = configuration.hours
    state.configuration.saveInterval = configuration.saveInterval
    state.configuration.patience = configuration.patience
    if var distillation = saved.configuration.distillation {
      distillation.drawingSteps = configuration.distillation?.drawingSteps
      state.configuration.distillation = distillation
      state.model.sampling = distillation.sampling(as: saved.model.sampling)
    }
    if configuration.learningRate != saved.configuration.learningRate {
      state.configuration.learningRate = configuration.learningRate
      // It is as low as whoever asks for it wants it.
      state.recoveries = nil
    }
    return state
  }
}

extension Trainer.Progress {
  /// - Parameter recent: when the last steps were made, and how many there were then.
  init(
    _ recent: [(time: ContinuousClock.Instant, steps: Int)], _ step: Int, _ seconds: Double,
    _ loss: Double, _ configuration: TrainingConfiguration
  ) {
    let elapsed = recent.first!.time.duration(to: recent.last!.time) / .seconds(1)
    let stepsPerSecond = Double(recent.last!.steps - recent.first!.steps) / max(elapsed, 1e-9)
    let byTime = configuration.hours.map { $0 * 3600 - seconds } ?? .infinity
    let bySteps = configuration.steps.map { Double($0 - step) / stepsPerSecond } ?? .infinity
    self.init(
      step: step, steps: configuration.steps, loss: loss,
      clipsPerSecond: stepsPerSecond * Double(configuration.clipsPerStep),
      secondsLeft: max(0, min(byTime, bySteps)))
  }
}

extension TrainingHistory {
  /// At the start of a run.
  init(of dataset: Dataset, batchSize: Int, learningRate: Double, seed: UInt64) {
    self.init()
    self.dataset = URL(fileURLWithPath: dataset.path).lastPathComponent
    files = dataset.fileCount
    skippedFiles = dataset.skippedCount
    datasetHours = dataset.seconds / 3600
    (self.batchSize, self.learningRate, self.seed) = (batchSize, learningRate, seed)
  }
}
