import ArgumentParser
import Foundation
import MusicDiffusion
import Terminal
import Torch

struct Tune: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune",
    abstract: DiffusionCommand.tune.abstract,
    discussion: """
      Tries learning rates, widths of the network and noise levels in short runs, all with the same \
      seed and data, and compares their loss on held-out files. The better half goes on to runs of \
      twice the length, until two are left; the default stays in until the end. What was best goes \
      into a JSON file that compose train takes.

      Short runs tell little of long ones: give it a tenth or more of the time that training will \
      have. A wider network, above all, pays in longer runs than these.

      Examples:
        compose tune my-loops --budget 1h
        compose train my-loops --config my-loops-tuned.json --hours 8
      """)

  @Argument(
    help: "Folder of at least ten audio files. Or what compose dataset prepare made of it.")
  var dataset: String

  @Option(
    name: .shortAndLong, help: "File for the settings. Default: the dataset's name + -tuned.json.")
  var output: String?

  @Flag(help: "Replace the file if it exists.")
  var overwrite = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Time for everything, such as 30m, 2h or 1h30m. Default: 1h.", valueName: "time"),
    transform: readBudget)
  var budget: Budget?

  @Option(help: "\(Preset.allCases.map(\.rawValue).joined(separator: ", ")). Default: standard.")
  var preset: Preset?

  @Option(
    help: ArgumentHelp(
      "JSON file of settings to start from and to keep but for what is tuned.", valueName: "file"))
  var config: String?

  @Option(parsing: .unconditional, help: "Windows of audio in one step. Default: 8.")
  var batchSize: Int?

  @Option(
    parsing: .unconditional,
    help: "Decides what is tried, and all that is random in the runs. Default: 0.")
  var seed: UInt64?

  @Option(
    parsing: .unconditional,
    help:
      "Part of the files that is kept from training, 0 to 0.5, to measure the loss on. Default: 0.05."
  )
  var heldOut: Double?

  @OptionGroup var compute: ComputeOptions

  func validate() throws {
    func check(_ holds: Bool, _ message: String) throws {
      if !holds { throw ValidationError(message) }
    }
    try check(batchSize.map { (1...4096).contains($0) } ?? true, "--batch-size must be 1 to 4096.")
    try check(heldOut.map { (0...0.5).contains($0) } ?? true, "--held-out must be 0 to 0.5.")
  }

  func run() throws {
    let start = ContinuousClock.now
    let (device, precision) = try compute.resolved()
    let path =
      output
      ?? URL(fileURLWithPath: dataset, isDirectory: true).standardizedFileURL.lastPathComponent
      + "-tuned.json"
    guard overwrite || !FileManager.default.fileExists(atPath: path) else {
      throw CommandError.exists(path)
    }
    try makeFolder(of: path)
    let file = try config.map { try SettingsFile($0) }
    var settings =
      try file?.configuration(preset: preset) ?? TrainingConfiguration(preset: preset ?? .standard)
    settings.batchSize = batchSize ?? settings.batchSize
    settings.seed = seed ?? settings.seed
    settings.heldOut = heldOut ?? settings.heldOut ?? 0.05
    try file?.checkEffects(in: settings)
    // The file's are for the run that it is tuned for.
    let length = (settings.steps, settings.hours)
    (settings.steps, settings.hours) = (nil, nil)
    let interruption = Interruption()
    let data = try loadDataset(
      dataset, settings.representation, heldOut: settings.heldOut ?? 0, interruption: interruption)
    report(data)

    Terminal.progress("measuring this machine")
    let tuner = try Tuner(
      settings, on: data, budget: budget ?? Budget(seconds: 3600),
      spent: start.duration(to: .now) / .seconds(1), device: device, precision: precision)
    let line = ProgressLine(quietInterval: 30)
    let outcome = try tuner.run(
      onRound: { round, runs, seconds in
        line.finish()
        Terminal.result(
          "round \(round + 1) of \(tuner.search.rounds): \(runs) runs of \(duration(seconds)) each")
        if round == 0 { Terminal.result(Row.title) }
      },
      onResult: { result in
        line.finish()
        Terminal.result(Row.text(result, isDefault: result.candidate == tuner.standard))
      },
      onStep: { line.update(describe($0)) },
      shouldStop: { interruption.isRequested })
    line.finish()
    guard let outcome else { throw CommandError.nothingTuned }
    let kept = TuningCandidate.keys.union(["preset", "batchSize", "heldOut", "seed"]).union(
      file?.keys ?? [])
    (settings.steps, settings.hours) = length
    try SettingsFile.write(outcome.best.candidate.applied(to: settings), keys: kept, to: path)
    Terminal.result(summary(outcome))
    Terminal.result("train:   compose train \(dataset) --config \(path)")
  }

  private func describe(_ progress: Tuner.Progress) -> String {
    "round \(progress.round + 1)/\(progress.rounds)  run \(progress.run + 1)/\(progress.runs)  step "
      + "\(progress.steps)/\(progress.stepsOfRun)  \(duration(progress.secondsLeft)) left"
  }

  private func summary(_ outcome: (best: Tuner.Result, base: Tuner.Result)) -> String {
    guard outcome.best.candidate != outcome.base.candidate else {
      return String(
        format: "the default was best, with a held-out loss of %.4f", outcome.base.loss)
    }
    return String(
      format: "best: a held-out loss of %.4f, where the default has %.4f after as long a run",
      outcome.best.loss, outcome.base.loss)
  }
}

/// A line of the table of runs.
private enum Row {
  private static let columns = [13, 17, 20, 7]

  static let title = line(["learning rate", "widths", "noise levels", "steps", "held-out loss"])

  static func text(_ result: Tuner.Result, isDefault: Bool) -> String {
    let candidate = result.candidate
    let loss = result.loss.isFinite ? String(format: "%.4f", result.loss) : "diverged"
    return line([
      String(format: "%g", candidate.learningRate),
      candidate.widths.map(String.init).joined(separator: "/"), name(candidate.levels),
      "\(result.steps)", loss + (isDefault ? "  (the default)" : ""),
    ])
  }

  private static func line(_ cells: [String]) -> String {
    let padded = zip(cells, columns).map { cell, width in
      cell.padding(toLength: max(width, cell.count), withPad: " ", startingAt: 0)
    }
    return "  " + (padded + cells.dropFirst(columns.count)).joined(separator: "  ")
  }

  private static func name(_ levels: NoiseDistribution) -> String {
    switch levels {
    case .logNormal(let mean, let deviation), .logitNormal(let mean, let deviation):
      "\(levels.kind.rawValue) \(String(format: "%g %g", mean, deviation))"
    case .laplace(let mean, let scale):
      "\(levels.kind.rawValue) \(String(format: "%g %g", mean, scale))"
    case .cosine, .linear: levels.kind.rawValue
    }
  }
}
