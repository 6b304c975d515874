import Foundation
import MusicDiffusion
import Testing
import Torch

@Suite struct BudgetTests {
  @Test func readsTimes() {
    for (text, seconds) in [
      ("2h", 7200.0), ("30m", 1800), ("1.5d", 129_600), ("90s", 90), ("1h30m", 5400), (".5h", 1800),
    ] {
      #expect(Budget(text)?.seconds == seconds, "\(text)")
    }
    for text in [
      "", "2", "h", "2 h", "2h3", "-2h", "0s", "1e3s", "nan", "2x", "2hh", "4000d", "٣h",
    ] {
      #expect(Budget(text) == nil, "\(text)")
    }
  }

  /// All of it is planned but 5 %, and the run ends by the clock when the budget is over.
  @Test(arguments: [
    (7200.0, 10.0, 1.0, 20.0), (60, 5, 0.02, 1), (86400, 100, 0.5, 15), (600, 0, 3, 30),
  ])
  func lengthFillsTheBudget(
    _ seconds: Double, _ spent: Double, _ step: Double, _ checkpoint: Double
  )
    throws
  {
    let length = try #require(
      Budget(seconds: seconds).length(
        spent: spent, secondsPerStep: step, secondsPerCheckpoint: checkpoint))
    let checkpoints = (length.steps + length.saveInterval - 1) / length.saveInterval
    let planned = spent + Double(length.steps) * step + Double(checkpoints) * checkpoint
    #expect(planned <= 0.95 * seconds)
    #expect(planned > 0.95 * seconds - step - checkpoint - 0.01 * seconds)
    #expect((1...24).contains(checkpoints))
    #expect(checkpoints == 1 || Double(checkpoints) * checkpoint <= 0.05 * seconds)
    // By the clock: steps that take longer end within the budget.
    #expect(
      abs(spent + length.hours * 3600 + Double(checkpoints) * checkpoint - seconds) < 1e-6 * seconds
    )
    #expect(length.hours * 3600 > Double(length.steps) * step)
  }

  @Test func givenIntervalIsKept() throws {
    let length = try #require(
      Budget(seconds: 1000).length(
        spent: 50, secondsPerStep: 1, secondsPerCheckpoint: 10, saveInterval: 100))
    #expect(length.saveInterval == 100)
    // Eight whole intervals and their checkpoints are 880 of the 900 s; ten steps and a last one fit.
    #expect(length.steps == 810)
  }

  @Test func whatDoesNotFitIsNil() {
    #expect(
      Budget(seconds: 60).length(spent: 50, secondsPerStep: 1, secondsPerCheckpoint: 8) == nil)
    #expect(
      Budget(seconds: 60).length(spent: 70, secondsPerStep: 1, secondsPerCheckpoint: 1) == nil)
  }

  @Test func presetFollowsFromDataMachineAndTime() {
    func choice(
      _ glance: DatasetGlance, _ text: String, gpu: Bool = false, _ clips: [Preset: Double]
    ) -> Preset? {
      var asked: [Preset] = []
      let choice = Budget(text)?.preset(for: glance, hasGPU: gpu) {
        asked.append($0)
        return clips[$0] ?? 0
      }
      #expect(Set(asked).isSubset(of: clips.keys))
      #expect(choice?.reason.isEmpty == false)
      return choice?.preset
    }
    let songs = DatasetGlance(medianSeconds: 200, stereoShare: 1)
    // 2 h of 7 windows a second are 50,400.
    #expect(choice(songs, "2h", [.standard: 7]) == .standard)
    #expect(choice(songs, "30m", [.standard: 7]) == .draft)
    #expect(choice(songs, "1m", gpu: true, [.studio: 150, .standard: 1000]) == .standard)
    #expect(choice(songs, "2h", gpu: true, [.studio: 20]) == .studio)
    let mono = DatasetGlance(medianSeconds: 200, stereoShare: 0.2)
    #expect(choice(mono, "2h", gpu: true, [.standard: 500]) == .standard)
    // Short sounds need no measuring; nor does what was prepared for one preset alone.
    #expect(choice(DatasetGlance(medianSeconds: 0.4, stereoShare: 1), "1m", [:]) == .oneshots)
    let prepared = DatasetGlance(presets: [.studio], medianSeconds: 0.4, stereoShare: 1)
    #expect(choice(prepared, "1m", [:]) == .studio)
    let both = DatasetGlance(presets: [.standard, .draft], medianSeconds: 1, stereoShare: 0)
    #expect(choice(both, "1m", [.standard: 7]) == .draft)
  }

  @Test func batchGrowsWhileItPays() {
    func size(
      _ text: String, available: Double? = nil, _ secondsPerStep: [Int: Double]
    ) -> Int? {
      Budget(text)?.batchSize(
        spent: 0, memory: { Double($0) * 1e8 }, available: available,
        secondsPerStep: { secondsPerStep[$0] }
      )?.size
    }
    // A processor: twice the batch takes twice the time.
    #expect(size("2h", [8: 1, 16: 1.95, 32: 3.9]) == 8)
    // A GPU that 32 windows fill.
    let gpu = [4: 0.1, 8: 0.1, 16: 0.105, 32: 0.12, 64: 0.24]
    #expect(size("2h", gpu) == 32)
    // Little time: 2000 updates are to be left.
    #expect(size("3m", gpu) == 4)
    #expect(size("220s", gpu) == 16)
    // Little memory, known or found out.
    #expect(size("2h", available: 4e9, gpu) == 16)
    #expect(size("2h", [8: 0.1, 16: 0.105]) == 16)
    #expect(size("2h", [:]) == nil)
  }
}

