/// Tells a loss that explodes from one that varies.
///
/// A loss that is not a number, or beyond anything a network that knows nothing would have, is an
/// explosion at once; one of several times the lowest mean so far is, when it lasts.
struct LossGuard: Codable, Sendable, Equatable {
  enum Verdict { case good, suspicious, exploded }

  /// The lowest running mean of the loss so far, or what a network that knows nothing has while the mean
  /// is of too few steps to tell.
  private var lowest = 1.0
  private var recorded = 0
  /// Steps in a row whose loss was too high.
  private var streak = 0

  private static let (tolerance, longestStreak) = (4.0, 5)
  private static let leastSteps = 20
  private static let (extreme, leastExtreme) = (20.0, 10.0)

  /// Whether the losses of the last steps were so high that it may be no accident.
  var isSuspicious: Bool { streak > 2 }

  /// Whether weights with this loss, of one batch, must not be kept.
  func isExtreme(_ loss: Double) -> Bool {
    !loss.isFinite || loss > max(Self.leastExtreme, Self.extreme * lowest)
  }

  /// Judges the loss and the gradients' norm of a step.
  mutating func judge(loss: Double, norm: Double) -> Verdict {
    if !norm.isFinite || isExtreme(loss) { return .exploded }
    guard loss > Self.tolerance * lowest else {
      streak = 0
      return .good
    }
    streak += 1
    return streak < Self.longestStreak ? .suspicious : .exploded
  }

  mutating func record(mean: Double) {
    recorded += 1
    if recorded >= Self.leastSteps { lowest = min(lowest, mean) }
  }
}

/// A return to the last good state, with a lower learning rate from there on.
public struct Recovery: Codable, Sendable, Equatable {
  /// The step whose loss had exploded.
  public var step: Int
  /// The step that the run went back to.
  public var goodStep: Int
  /// What the learning rate is multiplied with since.
  public var learningRateScale: Double
}
