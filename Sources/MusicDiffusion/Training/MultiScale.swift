package import Torch

// Training on short windows first, and on those of full length for the rest of the run: see
// `TrainingConfiguration.multiScale`. Twice as many windows of half the length keep the frames of an
// update, its time and its memory.

extension TrainingConfiguration {
  /// As it is for windows of half the length.
  fileprivate var halved: TrainingConfiguration {
    var halved = self
    halved.batchSize *= 2
    return halved
  }
}

extension TrainingState {
  /// Whether the run is in its part of short windows.
  package var trainsOnHalves: Bool { configuration.multiScale != nil && fullLengthFrom == nil }

  /// Goes over to windows of full length if that part is over.
  ///
  /// - Returns: whether it does so now. What follows from that is kept in the state, so that a run
  ///   that is resumed, or made longer, does not go back.
  package mutating func lengthensWindows() -> Bool {
    guard trainsOnHalves, let share = configuration.multiScale,
      configuration.progress(steps: steps, seconds: seconds) >= share
    else { return false }
    fullLengthFrom = steps
    return true
  }
}

extension BatchLoader where Element == Batch {
  /// Makes the batches of a run at its present scale.
  package convenience init(for state: TrainingState, from dataset: Dataset, device: Device) throws {
    let isHalf = state.trainsOnHalves
    let settings = isHalf ? state.configuration.halved : state.configuration
    let data = try isHalf ? dataset.halved() : dataset
    self.init(for: device) { index in
      try Batch(step: index, from: data, settings, device: device)
    }
  }
}
