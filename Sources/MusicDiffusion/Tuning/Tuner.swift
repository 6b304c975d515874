public import Torch

/// Finds a learning rate, widths and noise levels by short runs whose loss on held-out files is
/// compared.
///
/// All runs have the same seed and data. Each is whole, with its own rise and fall of the learning
/// rate, and as long in seconds as the others of its round: a wider network makes fewer updates. The
/// loss that counts is that of the averaged weights at the noise levels of the default, whatever
/// levels a run was trained on.
public final class Tuner {
  /// A run and what came of it.
  public struct Result: Sendable {
    public var candidate: TuningCandidate
    public var round: Int
    public var steps: Int
    /// Infinite for one that diverged.
    public var loss: Double
  }

  /// How a search stands.
  public struct Progress: Sendable {
    public var round: Int
    public var rounds: Int
    /// Runs of the round that are over, and all of it.
    public var run: Int
    public var runs: Int
    public var steps: Int
    public var stepsOfRun: Int
    public var secondsLeft: Double
  }

  public let search: SuccessiveHalving
  /// What all else is compared with: the settings that the search starts from.
  public let standard: TuningCandidate
  /// All runs so far.
  public private(set) var results: [Result] = []
  private let base: TrainingConfiguration
  private let dataset: Dataset
  private let device: Device
  private let precision: DType
  private let heldOut: HeldOutBatches
  private let clock = ContinuousClock()
  private let end: ContinuousClock.Instant
  private let overhead: Double
  /// Of networks of these widths.
  private var secondsPerStep: [[Int]: Double]

  /// - Parameters:
  ///   - base: the settings that the search starts from, and keeps what it does not change of.
  ///   - budget: for everything.
  ///   - spent: seconds of it that are over.
  /// - Throws: ``ModelError/nothingToTuneOn(_:)``, ``ModelError/budgetTooSmall(_:needed:)``.
  public convenience init(
    _ base: TrainingConfiguration, on dataset: Dataset, budget: Budget, spent: Double = 0,
    device: Device, precision: DType
  ) throws {
    try self.init(
      base, on: dataset, budget: budget, spent: spent, search: nil, device: device,
      precision: precision)
  }

  /// - Parameter given: the search, in place of the one that fills the budget.
  package init(
    _ base: TrainingConfiguration, on dataset: Dataset, budget: Budget, spent: Double = 0,
    search given: SuccessiveHalving?, device: Device, precision: DType
  ) throws {
    let start = clock.now
    end = start + .seconds(budget.seconds - spent)
    var base = base
    base.steps = SuccessiveHalving.leastSteps
    standard = TuningCandidate.drawn(around: base, count: 1)[0]
    (self.base, self.dataset, self.device, self.precision) = (base, dataset, device, precision)
    let state = Trainer.new(dataset, base)
    try state.validate()
    guard let heldOut = try HeldOutBatches(dataset, base, device: device) else {
      throw ModelError.nothingToTuneOn(dataset.path)
    }
    self.heldOut = heldOut
    let speed = try MeasuredSpeed(of: base, on: dataset, device: device, precision: precision)
    secondsPerStep = [state.model.network.widths: speed.secondsPerStep]
    // The loss, and building the network.
    overhead = Double(HeldOutBatches.evaluations) * speed.secondsPerEvaluation + 0.2
    let over = spent + start.duration(to: clock.now) / .seconds(1)
    // Other widths are to be measured, too.
    let measuring = 10 * speed.secondsPerStep + 2
    guard
      let search = given
        ?? SuccessiveHalving(
          available: Budget.share * budget.seconds - over - measuring,
          secondsPerStep: speed.secondsPerStep,
          overhead: overhead)
    else {
      let least = SuccessiveHalving.least(
        secondsPerStep: speed.secondsPerStep, overhead: overhead)
      throw ModelError.budgetTooSmall(
        budget.seconds, needed: (over + measuring + least) / Budget.share)
    }
    self.search = search
  }

