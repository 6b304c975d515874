import Foundation
public import Torch

extension Budget {
  /// A run that fills a budget, and the words for what was chosen.
  public struct Fit: Sendable {
    public var configuration: TrainingConfiguration
    public var speed: MeasuredSpeed
    public var batchReason: String
  }

  /// Chooses batch, steps and checkpoints by the rules of ``batchSize(spent:memory:available:secondsPerStep:)``
  /// and ``length(spent:secondsPerStep:secondsPerCheckpoint:saveInterval:)``, and by measuring here.
  ///
  /// - Parameters:
  ///   - configuration: with what is not to be chosen: the preset and all that does not cost time.
  ///   - batchSize: if it is given and not to be chosen.
  ///   - saveInterval: if it is given and not to be chosen.
  ///   - spent: seconds of the budget that are over, asked for again when the measuring is done.
  /// - Throws: ``ModelError/budgetTooSmall(_:needed:)``, and what measuring throws.
  public func fit(
    _ configuration: TrainingConfiguration, batchSize: Int?, saveInterval: Int?,
    to dataset: Dataset, device: Device, precision: DType, spent: () -> Double
  ) throws -> Fit {
    try fit(
      configuration, batchSize: batchSize, saveInterval: saveInterval,
      to: Material(
        representation: dataset.representation, labels: dataset.labels.count,
        hasHeldOut: dataset.heldOut != nil, conditioning: dataset.conditioning),
      valueBytes: precision == .float32 ? 4 : 2, available: Self.availableMemory(on: device),
      spent: spent
    ) {
      try MeasuredSpeed(of: $0, on: dataset, device: device, precision: precision)
    }
  }

  /// What of a dataset decides how much time and memory a run takes.
  package struct Material {
    let representation: Representation
    let labels: Int
    let hasHeldOut: Bool
    let conditioning: Conditioning?

    package init(
      representation: Representation, labels: Int, hasHeldOut: Bool,
      conditioning: Conditioning? = nil
    ) {
      (self.representation, self.labels) = (representation, labels)
      (self.hasHeldOut, self.conditioning) = (hasHeldOut, conditioning)
    }
  }

  /// The same, whatever measures.
  ///
  /// - Parameters:
  ///   - valueBytes: of a value that the network computes with.
  ///   - available: bytes of memory that are free; nil where that is not known.
  ///   - measure: how fast these settings train.
  package func fit(
    _ configuration: TrainingConfiguration, batchSize: Int?, saveInterval: Int?,
    to data: Material, valueBytes: Int, available: Double?, spent: () -> Double,
    measure: (TrainingConfiguration) throws -> MeasuredSpeed
  ) throws -> Fit {
    var configuration = configuration
    // For the measuring, which needs a length.
    configuration.steps = 1
    var speeds: [Int: MeasuredSpeed] = [:]
    func speed(of size: Int) throws -> MeasuredSpeed {
      if let known = speeds[size] { return known }
      configuration.batchSize = size
      let speed = try measure(configuration)
      speeds[size] = speed
      return speed
    }
    let size: Int
    let reason: String
    if let batchSize {
      (size, reason) = (batchSize, "as asked for")
    } else {
      let first = try speed(of: 8)
      let memory = TrainingMemory(
        configuration.network(
          labelCount: data.labels, conditioning: data.conditioning),
        parameterCount: first.parameterCount, frames: data.representation.windowFrames,
        valueBytes: valueBytes, hasDropout: configuration.dropout != nil)
      let best = try self.batchSize(
        spent: spent(), memory: memory.bytes, available: available
      ) { size in
        do {
          return try speed(of: size).secondsPerStep
        } catch TorchError.outOfMemory { return nil }
      }
      size = best?.size ?? 8
      reason =
        switch size {
        case 4: "small, for more steps in little time"
        case 64: "the largest"
        default: "larger ones gain too little speed or leave too few steps"
        }
    }
    let speed = try speed(of: size)
    configuration.batchSize = size
    let cost = CheckpointCost(
      speed, data.representation, configuration.noise, labels: data.labels,
      hasHeldOut: data.hasHeldOut
    ).seconds
    let over = spent()
    guard
      let length = length(
        spent: over, secondsPerStep: speed.secondsPerStep, secondsPerCheckpoint: cost,
        saveInterval: saveInterval)
    else {
      throw ModelError.budgetTooSmall(
        seconds, needed: (over + cost + speed.secondsPerStep) / Self.share)
    }
    (configuration.steps, configuration.hours) = (length.steps, length.hours)
    configuration.saveInterval = length.saveInterval
    configuration.warmUpSteps = max(1, min(configuration.warmUpSteps, length.steps / 10))
    return Fit(configuration: configuration, speed: speed, batchReason: reason)
  }

  /// Bytes that are free; nil where that is not known.
  private static func availableMemory(on device: Device) -> Double? {
    guard device == .cpu, let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") })
    else { return nil }
    return line.split(separator: " ").dropFirst().first.flatMap { Double($0) }.map { $0 * 1024 }
  }
}