/// From a time, the files and speeds that are given to the preset, the batch and the steps.
@Suite struct BudgetFitTests {
  /// A machine that takes as long for a step and for a window without learning, with 3 M parameters.
  private struct Machine {
    var step: @Sendable (_ batchSize: Int) -> Double
    var evaluation: Double
    /// The largest batch that fits.
    var limit = Int.max

    func speed(_ configuration: TrainingConfiguration) throws -> MeasuredSpeed {
      if configuration.batchSize > limit {
        throw TorchError.outOfMemory("step", message: "8 GB", shapes: [])
      }
      return MeasuredSpeed(
        secondsPerStep: step(configuration.batchSize), clipsPerStep: configuration.clipsPerStep,
        secondsPerEvaluation: evaluation, parameterCount: 3_000_000)
    }
  }

  /// 10 windows a second, whatever the batch.
  private let processor = Machine(step: { 0.1 * Double($0) }, evaluation: 0.02)
  /// That 32 windows fill.
  private let gpu = Machine(step: { 0.1 + max(0, Double($0) - 32) * 0.01 }, evaluation: 0.001)

  private func fit(
    _ seconds: Double, _ machine: Machine, labels: Int = 0, hasHeldOut: Bool = true,
    batchSize: Int? = nil, saveInterval: Int? = nil, available: Double? = nil
  ) throws -> Budget.Fit {
    var clock = 0.0
    // Each batch takes 10 s to measure.
    func measure(_ configuration: TrainingConfiguration) throws -> MeasuredSpeed {
      clock += 10
      return try machine.speed(configuration)
    }
    return try Budget(seconds: seconds).fit(
      TrainingConfiguration(preset: .draft), batchSize: batchSize, saveInterval: saveInterval,
      to: Budget.Material(
        representation: Preset.draft.representation, labels: labels, hasHeldOut: hasHeldOut),
      valueBytes: 4, available: available, spent: { clock }, measure: measure)
  }

  /// With a preset's and a machine's speeds all else is arithmetic: 95 % of the budget, less 10 s for each
  /// batch that is measured, filled with steps and with checkpoints of 6.6458 s on the processor (256
  /// evaluations of 0.02 s, 36 to draw, 0.4458 s to invert 2.972 s, 0.1 s, and 78 MB at 300 MB/s) and
  /// 1.0978 s on the GPU, at most 24 and a twentieth of the time.
  @Test func everythingFollowsFromTheSpeed() throws {
    func expect(
      _ fit: Budget.Fit, _ batch: Int, _ steps: Int, _ interval: Int, _ hours: Double,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let found = fit.configuration
      #expect(found.batchSize == batch, sourceLocation: sourceLocation)
      #expect(found.steps == steps, sourceLocation: sourceLocation)
      #expect(found.saveInterval == interval, sourceLocation: sourceLocation)
      #expect(abs((found.hours ?? 0) - hours) < 1e-9, sourceLocation: sourceLocation)
      #expect(found.warmUpSteps == min(100, steps / 10), sourceLocation: sourceLocation)
      #expect(fit.speed.clipsPerStep == batch, sourceLocation: sourceLocation)
    }
    // 8 and 16 are measured, the latter is no faster.
    expect(try fit(7200, processor), 8, 8325, 347, 1.9501389569161)
    // 8 to 64 are measured.
    expect(try fit(7200, gpu), 32, 67736, 2823, 1.9815700680272)
    // Fewer than 2000 steps of 8: 4 in place of it, measured after it.
    let short = try fit(600, processor)
    expect(short, 4, 1308, 327, 0.1537268631897)
    #expect(short.batchReason == "small, for more steps in little time")
    // What does not fit into memory is measured, what half of the free memory cannot hold is not.
    var small = gpu
    small.limit = 16
    expect(try fit(7200, small), 16, 67836, 2827, 1.9843478458050)
    let full = try fit(7200, gpu, available: 1)
    #expect(full.configuration.batchSize == 8)
    // What is given is taken.
    let given = try fit(7200, processor, batchSize: 12)
    expect(given, 12, 5558, 232, 1.9529167346939)
    #expect(given.batchReason == "as asked for")
    expect(try fit(7200, processor, saveInterval: 1000), 8, 8450, 1000, 1.9778298866213)
    // Four sounds in place of one, each in twice the evaluations; no loss on held-out files.
    expect(try fit(7200, processor, labels: 10), 8, 8134, 339, 1.9076224943311)
    expect(try fit(7200, processor, hasHeldOut: false), 8, 8479, 354, 1.9842722902494)
  }

