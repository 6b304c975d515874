public import Foundation
public import Torch

/// Trains an autoencoder on a dataset and keeps it in a folder.
public final class AutoencoderTrainer {
  public private(set) var state: AutoencoderState
  public let folder: URL
  let dataset: Dataset
  private let device: Device
  private let precision: DType
  private let weights: ParameterStore
  private let network: Autoencoder
  private let average: AveragedWeights
  private let averageNetwork: Autoencoder
  private let optimizer: AdamW
  private let loss: ReconstructionLoss
  private let adversary: SpectrogramAdversary?
  private let loader: BatchLoader<Tensor>
  /// Windows whose error is measured, the same each time.
  private let heldOut: [Tensor]
  private var lock: FolderLock?
  private var savedStep: Int?

  /// Windows that the error is measured on, and the code's statistics are.
  private static let (heldOutCount, statisticsCount) = (32, 64)

  /// A new run, or with `resume` the one that the folder holds.
  ///
  /// - Parameter configuration: of a resumed run, only `steps`, `hours`, `saveInterval` and `learningRate`
  ///   count.
  /// - Throws: ``ModelError``, `TorchError`.
  public init(
    folder: URL, dataset: Dataset, configuration: AutoencoderTraining, device: Device,
    precision: DType, resume: Bool
  ) throws {
    (self.folder, self.dataset, self.device, self.precision) = (folder, dataset, device, precision)
    var tensors: [String: Tensor]?
    if resume, !AutoencoderState.exists(in: folder) {
      throw ModelError.nothingToResume(folder.path, file: "training/autoencoder.safetensors")
    }
    lock = try FolderLock(Trainer.makeFolder(folder))
    if resume {
      let checkpoint = try AutoencoderState.read(from: folder)
      guard checkpoint.state.dataset == dataset.fingerprint else {
        throw ModelError.datasetChanged(
          folder.path, reason: "files were added, removed or changed, or it is another folder")
      }
      (state, tensors) = (checkpoint.state, checkpoint.tensors)
      state.configuration.steps = configuration.steps
      state.configuration.hours = configuration.hours
      state.configuration.saveInterval = configuration.saveInterval
      state.configuration.learningRate = configuration.learningRate
    } else {
      try Self.checkHasNone(folder)
      state = AutoencoderState(
        configuration: configuration,
        history: TrainingHistory(
          of: dataset, batchSize: configuration.batchSize,
          learningRate: configuration.learningRate, seed: configuration.seed),
        dataset: dataset.fingerprint)
    }
    let settings = state.configuration
    try state.validate()
    savedStep = resume ? state.steps : nil
    func store(_ prefix: String) -> ParameterStore {
      tensors.map { ParameterStore(loading: $0.below(prefix), device: device) }
        ?? ParameterStore(seed: settings.seed, device: device)
    }
    do {
      weights = store("weights.")
      network = try Autoencoder(weights.root, configuration: settings.network)
      try weights.finishLoading()
      average = AveragedWeights(store("average."), width: settings.emaWidth)
      averageNetwork = try Autoencoder(average.parameters.root, configuration: settings.network)
      try average.parameters.finishLoading()
      optimizer = try AdamW(
        parameters: weights, betas: (settings.betas[0], settings.betas[1]),
        weightDecay: settings.weightDecay)
      if let tensors { try optimizer.load(tensors.below("optimizer.")) }
      var judged = state.adversary ?? AdversaryState()
      judged.leastError = judged.leastError ?? state.errors?.best
      adversary = try settings.adversary.map {
        try SpectrogramAdversary(
          $0, channels: settings.network.channels, melBins: settings.network.melBins,
          seed: settings.seed &+ 1, device: device, tensors: tensors?.below("adversary."),
          state: judged)
      }
    } catch let error as TorchError {
      guard case .mismatchedParameters = error else { throw error }
      throw ModelError.damagedModel(folder.path, reason: "\(error)")
    }
    loss = try ReconstructionLoss(
      dataset.representation, dataset.normalization, device: device)
    loader = BatchLoader(for: device) { step in
      try Self.windows(
        settings.batchSize, of: dataset.training, in: dataset,
        augmentation: settings.augmentation ?? .none, seed: settings.seed,
        stream: UInt64(step) << 20, device: device)
    }
    heldOut = try stride(from: 0, to: Self.heldOutCount, by: settings.batchSize).map { first in
      try Self.windows(
        min(settings.batchSize, Self.heldOutCount - first),
        of: dataset.heldOut ?? dataset.training, in: dataset, augmentation: .none,
        seed: settings.seed, stream: .max - UInt64(first) - UInt64(Self.heldOutCount),
        device: device)
    }
  }

