/// Many short runs, of which the better half goes on to runs of twice the length, until two are left
/// (Jamieson and Talwalkar 2016, arXiv:1502.07943, with halves by rank). The first candidate, the
/// default, stays until the end, so that the winner is compared with it.
public struct SuccessiveHalving: Sendable, Equatable {
  /// Candidates of the first round: a power of two.
  public var candidates: Int
  /// Seconds of training of a run of the first round.
  public var seconds: Double

  /// Fewer updates tell nothing.
  public static let leastSteps = 20
  /// Updates that a run of the first round should have.
  static let enoughSteps = 200.0

  public init(candidates: Int, seconds: Double) {
    (self.candidates, self.seconds) = (candidates, seconds)
  }

  public var rounds: Int { candidates.bitWidth - candidates.leadingZeroBitCount - 1 }

  /// The most runs in a round: the better half of those before, and the default.
  public func runs(inRound round: Int) -> Int {
    (candidates >> round) + (round == 0 ? 0 : 1)
  }

  /// Seconds of training of each run in a round.
  public func seconds(inRound round: Int) -> Double { seconds * Double(1 << round) }

  /// The search that fills the time: the most candidates, of 4, 8, 16 or 32, whose first runs have 200
  /// updates.
  ///
  /// - Parameters:
  ///   - available: seconds for all runs.
  ///   - secondsPerStep: of the default.
  ///   - overhead: seconds of a run beside its steps.
  /// - Returns: nil where not even four runs of ``leastSteps`` fit.
  public init?(available: Double, secondsPerStep: Double, overhead: Double) {
    for candidates in [32, 16, 8, 4] {
      let search = SuccessiveHalving(candidates: candidates, seconds: 1)
      let seconds = (available - Double(search.runs(from: 0)) * overhead) / search.units(from: 0)
      let steps = seconds / secondsPerStep
      if steps >= Self.enoughSteps || candidates == 4 && steps >= Double(Self.leastSteps) {
        self.init(candidates: candidates, seconds: seconds)
        return
      }
    }
    return nil
  }

  /// Seconds of the shortest search.
  static func least(secondsPerStep: Double, overhead: Double) -> Double {
    let search = SuccessiveHalving(
      candidates: 4, seconds: Double(leastSteps) * secondsPerStep)
    return search.units(from: 0) * search.seconds + Double(search.runs(from: 0)) * overhead
  }

  /// Runs from a round on.
  private func runs(from round: Int) -> Int {
    (round..<rounds).reduce(0) { $0 + runs(inRound: $1) }
  }

  /// Lengths of all runs from a round on, in those of the first round's.
  private func units(from round: Int) -> Double {
    (round..<rounds).reduce(0) { $0 + Double(runs(inRound: $1) << $1) }
  }

  /// The same search with runs as long as the time that is left allows from a round on: the speeds that
  /// it was planned by may have been wrong.
  ///
  /// - Parameters:
  ///   - left: seconds for all runs that are to come.
  ///   - overhead: seconds of a run beside its steps.
  public func adapted(fromRound round: Int, left: Double, overhead: Double) -> SuccessiveHalving {
    SuccessiveHalving(
      candidates: candidates,
      seconds: max(0, left - Double(runs(from: round)) * overhead) / max(1, units(from: round)))
  }
}
