import Foundation

/// An adversary that was lowered, because it did harm, or slowed down, because nobody could answer it; the run goes
/// on.
public struct AdversaryWarning: Sendable, Equatable, CustomStringConvertible {
  public enum Reason: Sendable, Equatable {
    /// Its maker follows it away from what it is to make, whose loss became so many times its least.
    case leadsAstray(times: Double)
    /// What its maker has become, its averaged weights, is so many times as far off on held-out clips.
    case spoils(times: Double)
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
    case .leadsAstray(let times):
      String(
        format: "the adversary leads astray: the loss is over %.0f %% more than it was beside it; "
          + "its weight is now %.3g", 100 * (times - 1), weight)
    case .spoils(let times):
      String(
        format: "the adversary spoils: the error at checkpoints is over %.0f %% more than at best; "
          + "its weight is now %.3g", 100 * (times - 1), weight)
    case .criticDiverged:
      "the adversary collapses: its gradients are no longer finite; it begins anew, "
        + String(format: "its weight is now %.3g", weight)
    case .criticWins:
      "the adversary wins: it tells nearly all patches from real ones, and no longer what they lack; "
        + String(format: "it now learns at %.3g of its rate", pace)
    }
  }
}