  /// - Throws: ``ModelError/modelExists(_:canResume:)`` for a folder in which no new run may begin.
  public static func checkHasNone(_ folder: URL) throws {
    if AutoencoderState.exists(in: folder) {
      throw ModelError.modelExists(folder.relativePath, canResume: true)
    }
    try Trainer.checkHasNoModel(folder)
  }

  /// Normalised log-mel, `[count, channels, mel bins, frames]`; what they are follows from seed and stream.
  private static func windows(
    _ count: Int, of windows: Windows, in dataset: Dataset, augmentation: Augmentation,
    seed: UInt64, stream: UInt64, device: Device
  ) throws -> Tensor {
    let representation = dataset.representation
    let (channels, bins, frames) = (
      representation.channels, representation.spectrogram.melBins, representation.windowFrames
    )
    let size = channels * bins * frames
    var values = [Float](repeating: 0, count: count * size)
    for clip in 0..<count {
      var random = RandomGenerator(seed: seed, stream: stream &+ UInt64(clip + 1))
      let window = try windows.random(&random)
      _ = try values.withUnsafeMutableBufferPointer {
        try dataset.copyWindow(
          window, of: windows, augmentation: augmentation, &random,
          to: $0.baseAddress! + clip * size)
      }
    }
    return try Tensor(values, shape: [count, channels, bins, frames], device: device)
  }

  /// Values in all parameters of both networks.
  public var parameterCount: Int { weights.count }

  /// Trains until the run's steps or hours are over or `shouldStop` says so, and saves then and at every
  /// interval.
  ///
  /// - Parameters:
  ///   - onStep: called after each step.
  ///   - onEvaluate: called with the error on held-out windows, before each checkpoint.
  ///   - onWarning: called when the adversary did harm and was lowered.
  ///   - shouldStop: asked after each step.
  /// - Returns: whether it came to its end.
  /// - Throws: ``ModelError/autoencoderDiverged(step:)``, ``ModelError/cannotWrite(_:reason:)``.
  public func run(
    onStep: (Trainer.Progress) throws -> Void = { _ in },
    onEvaluate: (ReconstructionErrors) throws -> Void = { _ in },
    onWarning: (AdversaryWarning) throws -> Void = { _ in },
    shouldStop: () -> Bool = { false }
  ) throws -> Bool {
    defer { lock = nil }
    // A process that was killed may have kept its state and not yet the autoencoder.
    if savedStep != nil,
      (try? AutoencoderModel.readDescription(in: folder.path))?.history != state.history
    {
      try model().write(to: folder)
    }
    let schedule = state.configuration.schedule
    let clock = ContinuousClock()
    var recent: [(time: ContinuousClock.Instant, steps: Int)] = [(clock.now, state.steps)]
    while true {
      let isOver = schedule.progress(steps: state.steps, seconds: state.seconds) >= 1
      let isDue = state.steps > 0 && state.steps % schedule.saveInterval == 0
      if isOver && savedStep == state.steps { return true }
      if shouldStop(), savedStep == state.steps || state.steps > 0 {
        if savedStep != state.steps { try save() }
        return false
      }
      if isOver || isDue && savedStep != state.steps {
        try evaluate(onEvaluate, onWarning)
        try save()
        recent = [(clock.now, state.steps)]
        continue
      }
      let start = clock.now
      let warnings = try step(schedule)
      state.seconds += start.duration(to: clock.now) / .seconds(1)
      recent.append((clock.now, state.steps))
      if recent.count > 21 { recent.removeFirst() }
      try warnings.forEach(onWarning)
      try onStep(Trainer.Progress(recent, state.steps, state.seconds, state.history.loss, schedule))
    }
  }

