import Foundation
import Torch

/// How an adversary takes part in the training of an autoencoder. Saved with the training state.
public struct AdversaryConfiguration: Codable, Sendable, Equatable {
  public var loss: AdversarialLoss
  /// Its gradient at the decoder's last layer, as a part of the reconstruction's.
  public var weight = 0.5
  /// Of feature matching, beside the loss's own.
  public var featureMatching = 1.0
  /// The part of the run after which it joins, once there is something to tell from real music.
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
final class Adversary {
  /// What a resumed run goes on with, beside the weights.
  struct State: Codable, Sendable, Equatable {
    /// What is left of the weight, halved at each warning.
    var strength = 1.0
    /// The reconstruction's loss when the adversary joined.
    var lossAtStart: Double?
    /// Steps since it joined, or was lowered.
    var steps = 0
  }

  private(set) var state: State
  private let settings: AdversaryConfiguration
  private let parameters: ParameterStore
  private let discriminator: PatchDiscriminator
  private let optimizer: AdamW
  private let device: Device

  /// A reconstruction that is so much worse than before the adversary joined is its doing. So many steps after it
  /// was lowered it is looked at again.
  private static let (worse, patience) = (1.3, 50)

  /// - Parameter tensors: of a checkpoint, by the names of ``named()``; nil for a new one.
  init(
    _ settings: AdversaryConfiguration, channels: Int, melBins: Int, seed: UInt64, device: Device,
    tensors: [String: Tensor]? = nil, state: State = State()
  ) throws {
    (self.settings, self.state, self.device) = (settings, state, device)
    parameters =
      tensors.map { ParameterStore(loading: $0.below("weights."), device: device) }
      ?? ParameterStore(seed: seed, device: device)
    discriminator = try PatchDiscriminator(
      parameters.root, channels: channels, melBins: melBins, width: settings.width,
      numbers: settings.loss.scoresPerPatch, device: device)
    try parameters.finishLoading()
    // The momentum that its penalty's authors advise, and no decay.
    optimizer = try AdamW(parameters: parameters, betas: (0.5, 0.9), weightDecay: 0)
    if let tensors { try optimizer.load(tensors.below("optimizer.")) }
  }

  /// Weights and moments, for a checkpoint.
  func named() throws -> [(name: String, tensor: Tensor)] {
    parameters.named.map { (name: "weights." + $0.name, tensor: $0.tensor) }
      + (try optimizer.state()).map { (name: "optimizer." + $0.name, tensor: $0.tensor) }
  }

  func isActive(progress: Double) -> Bool { progress >= settings.start }

  /// The gradient at a decoder's output that it is to follow, of its own loss and the adversary's.
  ///
  /// The adversary's is scaled so that at the decoder's last layer it is as large as that of the reconstruction,
  /// times its weight (Esser et al. 2021, arXiv:2012.09841, equation 7).
  ///
  /// - Parameters:
  ///   - y: the output, `[batch, channels, mel bins, frames]`, with its history; `x`, what it is to be.
  ///   - reconstruction: the loss of y, a scalar; its history stays.
  ///   - last: the weights of the decoder's last layer.
  /// - Returns: shaped as `y`, without history.
  func gradient(
    of y: Tensor, to x: Tensor, reconstruction: Tensor, last: Tensor, progress: Double
  ) throws -> Tensor {
    let own = try reconstruction.gradients(of: [y])[0]
    let generated = try discriminator(y)
    let real = try withoutGradient { try discriminator(x) }
    let wanted = try settings.loss.ofGenerator(real: rows(real), generated: rows(generated))
    let matched = try generated.featureDistance(to: real) * settings.featureMatching
    let adversarial = try (wanted + matched).gradients(of: [y])[0]
    func size(_ gradient: Tensor) throws -> Double {
      try (y * gradient).sum().gradients(of: [last])[0].square().sum().item().squareRoot()
    }
    let theirs = try size(adversarial)
    // What is no number is not followed; the step in which it learns lowers it.
    guard theirs.isFinite else { return own }
    let ratio = try min(size(own) / max(theirs, 1e-12), 1e6)
    let risen = settings.rise > 0 ? min(1, (progress - settings.start) / settings.rise) : 1
    return try own + adversarial * (ratio * settings.weight * state.strength * risen)
  }

  /// One step of learning to tell them apart.
  ///
  /// - Parameters:
  ///   - real: `[batch, channels, mel bins, frames]`; `generated`, shaped as it; both without history.
  ///   - random: of this step.
  /// - Returns: a warning if it came out of hand and was lowered.
  func learn(
    real: Tensor, generated: Tensor, learningRate: Double, _ random: inout RandomGenerator
  ) throws -> AdversaryWarning? {
    let total = try settings.loss.ofCritic(
      real: real, generated: generated, mix: random.uniforms(real.shape[0])
    ) { try rows(discriminator($0)) }
    try total.backward()
    defer { parameters.zeroGradients() }
    guard try clipGradients(of: parameters, maxNorm: 10).isFinite else {
      try optimizer.reset()
      return lower(.criticDiverged)
    }
    try optimizer.step(learningRate: learningRate * settings.rate)
    try settings.loss.limit(parameters)
    return nil
  }

  /// Watches whether the reconstruction suffers. Once for each step.
  ///
  /// - Parameters:
  ///   - before: the reconstruction's loss before this step, the mean of many; `now`, after it.
  func watch(reconstruction before: Double, now: Double) -> AdversaryWarning? {
    let start = state.lossAtStart ?? before
    state.lossAtStart = start
    state.steps += 1
    guard state.steps >= Self.patience, now > start * Self.worse else { return nil }
    return lower(.reconstructionLost)
  }

  private func lower(_ reason: AdversaryWarning.Reason) -> AdversaryWarning {
    state.strength /= 2
    state.steps = 0
    return AdversaryWarning(reason: reason, weight: settings.weight * state.strength)
  }

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

/// An adversary that was lowered, because it did harm; the run goes on.
public struct AdversaryWarning: Sendable, Equatable, CustomStringConvertible {
  public enum Reason: Sendable {
    /// The decoder follows it away from what it is to make.
    case reconstructionLost
    /// Its own gradients are no numbers.
    case criticDiverged
  }

  public let reason: Reason
  /// That it has now.
  public let weight: Double

  public var description: String {
    let why =
      switch reason {
      case .reconstructionLost: "the reconstruction is 30 % worse than when it joined"
      case .criticDiverged: "its gradients are no longer finite"
      }
    return "the adversary collapses: \(why); its weight is now "
      + String(format: "%.3g", weight)
  }
}