  /// Two batches that are measured, a step and a checkpoint, in 95 % of the time.
  @Test func whatIsTooLittleSaysWhatIsNot() throws {
    do {
      _ = try fit(5, processor)
      Issue.record("5 s were enough")
    } catch ModelError.budgetTooSmall(let seconds, let needed) {
      #expect(seconds == 5 && abs(needed - 28.4692875044755) < 1e-9)
    }
  }
}

@Suite(.serialized) struct PlanTests {
  /// Steps that are left, however the run is limited, and the checkpoints among them.
  @Test func countsWhatIsLeft() throws {
    try withDataset { dataset in
      let speed = MeasuredSpeed(
        secondsPerStep: 0.5, clipsPerStep: 8, secondsPerEvaluation: 0.01, parameterCount: 800_000)
      #expect(speed.clipsPerSecond == 16)
      func plan(
        steps: Int? = nil, hours: Double? = nil, done: (Int, Double) = (0, 0)
      ) -> TrainingPlan {
        var configuration = TrainingConfiguration(preset: .draft)
        (configuration.steps, configuration.hours) = (steps, hours)
        configuration.saveInterval = 100
        return TrainingPlan(
          configuration, on: dataset, speed, precision: .float32, done: done)
      }
      for (plan, steps, checkpoints) in [
        (plan(steps: 250), 250, 3), (plan(steps: 300), 300, 3), (plan(hours: 0.05), 360, 4),
        (plan(steps: 250, hours: 0.05), 250, 3), (plan(steps: 500, hours: 0.05), 360, 4),
        (plan(steps: 250, done: (120, 60)), 130, 2), (plan(hours: 0.05, done: (120, 60)), 240, 3),
        (plan(steps: 100, done: (100, 50)), 0, 0),
      ] {
        #expect(plan.steps == steps && plan.secondsOfSteps == Double(steps) / 2)
        #expect(plan.checkpoints == checkpoints || plan.steps == 0)
        #expect(
          plan.seconds == plan.secondsOfSteps + Double(plan.checkpoints) * plan.secondsOfCheckpoint)
      }
    }
  }

  /// What is measured is of this network, and a run that follows is the same as one without it.
  @Test func measuringChangesNothing() throws {
    try withDataset { dataset in
      try withTemporaryFolder { folder in
        _ = try trainer(folder / "before", dataset, steps: 3) { $0.dropout = 0.1 }.run()
        var configuration = TrainingConfiguration(preset: .draft)
        (configuration.steps, configuration.batchSize) = (1, 4)
        let speed = try MeasuredSpeed(
          of: configuration, on: dataset, device: .cpu, precision: .float32)
        #expect(speed.secondsPerStep > 0 && speed.clipsPerStep == 4)
        #expect(speed.secondsPerEvaluation > 0)
        // Without the gradients a window takes less time.
        #expect(speed.secondsPerEvaluation * 4 < speed.secondsPerStep)
        let again = try trainer(folder / "after", dataset, steps: 3) { $0.dropout = 0.1 }
        #expect(speed.parameterCount == again.parameterCount)
        _ = try again.run()
        try expectEqualRuns(folder / "before", folder / "after")
      }
    }
  }

  /// The rule says within three tenths what training takes beside the process itself: batches of 24
  /// windows, of which each needs some 10 MB in float32.
  @Test func memoryIsAsTheRuleSays() async {
    await #expect(processExitsWith: .success) {
      try withDataset { dataset in
        try withTemporaryFolder { folder in
          let before = peakMemory()
          let trainer = try trainer(folder, dataset, steps: 3) { $0.batchSize = 160 }
          _ = try trainer.run()
          let rule = TrainingMemory(
            trainer.state.model.network, parameterCount: trainer.parameterCount, frames: 32,
            valueBytes: 4)
          // Four maps of each window, in the batch that is trained on and the four that wait.
          let batches = 160.0 * 5 * 4 * 128 * 32 * 4
          let (expected, found) = (160 * rule.perClip + batches, peakMemory() - before)
          #expect(
            abs(found - expected) < 0.3 * expected, "\(found / 1e6) MB of \(expected / 1e6) MB")
        }
      }
    }
  }
}

/// Of this process so far, in bytes, without what is mapped from files.
private func peakMemory() -> Double {
  let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
  func value(_ name: String) -> Double {
    let line = status.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
    return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) } ?? 0
  }
  return 1024 * (value("VmHWM:") - value("RssFile:"))
}