  /// Runs the search.
  ///
  /// - Parameters:
  ///   - onRound: called before each round, with its number, runs and seconds of each run.
  ///   - onResult: called after each run.
  ///   - onStep: called now and then.
  ///   - shouldStop: asked after each step.
  /// - Returns: the best of the longest runs, and how the default did in as long a run; nil if it was
  ///   stopped before the first round was over. Where the machine has become so slow that a further round
  ///   would have shorter runs, the search ends before it.
  public func run(
    onRound: (_ round: Int, _ runs: Int, _ seconds: Double) -> Void = { _, _, _ in },
    onResult: (Result) -> Void = { _ in }, onStep: (Progress) -> Void = { _ in },
    shouldStop: () -> Bool = { false }
  ) throws -> (best: Result, base: Result)? {
    let all = TuningCandidate.drawn(around: base, count: search.candidates, seed: base.seed)
    var candidates = all
    var longest = 0.0
    for round in 0..<search.rounds {
      let left = clock.now.duration(to: end) / .seconds(1)
      let search =
        round == 0 ? search : search.adapted(fromRound: round, left: left, overhead: overhead)
      let seconds = search.seconds(inRound: round)
      // Runs that are shorter than those that are over would tell less than they did.
      guard seconds >= longest else { return outcome(before: round) }
      longest = seconds
      onRound(round, candidates.count, seconds)
      for (number, candidate) in candidates.enumerated() {
        let speed = try secondsPerStep(of: candidate)
        let steps = max(SuccessiveHalving.leastSteps, Int(seconds / speed))
        let loss = try loss(of: candidate, steps: steps, shouldStop: shouldStop) { step in
          onStep(
            Progress(
              round: round, rounds: search.rounds, run: number, runs: candidates.count, steps: step,
              stepsOfRun: steps, secondsLeft: max(0, clock.now.duration(to: end) / .seconds(1))))
        }
        guard let loss else { return outcome(before: round) }
        results.append(Result(candidate: candidate, round: round, steps: steps, loss: loss))
        onResult(results[results.count - 1])
      }
      let ranked = results.suffix(candidates.count).sorted { $0.loss < $1.loss }
      candidates = ranked.prefix(all.count >> (round + 1)).map(\.candidate)
      if !candidates.contains(standard) { candidates.append(standard) }
    }
    return outcome(before: search.rounds)
  }

  /// Of the last round that is over.
  private func outcome(before round: Int) -> (best: Result, base: Result)? {
    let last = results.filter { $0.round == round - 1 }
    guard let best = last.min(by: { $0.loss < $1.loss }),
      let base = last.first(where: { $0.candidate == standard })
    else { return nil }
    return (best, base)
  }

  private func secondsPerStep(of candidate: TuningCandidate) throws -> Double {
    if let known = secondsPerStep[candidate.widths] { return known }
    let speed = try MeasuredSpeed(
      of: candidate.applied(to: base), on: dataset, device: device, precision: precision
    ).secondsPerStep
    secondsPerStep[candidate.widths] = speed
    return speed
  }

  /// The held-out loss after a run; nil if it was stopped.
  private func loss(
    of candidate: TuningCandidate, steps: Int, shouldStop: () -> Bool, onStep: (Int) -> Void
  ) throws -> Double? {
    var configuration = candidate.applied(to: base)
    configuration.steps = steps
    configuration.warmUpSteps = max(1, min(configuration.warmUpSteps, steps / 10))
    var state = Trainer.new(dataset, configuration)
    let learner = try Learner(
      state.model, configuration, device: device, precision: precision)
    var loader = try BatchLoader(for: state, from: dataset, device: device)
    let count = configuration.batchesPerStep
    for step in 0..<steps {
      if shouldStop() { return nil }
      state.steps = step
      if state.lengthensWindows() {
        loader = try BatchLoader(for: state, from: dataset, device: device)
      }
      let progress = configuration.progress(steps: step, seconds: 0)
      let learningRate = configuration.learningRate(step: step, progress: progress)
      for index in step * count..<(step + 1) * count {
        let loss = try learner.addGradients(
          of: loader.batch(step: index), index: index, progress: progress,
          learningRate: learningRate
        ).loss
        guard loss.isFinite else { return .infinity }
      }
      guard try learner.clipGradients().isFinite else { return .infinity }
      try learner.update(learningRate: learningRate, step: step + 1)
      onStep(step + 1)
    }
    let loss = try heldOut.loss(of: learner.averageDenoiser, step: steps).mean
    return loss.isFinite ? loss : .infinity
  }
}
