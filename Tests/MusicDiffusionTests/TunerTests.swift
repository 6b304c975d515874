import Foundation
import MusicDiffusion
import Testing
import Torch

@Suite struct SuccessiveHalvingTests {
  /// All runs together take the time that there is, and the first ones are long enough.
  @Test(arguments: [
    (3600.0, 0.02, 2.0, 32), (3600, 0.5, 10, 8), (600, 0.5, 5, 4), (400, 0.02, 1, 16),
  ])
  func fillsTheTime(_ available: Double, _ step: Double, _ overhead: Double, _ candidates: Int)
    throws
  {
    let search = try #require(
      SuccessiveHalving(available: available, secondsPerStep: step, overhead: overhead))
    #expect(search.candidates == candidates)
    let rounds = 0..<search.rounds
    #expect(1 << search.rounds == candidates)
    let total = rounds.reduce(0.0) {
      $0 + Double(search.runs(inRound: $1)) * (search.seconds(inRound: $1) + overhead)
    }
    #expect(abs(total - available) < 1e-6 * available)
    #expect(search.seconds / step >= (candidates == 4 ? 20 : 200))
    // Two, and the default, are left in the end, with the longest runs.
    #expect(search.runs(inRound: search.rounds - 1) == 3)
    #expect(
      rounds.dropFirst().allSatisfy {
        search.seconds(inRound: $0) == 2 * search.seconds(inRound: $0 - 1)
      })
  }

  @Test func littleTimeIsNotEnough() {
    #expect(SuccessiveHalving(available: 60, secondsPerStep: 1, overhead: 1) == nil)
  }

  /// Half of the time for what is left makes runs of half the length.
  @Test func adaptsToTheTimeThatIsLeft() {
    let search = SuccessiveHalving(candidates: 8, seconds: 10)
    let rest = 5.0 * (20 + 1) + 3 * (40 + 1)
    #expect(search.adapted(fromRound: 1, left: rest, overhead: 1) == search)
    let slower = search.adapted(fromRound: 1, left: 8 + (rest - 8) / 2, overhead: 1)
    #expect(abs(slower.seconds(inRound: 1) - 10) < 1e-9)
    #expect(search.adapted(fromRound: 2, left: -5, overhead: 1).seconds == 0)
  }
}

@Suite struct TuningCandidateTests {
  @Test func tryAllValuesOfEachSetting() throws {
    let base = TrainingConfiguration(preset: .draft)
    let candidates = TuningCandidate.drawn(around: base, count: 16)
    #expect(candidates.count == 16 && Set(candidates).count == 16)
    #expect(candidates[0].applied(to: base).learningRate == base.learningRate)
    #expect(candidates[0].widths == [48, 64, 96] && candidates[0].levels == base.noise.levels)
    let others = candidates.dropFirst()
    let rates = Dictionary(grouping: others) { $0.learningRate }.mapValues(\.count)
    #expect(rates.count == 5 && rates.values.allSatisfy { (2...4).contains($0) })
    #expect(Set(others.map(\.widths)) == [[32, 40, 64], [48, 64, 96], [64, 88, 128]])
    #expect(Set(others.map(\.levels)).count == 6)
    #expect(TuningCandidate.drawn(around: base, count: 16) == candidates)
    #expect(TuningCandidate.drawn(around: base, count: 16, seed: 1) != candidates)
    // A longer list begins with a shorter one's.
    #expect(TuningCandidate.drawn(around: base, count: 4) == Array(candidates.prefix(4)))
  }

  /// Each preset's networks can be built at every width.
  @Test(arguments: Preset.allCases)
  func widthsCanBeBuilt(_ preset: Preset) throws {
    for candidate in TuningCandidate.drawn(around: TrainingConfiguration(preset: preset), count: 8)
    {
      var configuration = preset.network(labelCount: 0)
      configuration.widths = candidate.widths
      // Building checks the sizes first; these small ones are quick to build.
      if preset == .draft {
        _ = try UNet(ParameterStore(seed: 0).root, configuration: configuration)
      }
      #expect(candidate.widths.allSatisfy { $0 % 8 == 0 })
      #expect(candidate.widths.count == configuration.widths.count)
      #expect(candidate.widths[candidate.widths.count - 1] % configuration.headWidth == 0)
    }
  }
}

extension TrainerTests {
  @Suite struct TunerTests {
    /// Of runs of the fewest steps, however long these take.
    private let short = SuccessiveHalving(candidates: 4, seconds: 0)