  private func step(_ schedule: TrainingConfiguration) throws -> [AdversaryWarning] {
    let x = try loader.batch(step: state.steps)
    let progress = schedule.progress(steps: state.steps, seconds: state.seconds)
    let encoded = try network.encode(x, precision: precision)
    var random = RandomGenerator(
      seed: schedule.seed, stream: UInt64(state.steps) << 20 | 1 << 19)
    let noise = try Tensor(
      random.normals(encoded.mean.count), shape: encoded.mean.shape, device: device)
    let y = try network.decode(encoded.code(noise: noise), precision: precision)
    let reconstruction = try loss(y, x)
    let judge = adversary.flatMap { $0.isActive(progress: progress) ? $0 : nil }
    // With an adversary: what has its gradient at the output, and so everywhere before.
    let wanted =
      try judge.map {
        try
          (y
          * $0.gradient(
            of: y, to: x, reconstruction: reconstruction, last: network.lastWeight,
            progress: progress)).sum()
      } ?? reconstruction
    try (wanted + encoded.cost() * state.configuration.network.bottleneck.weight).backward()
    let value = try reconstruction.item()
    let norm = try clipGradients(of: weights, maxNorm: schedule.gradientClip)
    guard value.isFinite, norm.isFinite else {
      throw ModelError.autoencoderDiverged(step: state.steps)
    }
    let learningRate = schedule.learningRate(step: state.steps, progress: progress)
    try optimizer.step(learningRate: learningRate)
    weights.zeroGradients()
    state.steps += 1
    try average.update(from: weights, step: state.steps)
    state.history.steps = state.steps
    let before = state.steps == 1 ? value : state.history.loss
    state.history.loss = before + (value - before) / Double(min(state.steps, 100))
    guard let judge else { return [] }
    let warnings = [
      try judge.learn(
        real: x, generated: y.detach(), learningRate: learningRate, progress: progress, &random),
      judge.watch(own: state.history.loss),
    ]
    state.adversary = judge.state
    return warnings.compactMap(\.self)
  }

  private func evaluate(
    _ onEvaluate: (ReconstructionErrors) throws -> Void,
    _ onWarning: (AdversaryWarning) throws -> Void
  ) throws {
    let error = try withoutGradient {
      try heldOut.map { x in
        let y = try averageNetwork.decode(
          averageNetwork.encode(x, precision: precision).mean, precision: precision)
        return try loss.decibels(y, x) * Double(x.shape[0])
      }.reduce(0, +) / Double(Self.heldOutCount)
    }
    var errors =
      state.errors
      ?? ReconstructionErrors(
        step: state.steps, decibels: error, best: error, bestStep: state.steps)
    (errors.step, errors.decibels) = (state.steps, error)
    if error < errors.best { (errors.best, errors.bestStep) = (error, state.steps) }
    state.errors = errors
    try onEvaluate(errors)
    if let warning = adversary?.watch(heldOut: error) { try onWarning(warning) }
    if state.adversary != nil { state.adversary = adversary?.state }
  }

  /// The autoencoder as it stands: the averaged weights, and the statistics of its codes.
  public func model() throws -> AutoencoderModel {
    let channels = state.configuration.network.codeChannels
    var (sums, squares, count) = (
      [Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels), 0.0
    )
    try withoutGradient {
      for first in stride(from: 0, to: Self.statisticsCount, by: state.configuration.batchSize) {
        let x = try Self.windows(
          min(state.configuration.batchSize, Self.statisticsCount - first), of: dataset.training,
          in: dataset, augmentation: .none, seed: state.configuration.seed,
          stream: .max / 2 + UInt64(first), device: device)
        let code = try averageNetwork.encode(x, precision: precision).mean
        let means = try code.sum(dimensions: [0, 2, 3]).floats()
        let powers = try code.square().sum(dimensions: [0, 2, 3]).floats()
        for channel in 0..<channels {
          sums[channel] += Double(means[channel])
          squares[channel] += Double(powers[channel])
        }
        count += Double(code.count / channels)
      }
    }
    let means = sums.map { $0 / count }
    // A channel that says nothing is not blown up.
    let deviations = zip(squares, means).map { max(($0 / count - $1 * $1), 1e-6).squareRoot() }
    return try AutoencoderModel(
      AutoencoderDescription(
        preset: state.configuration.preset.rawValue, representation: dataset.representation,
        normalization: dataset.normalization, network: state.configuration.network,
        codeMean: means.map(Float.init), codeDeviation: deviations.map(Float.init),
        history: state.history),
      network: averageNetwork, parameters: average.parameters, device: device)
  }

  private func save() throws {
    state.history.trainingHours = state.seconds / 3600
    do {
      try state.write(
        to: folder, weights: weights, average: average.parameters, optimizer: optimizer,
        adversary: adversary)
      savedStep = state.steps
      try model().write(to: folder)
    } catch TorchError.file(let path, let reason) {
      throw ModelError.cannotWrite(path, reason: reason)
    }
  }
}
