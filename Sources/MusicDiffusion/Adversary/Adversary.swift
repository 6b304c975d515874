package import Torch

/// Lets a critic learn to tell real clips from made ones, and so tells who makes them what is missing.
package final class Adversary<Critic: Sendable> {
  package private(set) var state: AdversaryState
  /// What scores clips.
  package let critic: Critic
  let settings: AdversaryConfiguration
  private let parameters: ParameterStore
  private let optimizer: AdamW
  private let (device, seed): (Device, UInt64)
  private let make: (ParameterPath) throws -> Critic
  /// A loss of the maker's own that becomes so much worse while the adversary takes part is its doing.
  private let worse: Double

  /// An error on held-out clips that becomes so many times its least is an adversary's doing. Beside
  /// judges that did good, errors were up to 1.25 times those without any (2.85 dB beside 2.29, Docs/latents.md).
  private static var muchWorse: Double { 1.5 }

  /// Steps after which what means of 100 losses say has forgotten what was before.
  private static var patience: Int { 300 }

  /// - Parameters:
  ///   - tensors: of a checkpoint, by the names of ``named()``; nil for a new one.
  ///   - worse: how many times its least the maker's own loss may become before the adversary is lowered.
  ///   - make: makes the critic from its parameters.
  package init(
    _ settings: AdversaryConfiguration, seed: UInt64, device: Device,
    tensors: [String: Tensor]? = nil, state: AdversaryState = AdversaryState(), worse: Double,
    make: @escaping (ParameterPath) throws -> Critic
  ) throws {
    (self.settings, self.state, self.worse) = (settings, state, worse)
    (self.device, self.seed, self.make) = (device, seed, make)
    parameters =
      tensors.map { ParameterStore(loading: $0.below("weights."), device: device) }
      ?? ParameterStore(seed: seed, device: device)
    critic = try make(parameters.root)
    try parameters.finishLoading()
    try settings.loss.limit(parameters)
    // Little momentum (Gulrajani et al. 2017 advise 0 and 0.9), and no decay.
    optimizer = try AdamW(parameters: parameters, betas: (0.5, 0.9), weightDecay: 0)
    if let tensors { try optimizer.load(tensors.below("optimizer.")) }
  }

  /// Weights and moments, for a checkpoint.
  package func named() throws -> [(name: String, tensor: Tensor)] {
    parameters.named.map { (name: "weights." + $0.name, tensor: $0.tensor) }
      + (try optimizer.state()).map { (name: "optimizer." + $0.name, tensor: $0.tensor) }
  }

  /// Goes back to a checkpoint, or with nil to the beginning.
  package func restore(_ tensors: [String: Tensor]?, state: AdversaryState) throws {
    self.state = state
    guard let tensors else { return try beginAnew() }
    try parameters.copy(from: tensors.below("weights."))
    try optimizer.load(tensors.below("optimizer."))
  }

  package func isActive(progress: Double) -> Bool {
    state.joined != nil || progress >= settings.start
  }

  /// The gradient at a maker's output that it is to follow beside that of its own loss.
  ///
  /// The adversary's and that of feature matching are each scaled so that at the maker's last layer they are as
  /// large as that of its own loss, times their weight (Esser et al. 2021, arXiv:2012.09841, equation 7).
  ///
  /// - Parameters:
  ///   - y: the output, `[batch, channels, mel bins, frames]`, with its history.
  ///   - ownSize: the norm of the gradient of the maker's own loss at its last layer: `Tensor.size(from:at:)`.
  ///   - generated: what the critic says of what was made, with its history back to y.
  ///   - real: what it says of real clips, which does not depend on y.
  ///   - last: the weights of the maker's last layer.
  /// - Returns: shaped as `y`, without history; nil for nothing to follow.
  package func gradient(
    at y: Tensor, ownSize: Double, generated: Judgement, real: Judgement, last: Tensor,
    progress: Double
  ) throws -> Tensor? {
    let joined = state.joined ?? progress
    state.joined = joined
    let risen = risen(since: joined, progress)
    func balanced(_ weight: Double, _ loss: () throws -> Tensor) throws -> Tensor? {
      guard weight > 0 else { return nil }
      let gradient = try loss().gradients(of: [y])[0]
      let theirs = try gradient.size(from: y, at: last)
      // What is no number is not followed; the step in which it learns lowers it.
      guard theirs.isFinite else { return nil }
      let ratio = min(ownSize / (theirs + 1e-6), 1e4)
      return try gradient * (ratio * weight * state.strength * risen)
    }
    let loss = settings.loss
    let adversarial = try balanced(settings.weight) {
      try loss.ofGenerator(real: real.rows(for: loss), generated: generated.rows(for: loss))
    }
    let matched = try balanced(settings.featureMatching) {
      try generated.featureDistance(to: real)
    }
    guard let adversarial, let matched else { return adversarial ?? matched }
    return try adversarial + matched
  }

  /// How much of its weight it has, 0 to 1: what it once had it keeps in a run that is made longer.
  private func risen(since joined: Double, _ progress: Double) -> Double {
    let risen = settings.rise > 0 ? min(1, max(0, progress - joined) / settings.rise) : 1
    state.risen = max(state.risen ?? 0, risen)
    return state.risen ?? risen
  }

  /// One step of learning to tell them apart.
  ///
  /// - Parameters:
  ///   - loss: of the critic, a scalar.
  ///   - progress: of the run, 0 to 1.
  /// - Returns: a warning if it came out of hand and was lowered, or won and was slowed down.
  package func learn(
    _ loss: Tensor, learningRate: Double, progress: Double
  ) throws -> AdversaryWarning? {
    try loss.backward()
    defer { parameters.zeroGradients() }
    guard try clipGradients(of: parameters, maxNorm: 10).isFinite else {
      // Its weights are what gave no number: it begins anew, and its weight rises from 0 again.
      try beginAnew()
      (state.joined, state.risen, state.judged, state.loss) = (progress, nil, nil, nil)
      return lower(.criticDiverged)
    }
    let pace = state.pace ?? 1
    try optimizer.step(learningRate: learningRate * settings.rate * pace)
    try settings.loss.limit(parameters)
    // Before its weight is whole nobody answers it.
    guard let satisfied = settings.loss.satisfiedBelow, let joined = state.joined,
      risen(since: joined, progress) == 1
    else { return nil }
    let judged = (state.judged ?? 0) + 1
    let value = try loss.item()
    let before = state.loss ?? value
    let mean = before + (value - before) / Double(min(judged, 100))
    (state.judged, state.loss) = (judged, mean)
    guard mean < satisfied, judged >= Self.patience else { return nil }
    (state.judged, state.loss, state.pace) = (0, nil, pace / 2)
    return AdversaryWarning(reason: .criticWins, weight: weight, pace: pace / 2)
  }

  /// Watches whether the maker's own task suffers. Once for each step.
  ///
  /// - Parameter loss: the maker's own, the mean of the last hundred.
  package func watch(own loss: Double) -> AdversaryWarning? {
    state.steps += 1
    // After it was lowered the mean must first forget what was before.
    if state.strength < 1, state.steps < Self.patience { return nil }
    let least = min(state.leastLoss ?? loss, loss)
    state.leastLoss = least
    return loss > least * worse ? lower(.leadsAstray(times: worse)) : nil
  }

  /// Watches what comes of the maker: where its steps go back and forth, its averaged weights may be worse than
  /// any of them. At each checkpoint.
  ///
  /// - Parameter error: on held-out clips.
  package func watch(heldOut error: Double) -> AdversaryWarning? {
    let least = min(state.leastError ?? error, error)
    state.leastError = least
    guard state.joined != nil, error > least * Self.muchWorse else { return nil }
    state.leastError = error
    return lower(.spoils(times: Self.muchWorse))
  }

  /// New weights of the critic.
  private func beginAnew() throws {
    let store = ParameterStore(seed: seed, device: device)
    _ = try make(store.root)
    try settings.loss.limit(store)
    try parameters.copy(
      from: Dictionary(uniqueKeysWithValues: store.named.map { ($0.name, $0.tensor) }))
    try optimizer.reset()
  }

  private func lower(_ reason: AdversaryWarning.Reason) -> AdversaryWarning {
    state.strength /= 2
    (state.steps, state.leastLoss) = (0, nil)
    return AdversaryWarning(reason: reason, weight: weight, pace: state.pace ?? 1)
  }

  private var weight: Double { settings.weight * state.strength }
}

extension Tensor {
  /// The norm that this gradient at an output has at weights that the output depends on.
  func size(from output: Tensor, at weights: Tensor) throws -> Double {
    try (output * self).sum().gradients(of: [weights])[0].square().sum().item().squareRoot()
  }
}