    /// A whole search on a few tones: rounds of longer runs, the default in each, the best of the last
    /// as the outcome.
    @Test func searchesByHalves() throws {
      try withDataset(files: 6) { dataset in
        var base = TrainingConfiguration(preset: .draft)
        (base.batchSize, base.seed, base.widths) = (2, 3, [16, 24, 32])
        let tuner = try Tuner(
          base, on: dataset, budget: Budget(seconds: 1), search: short, device: .cpu,
          precision: .float32)
        var runs: [Int] = []
        let outcome = try #require(
          try tuner.run(onRound: {
            runs.append($1)
            _ = ($0, $2)
          }))
        let rounds = tuner.search.rounds
        #expect(runs.count == rounds)
        for round in 0..<rounds {
          let results = tuner.results.filter { $0.round == round }
          #expect(results.count == runs[round])
          #expect(results.count <= tuner.search.runs(inRound: round))
          #expect(results.contains { $0.candidate == tuner.standard })
          #expect(results.allSatisfy { $0.steps >= SuccessiveHalving.leastSteps })
          guard round > 0 else { continue }
          // The better half went on.
          let before = tuner.results.filter { $0.round == round - 1 }.sorted { $0.loss < $1.loss }
          let better = before.prefix(tuner.search.candidates >> round).map(\.candidate)
          #expect(Set(better).union([tuner.standard]) == Set(results.map(\.candidate)))
        }
        let last = tuner.results.filter { $0.round == rounds - 1 }
        #expect(outcome.best.loss == last.map(\.loss).min())
        #expect(outcome.base.candidate == tuner.standard && outcome.base.round == rounds - 1)
        #expect(outcome.best.loss < 1 && outcome.best.loss <= outcome.base.loss)
      }
    }

    /// Where the first round has used up the time, the second, whose runs would be shorter, is left out.
    @Test func shorterRunsDoNotDecide() throws {
      try withDataset(files: 6) { dataset in
        var base = TrainingConfiguration(preset: .draft)
        (base.batchSize, base.seed, base.widths) = (2, 3, [16, 24, 32])
        let tuner = try Tuner(
          base, on: dataset, budget: Budget(seconds: 0.1),
          search: SuccessiveHalving(candidates: 4, seconds: 0.2), device: .cpu, precision: .float32)
        let outcome = try #require(try tuner.run())
        #expect(tuner.results.count == 4 && tuner.results.allSatisfy { $0.round == 0 })
        #expect(outcome.best.loss == tuner.results.map(\.loss).min())
        #expect(outcome.base.candidate == tuner.standard)
      }
    }

    /// Stopped in the second round, what the first one found counts; in the first, nothing does.
    @Test func stopsWithWhatIsKnown() throws {
      try withDataset(files: 6) { dataset in
        var base = TrainingConfiguration(preset: .draft)
        (base.batchSize, base.seed, base.widths) = (2, 3, [16, 24, 32])
        let tuner = try Tuner(
          base, on: dataset, budget: Budget(seconds: 1), search: short, device: .cpu,
          precision: .float32)
        var round = -1
        let outcome = try #require(
          try tuner.run(onRound: { number, _, _ in round = number }, shouldStop: { round == 1 }))
        #expect(outcome.best.round == 0 && outcome.base.round == 0)
        #expect(outcome.best.loss == tuner.results.map(\.loss).min())
        let other = try Tuner(
          base, on: dataset, budget: Budget(seconds: 1), search: short, device: .cpu,
          precision: .float32)
        #expect(try other.run(shouldStop: { true }) == nil)
      }
    }

    @Test func whatCannotBeTunedIsAnError() throws {
      let base = TrainingConfiguration(preset: .draft)
      _ = try withDataset { dataset in
        #expect(throws: ModelError.nothingToTuneOn(dataset.path)) {
          try Tuner(
            base, on: dataset, budget: Budget(seconds: 100), device: .cpu, precision: .float32)
        }
      }
      try withDataset(files: 6) { dataset in
        do {
          _ = try Tuner(
            base, on: dataset, budget: Budget(seconds: 0.5), device: .cpu, precision: .float32)
          Issue.record("half a second was enough")
        } catch ModelError.budgetTooSmall(let seconds, let needed) {
          #expect(seconds == 0.5 && needed > 0.5)
        }
      }
    }
  }
}
