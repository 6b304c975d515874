import Foundation

/// What a resumed run goes on with of an adversary, beside its weights.
package struct AdversaryState: Codable, Sendable, Equatable {
  /// What is left of the weight, halved at each warning, 0 to 1.
  package var strength = 1.0
  /// The progress of the run when it joined or began anew; a run that is made longer goes back in progress,
  /// and does not lose it. Nil before it has joined.
  package var joined: Double?
  /// How much of its weight it has had since then, 0 to 1.
  package var risen: Double?
  /// The least that the maker's own loss was since it joined, or was lowered.
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
      (0...1).contains(pace ?? 1), (0...1).contains(risen ?? 0), judged ?? 0 >= 0
    else { throw ModelError.invalidConfiguration("the state of the adversary is off") }
  }
}

/// An adversary that was lowered, because it did harm, or slowed down, because nobody could answer it; the run goes
/// on.
public struct AdversaryWarning: Sendable, Equatable, CustomStringConvertible {
  public enum Reason: Sendable, Equatable {
    /// Its maker follows it away from what it is to make, whose loss became so many times its least.
    case leadsAstray(times: Double)
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
    case .criticDiverged:
      "the adversary collapses: its gradients are no longer finite; it begins anew, "
        + String(format: "its weight is now %.3g", weight)
    case .criticWins:
      "the adversary wins: it tells nearly all patches from real ones, and no longer what they lack; "
        + String(format: "it now learns at %.3g of its rate", pace)
    }
  }
}
