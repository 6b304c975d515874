import Foundation
package import Torch

/// How an adversary takes part in the training of an autoencoder. Saved with the training state.
public struct AdversaryConfiguration: Codable, Sendable, Equatable {
  public var loss: AdversarialLoss
  /// How large the gradient of its loss is made at the decoder's last layer, as a part of the
  /// reconstruction's, 0 to 1000.
  public var weight = 0.5
  /// The same for the gradient of feature matching.
  public var featureMatching = 0.5
  /// The part of the run after which it joins, from 0 to below 1: once there is something to tell from real
  /// music.
  public var start = 0.3
  /// The part of the run in which its weight rises from 0, while it learns.
  public var rise = 0.05
  /// Of the networks that judge: channels of the first layer.
  public var width = 16
  /// Its learning rate, as a part of the autoencoder's.
  public var rate = 0.4

  public init(_ loss: AdversarialLoss) { self.loss = loss }

  func validate() throws {
    func check(_ holds: Bool, _ reason: String) throws {
      if !holds { throw ModelError.invalidConfiguration("adversary." + reason) }
    }
    try check((0...1000).contains(weight), "weight must be 0 to 1000")
    try check((0...1000).contains(featureMatching), "featureMatching must be 0 to 1000")
    try check((0..<1).contains(start), "start must be from 0 to below 1")
    try check((0...1).contains(rise), "rise must be 0 to 1")
    try check((1...256).contains(width), "width must be 1 to 256")
    try check((0...10).contains(rate), "rate must be 0 to 10")
  }
}

