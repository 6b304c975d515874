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
  /// The least that the error on held-out clips was, or where it was when the adversary was lowered for it.
  package var leastError: Double?
  /// What is left of its learning rate, halved each time that it wins, 0 to 1.
  package var pace: Double? = 1
  /// Its own loss where margins say that it wins: the mean of the last hundred steps of those since its weight was
  /// whole, or it was slowed down, and how many these are.
  package var loss: Double?
  package var judged: Int?

  package init() {}

  func validate() throws {
    guard (0...1).contains(strength), steps >= 0, (0...1).contains(joined ?? 0),
      [leastLoss, leastError].allSatisfy({ $0.map { $0 >= 0 && $0.isFinite } ?? true }),
      loss?.isFinite ?? true,
      (0...1).contains(pace ?? 1), (0...1).contains(risen ?? 0), judged ?? 0 >= 0
    else { throw ModelError.invalidConfiguration("the state of the adversary is off") }
  }
}
