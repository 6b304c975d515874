public import Torch

/// What a run will take, before it starts.
public struct TrainingPlan: Sendable, Equatable {
  /// Updates that are to be made.
  public var steps: Int
  /// Spent in these.
  public var secondsOfSteps: Double
  public var checkpoints: Int
  public var secondsOfCheckpoint: Double
  /// The most memory it takes.
  public var memory: Double
  /// On the disk, in the end.
  public var disk: Double

  public var secondsOfCheckpoints: Double { Double(checkpoints) * secondsOfCheckpoint }
  public var seconds: Double { secondsOfSteps + secondsOfCheckpoints }

  /// - Parameters:
  ///   - done: updates of a resumed run that are made, and the seconds that they took.
  public init(
    _ configuration: TrainingConfiguration, on dataset: Dataset, _ speed: MeasuredSpeed,
    precision: DType, done: (steps: Int, seconds: Double) = (0, 0)
  ) {
    let bySteps = configuration.steps.map { $0 - done.steps } ?? .max
    let byTime =
      configuration.hours.map {
        Int(min(1e12, max(0, ($0 * 3600 - done.seconds) / speed.secondsPerStep).rounded(.up)))
      } ?? .max
    steps = max(0, min(bySteps, byTime))
    secondsOfSteps = Double(steps) * speed.secondsPerStep
    let interval = configuration.saveInterval
    let last = done.steps + steps
    checkpoints = last / interval - done.steps / interval + (last % interval == 0 ? 0 : 1)
    let cost = CheckpointCost(
      speed, dataset.representation, configuration.noise, labels: dataset.labels.count,
      hasHeldOut: dataset.heldOut != nil)
    (secondsOfCheckpoint, disk) = (cost.seconds, cost.bytesOfRun)
    memory = TrainingMemory(
      configuration.network(
        labelCount: dataset.labels.count, conditioning: dataset.conditioning,
        code: dataset.coder?.description.space),
      parameterCount: speed.parameterCount,
      frames: dataset.space.columns(dataset.representation.windowFrames),
      valueBytes: precision == .float32 ? 4 : 2, hasDropout: configuration.dropout != nil
    ).bytes(batchSize: configuration.batchSize)
  }
}