/// Tells real spectrograms from what a decoder makes, and so tells the decoder what is missing.
package final class Adversary {
  /// What a resumed run goes on with, beside the weights.
  package struct State: Codable, Sendable, Equatable {
    /// What is left of the weight, halved at each warning, 0 to 1.
    package var strength = 1.0
    /// The progress of the run when it joined or began anew; a run that is made longer goes back in progress,
    /// and does not lose it. Nil before it has joined.
    package var joined: Double?
    /// The least that the reconstruction's loss was since it joined, or was lowered.
    package var leastLoss: Double?
    /// Steps since then.
    package var steps = 0
    /// What is left of its learning rate, halved each time that it wins, 0 to 1.
    package var pace: Double? = 1
    /// Its own loss where margins say that it wins: the mean of the last hundred steps of those since its weight was
    /// whole, or it was slowed down, and how many these are.
    package var loss: Double?
    package var judged: Int?

    package init() {}

    func validate() throws {
      guard (0...1).contains(strength), steps >= 0, (0...1).contains(joined ?? 0),
        leastLoss.map({ $0 >= 0 && $0.isFinite }) ?? true, loss?.isFinite ?? true,
        (0...1).contains(pace ?? 1), judged ?? 0 >= 0
      else { throw ModelError.invalidConfiguration("the state of the adversary is off") }
    }
  }

  package private(set) var state: State
  private let settings: AdversaryConfiguration
  private let parameters: ParameterStore
  private let discriminator: PatchDiscriminator
  private let optimizer: AdamW
  private let device: Device
  private let (channels, melBins, seed): (Int, Int, UInt64)

  /// A reconstruction that becomes so much worse while the adversary takes part is its doing. What means of 100
  /// losses say is looked for when they have forgotten what was before.
  private static let (worse, patience) = (1.3, 300)

  /// - Parameter tensors: of a checkpoint, by the names of ``named()``; nil for a new one.
  package init(
    _ settings: AdversaryConfiguration, channels: Int, melBins: Int, seed: UInt64, device: Device,
    tensors: [String: Tensor]? = nil, state: State = State()
  ) throws {
    (self.settings, self.state, self.device) = (settings, state, device)
    (self.channels, self.melBins, self.seed) = (channels, melBins, seed)
    parameters =
      tensors.map { ParameterStore(loading: $0.below("weights."), device: device) }
      ?? ParameterStore(seed: seed, device: device)
    discriminator = try PatchDiscriminator(
      parameters.root, channels: channels, melBins: melBins, width: settings.width,
      numbers: settings.loss.scoresPerPatch, device: device)
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

  package func isActive(progress: Double) -> Bool {
    state.joined != nil || progress >= settings.start
  }

  /// The gradient at a decoder's output that it is to follow, of its own loss and the adversary's.
  ///
  /// The adversary's and that of feature matching are each scaled so that at the decoder's last layer they are as
  /// large as that of the reconstruction, times their weight (Esser et al. 2021, arXiv:2012.09841, equation 7).
  ///
  /// - Parameters:
  ///   - y: the output, `[batch, channels, mel bins, frames]`, with its history; `x`, what it is to be.
  ///   - reconstruction: the loss of y, a scalar; its history stays.
  ///   - last: the weights of the decoder's last layer.
  /// - Returns: shaped as `y`, without history.
  package func gradient(
    of y: Tensor, to x: Tensor, reconstruction: Tensor, last: Tensor, progress: Double
  ) throws -> Tensor {
    let own = try reconstruction.gradients(of: [y])[0]
    let generated = try discriminator(y)
    let real = try withoutGradient { try discriminator(x) }
    func size(_ gradient: Tensor) throws -> Double {
      try (y * gradient).sum().gradients(of: [last])[0].square().sum().item().squareRoot()
    }
    let joined = state.joined ?? progress
    state.joined = joined
    let risen = risen(since: joined, progress)
    let ownSize = try size(own)
    func balanced(_ loss: Tensor, _ weight: Double) throws -> Tensor? {
      guard weight > 0 else { return nil }
      let gradient = try loss.gradients(of: [y])[0]
      let theirs = try size(gradient)
      // What is no number is not followed; the step in which it learns lowers it.
      guard theirs.isFinite else { return nil }
      let ratio = min(ownSize / (theirs + 1e-6), 1e4)
      return try gradient * (ratio * weight * state.strength * risen)
    }
    let adversarial = try balanced(
      settings.loss.ofGenerator(real: rows(real), generated: rows(generated)), settings.weight)
    let matched = try balanced(generated.featureDistance(to: real), settings.featureMatching)
    return try [adversarial, matched].compactMap(\.self).reduce(own) { try $0 + $1 }
  }

  /// How much of its weight it has, 0 to 1.
  private func risen(since joined: Double, _ progress: Double) -> Double {
    settings.rise > 0 ? min(1, max(0, progress - joined) / settings.rise) : 1
  }

  /// One step of learning to tell them apart.
  ///
  /// - Parameters:
  ///   - real: `[batch, channels, mel bins, frames]`; `generated`, shaped as it; both without history.
  ///   - random: of this step.
  ///   - progress: of the run, 0 to 1.
  /// - Returns: a warning if it came out of hand and was lowered, or won and was slowed down.
  package func learn(
    real: Tensor, generated: Tensor, learningRate: Double, progress: Double,
    _ random: inout RandomGenerator
  ) throws -> AdversaryWarning? {
    let total = try settings.loss.ofCritic(
      real: real, generated: generated, mix: random.uniforms(real.shape[0])
    ) { try rows(discriminator($0)) }
    try total.backward()
    defer { parameters.zeroGradients() }
    guard try clipGradients(of: parameters, maxNorm: 10).isFinite else {
      // Its weights are what gave no number: it begins anew, and its weight rises from 0 again.
      try parameters.copy(from: fresh())
      try optimizer.reset()
      (state.joined, state.judged, state.loss) = (progress, nil, nil)
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
    let value = try total.item()
    let before = state.loss ?? value
    let mean = before + (value - before) / Double(min(judged, 100))
    (state.judged, state.loss) = (judged, mean)
    guard mean < satisfied, judged >= Self.patience else { return nil }
    (state.judged, state.loss, state.pace) = (0, nil, pace / 2)
    return AdversaryWarning(reason: .criticWins, weight: weight, pace: pace / 2)
  }

  /// Watches whether the reconstruction suffers. Once for each step.
  ///
  /// - Parameter loss: the reconstruction's, the mean of the last hundred.
  package func watch(reconstruction loss: Double) -> AdversaryWarning? {
    state.steps += 1
    // After it was lowered the mean must first forget what was before.
    if state.strength < 1, state.steps < Self.patience { return nil }
    let least = min(state.leastLoss ?? loss, loss)
    state.leastLoss = least
    return loss > least * Self.worse ? lower(.reconstructionLost) : nil
  }

  /// New weights of the discriminator.
  private func fresh() throws -> [String: Tensor] {
    let store = ParameterStore(seed: seed, device: device)
    _ = try PatchDiscriminator(
      store.root, channels: channels, melBins: melBins, width: settings.width,
      numbers: settings.loss.scoresPerPatch, device: device)
    try settings.loss.limit(store)
    return Dictionary(uniqueKeysWithValues: store.named.map { ($0.name, $0.tensor) })
  }

  private func lower(_ reason: AdversaryWarning.Reason) -> AdversaryWarning {
    state.strength /= 2
    (state.steps, state.leastLoss) = (0, nil)
    return AdversaryWarning(reason: reason, weight: weight, pace: state.pace ?? 1)
  }

  private var weight: Double { settings.weight * state.strength }

  /// What is said of the patches at each scale, `[patches, numbers]`, a clip's after those of the one before.
  /// Kernels compare all patches with all: they get means of those that one of the coarsest scale covers.
  private func rows(_ judgement: PatchDiscriminator.Judgement) throws -> [Tensor] {
    try judgement.scores.enumerated().map { scale, scores in
      var scores = scores
      if settings.loss == .mmd {
        for _ in scale + 1..<PatchDiscriminator.scaleCount { scores = try scores.averagePool2x() }
      }
      let numbers = scores.shape[1]
      return try scores.permute([0, 2, 3, 1]).reshape([scores.count / numbers, numbers])
    }
  }
}

/// An adversary that was lowered, because it did harm, or slowed down, because nobody could answer it; the run goes
/// on.
public struct AdversaryWarning: Sendable, Equatable, CustomStringConvertible {
  public enum Reason: Sendable {
    /// The decoder follows it away from what it is to make.
    case reconstructionLost
    /// Its own gradients are no numbers.
    case criticDiverged
    /// Its margins hold for nearly all patches, so that its gradient says little.
    case criticWins
  }

  public let reason: Reason
  /// That it has now.
  public let weight: Double
  /// What is left of its learning rate, 0 to 1.
  public let pace: Double

  public var description: String {
    switch reason {
    case .reconstructionLost:
      "the adversary leads astray: the reconstruction is 30 % worse than it was beside it; "
        + String(format: "its weight is now %.3g", weight)
    case .criticDiverged:
      "the adversary collapses: its gradients are no longer finite; it begins anew, "
        + String(format: "its weight is now %.3g", weight)
    case .criticWins:
      "the adversary wins: it tells nearly all patches from real ones, and no longer what they lack; "
        + String(format: "it now learns at %.3g of its rate", pace)
    }
  }
}
