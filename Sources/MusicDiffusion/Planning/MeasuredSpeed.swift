public import Torch

/// How fast a network learns and draws on this machine, found out by a few steps of a copy that is
/// thrown away: nothing of a run changes by it.
public struct MeasuredSpeed: Sendable, Equatable {
  /// Of one update of the weights, whatever the batches that make it.
  public var secondsPerStep: Double
  /// Windows in an update.
  public var clipsPerStep: Int
  /// Seconds that the network takes for a window without learning from it.
  public var secondsPerEvaluation: Double
  /// Values in all parameters.
  public var parameterCount: Int

  public init(
    secondsPerStep: Double, clipsPerStep: Int, secondsPerEvaluation: Double, parameterCount: Int
  ) {
    self.secondsPerStep = secondsPerStep
    self.clipsPerStep = clipsPerStep
    self.secondsPerEvaluation = secondsPerEvaluation
    self.parameterCount = parameterCount
  }

  public var clipsPerSecond: Double { Double(clipsPerStep) / secondsPerStep }

  /// Measures training on a dataset, its loading included. Windows are those of full length.
  ///
  /// - Parameter teacher: of a distillation.
  /// - Throws: ``ModelError``, `TorchError.outOfMemory` for batches that do not fit.
  public init(
    of configuration: TrainingConfiguration, on dataset: Dataset, teacher: Model? = nil,
    device: Device, precision: DType
  ) throws {
    try configuration.validate()
    let state = Trainer.new(dataset, configuration)
    try state.validate()
    let loader = BatchLoader(for: device) { index in
      try Batch(step: index, from: dataset, configuration, device: device)
    }
    try self.init(
      state.model, configuration, teacher: teacher, device: device, precision: precision
    ) {
      try loader.batch(step: $0)
    }
  }

  /// Measures training on noise in the shape of a preset's windows, before there is any data.
  public init(of configuration: TrainingConfiguration, device: Device, precision: DType) throws {
    let representation = configuration.representation
    let rows = representation.channels * representation.spectrogram.melBins
    let model = ModelConfiguration(
      preset: configuration.preset, representation: representation,
      normalization: .unchanged(rows: rows, sigmaData: 0.5),
      network: configuration.network(labelCount: 0), labels: [], noise: configuration.noise,
      sampling: SamplingDefaults(), history: TrainingHistory())
    try configuration.validate()
    let batch = try Batch(noise: configuration, representation, device: device)
    try self.init(model, configuration, device: device, precision: precision) { _ in batch }
  }

  /// The most steps that are not timed, the fewest and the most that are, and the seconds of either
  /// that are enough.
  private static let (warmUp, least, most, enough) = (3, 3, 20, 1.0)

  private init(
    _ model: ModelConfiguration, _ configuration: TrainingConfiguration, teacher: Model? = nil,
    device: Device, precision: DType, batches: (Int) throws -> Batch
  ) throws {
    let learner = try Learner(
      model, configuration, teacher: teacher, device: device, precision: precision)
    let count = configuration.batchesPerStep
    let step = try Self.median { number in
      var batch: Batch?
      for index in number * count..<(number + 1) * count {
        let next = try batches(index)
        // At the end of a run, where all that takes part does.
        _ = try learner.addGradients(of: next, index: index, progress: 1, learningRate: 1e-6)
        batch = next
      }
      _ = try learner.clipGradients()
      try learner.update(learningRate: 1e-6, step: number + 1)
      return batch
    }
    let evaluation = try Self.median { _ in
      guard let batch = step.last else { return nil }
      _ = try withoutGradient { try learner.losses(of: batch).sum().item() }
      return batch
    }
    self.init(
      secondsPerStep: step.seconds, clipsPerStep: configuration.clipsPerStep,
      secondsPerEvaluation: evaluation.seconds / Double(configuration.batchSize),
      parameterCount: learner.weights.count)
  }

  /// The median of what runs of `body` take, and what the last one gave. A single run that something
  /// else held up does not count.
  private static func median(
    _ body: (Int) throws -> Batch?
  ) throws -> (seconds: Double, last: Batch?) {
    let clock = ContinuousClock()
    func time(_ number: Int) throws -> (seconds: Double, last: Batch?) {
      let start = clock.now
      let last = try body(number)
      return (start.duration(to: clock.now) / .seconds(1), last)
    }
    var (number, spent) = (0, 0.0)
    while number < warmUp, spent < enough {
      spent += try time(number).seconds
      number += 1
    }
    var (times, last) = ([Double](), Batch?.none)
    repeat {
      let run = try time(number)
      times.append(run.seconds)
      last = run.last
      number += 1
    } while times.count < least || times.count < most && times.reduce(0, +) < enough
    times.sort()
    return (times[times.count / 2], last)
  }
}

extension Batch {
  /// Noise for a signal, of which nothing is known.
  fileprivate init(
    noise configuration: TrainingConfiguration, _ representation: Representation, device: Device
  ) throws {
    let shape = [
      configuration.batchSize, representation.channels, representation.spectrogram.melBins,
      representation.windowFrames,
    ]
    var random = RandomGenerator(seed: 0)
    noise = try Tensor(random.normals(shape.reduce(1, *)), shape: shape, device: device)
    signal = try noise * 0.5
    sigmas = configuration.noise.levels.stratifiedSigmas(count: shape[0], offset: 0.5)
    condition = try Condition(
      labels: [Int](repeating: 0, count: shape[0]), shape: shape, device: device)
  }
}
