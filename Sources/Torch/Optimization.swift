import CTorch

/// Loshchilov and Hutter 2019 (arXiv:1711.05101), algorithm 2, as PyTorch has it: the decay is
/// scaled by the learning rate. Which parameters decay, the store says: see ``ParameterStore/decays``.
///
/// Not for use from two threads at once.
public final class AdamW {
  private let parameters: ParameterStore
  private let (beta1, beta2): (Double, Double)
  private let epsilon: Double
  private let weightDecay: Double
  private let firstMoments: [Tensor]
  private let secondMoments: [Tensor]
  /// Positions of the parameters that decay, and of those that do not.
  private let decaying, others: [Int]
  /// Updates made so far.
  public private(set) var steps = 0

  /// - Parameter parameters: all of a network's, on the device where they stay.
  public init(
    parameters: ParameterStore, betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
    weightDecay: Double = 0.01
  ) throws {
    self.parameters = parameters
    (beta1, beta2) = betas
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    let tensors = parameters.tensors
    firstMoments = try withoutGradient { try tensors.map { try $0 * 0 } }
    secondMoments = try withoutGradient { try tensors.map { try $0 * 0 } }
    let decays = parameters.decays
    decaying = decays.indices.filter { decays[$0] }
    others = decays.indices.filter { !decays[$0] }
  }

  /// One update of every parameter that has a gradient.
  public func step(learningRate: Double) throws {
    let tensors = parameters.tensors
    for (group, decay) in [(decaying, weightDecay), (others, 0)] {
      let status = withPointers(of: group.map { tensors[$0] }) { values, count in
        withPointers(of: group.map { firstMoments[$0] }) { first, _ in
          withPointers(of: group.map { secondMoments[$0] }) { second, _ in
            ct_adamw(
              values, first, second, count, Int64(steps + 1), learningRate, beta1, beta2, epsilon,
              decay)
          }
        }
      }
      try check(status, "AdamW step \(steps + 1)")
    }
    steps += 1
  }

  /// What a checkpoint holds: `step`, and `first.NAME` and `second.NAME` for each parameter.
  public func state() throws -> [(name: String, tensor: Tensor)] {
    let step = try Tensor([Int64(steps)], shape: [1])
    let names = parameters.names
    return [(name: "step", tensor: step)]
      + zip(names, firstMoments).map { (name: "first." + $0, tensor: $1) }
      + zip(names, secondMoments).map { (name: "second." + $0, tensor: $1) }
  }

  /// Forgets all updates.
  public func reset() throws {
    for moment in firstMoments + secondMoments {
      try moment.copy(from: .zeros(moment.shape, device: moment.device))
    }
    steps = 0
  }

  /// Takes up what `state()` gave.
  ///
  /// - Throws: `TorchError.mismatchedParameters` if it is of other parameters; nothing has changed
  ///   then.
  public func load(_ state: [String: Tensor]) throws {
    let targets = try self.state()
    let names = Set(targets.map(\.name))
    let missing = targets.map(\.name).filter { state[$0] == nil }
    let misshapen = targets.filter {
      state[$0.name].map(\.shape) ?? $0.tensor.shape != $0.tensor.shape
    }
    .map(\.name)
    let unused = state.keys.filter { !names.contains($0) }.sorted()
    guard missing.isEmpty && misshapen.isEmpty && unused.isEmpty else {
      throw TorchError.mismatchedParameters(
        missing: missing, misshapen: misshapen, unused: unused)
    }
    for target in targets {
      if let source = state[target.name] { try target.tensor.copy(from: source) }
    }
    steps = Int(try targets[0].tensor.item())
  }
}

/// Scales all gradients by one factor so that their norm is at most `maxNorm`.
///
/// - Returns: the norm before. If it is not finite, the gradients are left as they are: skip the
///   update.
@discardableResult
public func clipGradients(of parameters: ParameterStore, maxNorm: Double) throws -> Double {
  var norm = 0.0
  let status = withPointers(of: parameters.tensors) { ct_clip_gradients($0, $1, maxNorm, &norm) }
  try check(status, "clip gradients")
  return norm
}

/// Exponential moving average of weights: average ← decay · average + (1 − decay) · parameter.
///
/// - Parameter average: a store with the parameters of `source`, in the same order.
public func updateEMA(
  _ average: ParameterStore, from source: ParameterStore, decay: Double
) throws {
  precondition(average.names == source.names, "an average is of the same network")
  let status = withPointers(of: average.tensors) { averages, count in
    withPointers(of: source.tensors) { values, _ in
      ct_update_average(averages, values, count, decay)
    }
  }
  try check(status, "update average")
}
