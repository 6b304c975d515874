public import ArgumentParser
import Audio
import Corpus
import Foundation
public import MusicDiffusion
import Terminal
import Torch

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: DiffusionCommand.train.abstract,
    discussion: """
      Sub-folders become labels that `compose generate --label` takes. The model folder holds the \
      model from the first checkpoint on, and samples/ with sound and pictures of what it makes. \
      Ctrl-C saves and ends; --resume goes on where a run stopped, exactly.

      Presets:
      \(Preset.allCases.map { "  \($0.rawValue): \($0.summary)" }.joined(separator: "\n"))

      Examples:
        compose train my-loops                      two hours, then compose generate
        compose train kicks --preset oneshots --hours 4
        compose train my-loops --resume --hours 8   go on to eight hours in all
      """)

  @Argument(
    help:
      "Folder of audio files; sub-folders are labels. Or what compose dataset prepare made of it.")
  var dataset: String

  @Option(name: .shortAndLong, help: "Folder for the model. Default: the dataset's name + -model.")
  var output: String?

  @Option(help: "\(Preset.allCases.map(\.rawValue).joined(separator: ", ")). Default: standard.")
  var preset: Preset?

  @Option(
    parsing: .unconditional, help: "Length of the whole run in updates of the weights.")
  var steps: Int?

  @Option(
    help: "Length of the whole run in hours of training steps. Default: 2, unless --steps is given."
  )
  var hours: Double?

  @Option(help: "Windows of audio in one step. Default: 8.")
  var batchSize: Int?

  @Option(help: "Highest learning rate. Default: 0.0006.")
  var learningRate: Double?

  @OptionGroup var noise: NoiseOptions

  @Option(
    help: ArgumentHelp(
      """
      What log-mel values are to the network: per-bin, by the mean and deviation of each mel bin, or linear, \
      tanh or logit between silence and full scale. Default: per-bin.
      """, valueName: "values"))
  var values: ValueTransform?

  @Option(help: "Decides the first weights and all that is random. Default: 0.")
  var seed: UInt64?

  @Option(
    help: ArgumentHelp(
      "What may be done to clips to make more of them: none, or some of "
        + Augmentation.Kind.allCases.map(\.rawValue).joined(separator: ",")
        + ". Default: gain,pitch,time; gain for draft.", valueName: "kinds"),
    transform: readAugmentation)
  var augment: Augmentation?

  @Option(
    help:
      "Part of the files that is kept from training, 0 to 0.5, to measure the loss on. Default: 0.05."
  )
  var heldOut: Double?

  @Option(help: "Steps between two checkpoints, with samples. Default: 250.")
  var saveEvery: Int?

  @Option(
    help: ArgumentHelp(
      "Batches whose gradients make one update, in the memory of one. Default: 1.",
      valueName: "batches"))
  var accumulate: Int?

  @Option(
    help: ArgumentHelp(
      """
      End when the loss on held-out files has not improved in this many checkpoints, and keep the model \
      that was best on them.
      """, valueName: "checkpoints"))
  var patience: Int?

  @Flag(help: "Go on with the run in --output.")
  var resume = false

  @Option(help: "CPU threads. Default: all cores.")
  var threads: Int?

  @OptionGroup var compute: ComputeOptions

  func validate() throws {
    func check(_ holds: Bool, _ message: String) throws {
      if !holds { throw ValidationError(message) }
    }
    try check(steps.map { (1...1_000_000_000).contains($0) } ?? true, "--steps must be at least 1.")
    try check(
      hours.map { $0 > 0 && $0 <= 100_000 } ?? true, "--hours must be more than 0, at most 100000.")
    try check(batchSize.map { (1...4096).contains($0) } ?? true, "--batch-size must be 1 to 4096.")
    try check(
      learningRate.map { $0 > 0 && $0 <= 1 } ?? true, "--learning-rate must be in 0 to 1.")
    try check(
      saveEvery.map { (1...1_000_000_000).contains($0) } ?? true, "--save-every must be at least 1."
    )
    try check(accumulate.map { (1...1024).contains($0) } ?? true, "--accumulate must be 1 to 1024.")
    try check(
      patience.map { (1...1_000_000).contains($0) } ?? true, "--patience must be at least 1.")
    try check(heldOut.map { (0...0.5).contains($0) } ?? true, "--held-out must be 0 to 0.5.")
    try check(threads.map { (1...1024).contains($0) } ?? true, "--threads must be 1 to 1024.")
  }

  func run() throws {
    if let threads { try setThreadCount(threads) }
    let (device, precision) = try compute.resolved()
    let folder = URL(fileURLWithPath: output ?? defaultOutput, isDirectory: true)
    let settings = try resume ? resumedSettings(in: folder) : newSettings(in: folder)
    try makeFolder(of: folder.path)
    let interruption = Interruption()
    let data = try loadDataset(
      settings.representation, heldOut: settings.heldOut ?? 0, interruption: interruption)
    let trainer = try Trainer(
      folder: folder, dataset: data, configuration: settings, device: device,
      precision: precision, resume: resume)
    report(trainer, data, device, precision)
    try listSkipped(data, in: folder)

    let line = ProgressLine(quietInterval: 30)
    if resume { attempt("samples", line) { try trainer.drawMissingSamples() } }
    let outcome = try trainer.run(
      onStep: { line.update(describe($0)) },
      onEvaluate: {
        line.finish()
        Terminal.note(describe($0))
      },
      onRecover: {
        line.finish()
        Terminal.note(describe($0))
      },
      onSave: { _ in
        attempt("samples", line) { try trainer.drawSamples() }
        attempt("report", line) { try trainer.writeReport() }
      },
      shouldStop: { interruption.isRequested })
    line.finish()
    // With how the run ended.
    attempt("report", line) { try trainer.writeReport() }
    if outcome == .stoppedEarly, let evaluations = trainer.state.evaluations {
      Terminal.result(
        "stopped early: no better held-out loss in \(evaluations.sinceBest) checkpoints; the model is "
          + "that of step \(evaluations.best.step)")
    }
    Terminal.result(
      "\(outcome == .interrupted ? "stopped at" : "trained") step \(trainer.savedStep ?? 0): "
        + folder.relativePath)
    if outcome == .interrupted, trainer.savedStep != trainer.state.steps {
      Terminal.result(
        "the steps up to \(trainer.state.steps) are not kept: their loss was exploding")
    }
    if outcome == .interrupted {
      Terminal.result("go on:    compose train \(dataset) --output \(folder.relativePath) --resume")
    }
    Terminal.result("generate: compose generate --model \(folder.relativePath) --seconds 30")
  }

  /// Does what a run can go on without.
  private func attempt(_ name: String, _ line: ProgressLine, _ body: () throws -> Void) {
    do {
      try body()
    } catch {
      line.finish()
      Terminal.note("no \(name) at this checkpoint: \(error)")
    }
  }

  private func newSettings(in folder: URL) throws -> TrainingConfiguration {
    try Trainer.checkHasNoModel(folder)
    var settings = TrainingConfiguration(preset: preset ?? .standard)
    settings.values = values
    settings.batchSize = batchSize ?? settings.batchSize
    settings.learningRate = learningRate ?? settings.learningRate
    settings.seed = seed ?? settings.seed
    settings.noise = noise.process
    settings.augmentation = augment ?? settings.augmentation
    settings.heldOut = heldOut ?? 0.05
    settings.accumulation = accumulate.flatMap { $0 > 1 ? $0 : nil }
    settings.patience = patience
    settings.steps = steps
    settings.saveInterval = saveEvery ?? settings.saveInterval
    settings.hours = hours ?? (steps == nil ? 2 : nil)
    return settings
  }

  /// As the run began, with a new length if one is given; what cannot change must not be given anew.
  private func resumedSettings(in folder: URL) throws -> TrainingConfiguration {
    var settings = try TrainingState.saved(in: folder).configuration
    func keep<T: Equatable>(_ option: String, _ given: T?, _ saved: T) throws {
      guard let given, given != saved else { return }
      throw ModelError.otherRun(
        folder.relativePath, reason: "\(option) was \(saved) and cannot become \(given)")
    }
    try keep("--preset", preset, settings.preset)
    try keep("--values", values?.option, settings.representation.values.option)
    try keep("--batch-size", batchSize, settings.batchSize)
    try keep("--accumulate", accumulate, settings.accumulation ?? 1)
    try keep("--seed", seed, settings.seed)
    try keep("--prediction", noise.prediction?.rawValue, settings.noise.prediction.rawValue)
    try keep("--noise-levels", noise.noiseLevels?.rawValue, settings.noise.levels.kind.rawValue)
    try keep("--noise", noise.noise?.rawValue, settings.noise.shape.rawValue)
    try keep("--held-out", heldOut, settings.heldOut ?? 0)
    try keep("--augment", augment?.name, (settings.augmentation ?? .none).name)
    if steps != nil || hours != nil { (settings.steps, settings.hours) = (steps, hours) }
    settings.learningRate = learningRate ?? settings.learningRate
    settings.saveInterval = saveEvery ?? settings.saveInterval
    settings.patience = patience ?? settings.patience
    return settings
  }

  private var defaultOutput: String {
    URL(fileURLWithPath: dataset, isDirectory: true).standardizedFileURL.lastPathComponent
      + "-model"
  }

  private func loadDataset(
    _ representation: Representation, heldOut: Double, interruption: Interruption
  ) throws -> Dataset {
    let url = URL(fileURLWithPath: dataset, isDirectory: true)
    let data =
      try PreparedSet.isPrepared(url)
      ? Dataset(prepared: url, representation: representation, heldOut: heldOut)
      : prepare(representation, heldOut: heldOut, interruption: interruption)
    for skipped in data.skipped.prefix(10) {
      Terminal.note("skipped \(skipped.path): \(skipped.reason)")
    }
    if data.skippedCount > 10 {
      Terminal.note(
        "skipped \(data.skippedCount - 10) more, listed in skipped.txt in the model's folder")
    }
    if data.skipped.contains(where: \.isTooShort) {
      Terminal.note("(--preset oneshots takes short clips too, and fills them up with silence)")
    }
    return data
  }

  private func prepare(
    _ representation: Representation, heldOut: Double, interruption: Interruption
  ) throws -> Dataset {
    let folder = try AudioFolder(dataset)
    return try withProgress { line in
      try Dataset(folder: folder, representation: representation, heldOut: heldOut) {
        done, all in
        line.update("reading audio: \(done) of \(all) files")
      } check: {
        if interruption.isRequested { throw CommandError.interrupted }
      }
    }
  }

  private func listSkipped(_ data: Dataset, in folder: URL) throws {
    let more = data.skippedCount - data.skipped.count
    let lines =
      data.skipped.map { "\($0.path): \($0.reason)\n" }.joined()
      + (more > 0 ? "and \(more) more that are too short\n" : "")
    try writeAtomically(Data(lines.utf8), to: folder.appendingPathComponent("skipped.txt"))
  }

  private func withProgress<R>(_ body: (SharedProgressLine) throws -> R) rethrows -> R {
    let line = SharedProgressLine()
    defer { line.finish() }
    return try body(line)
  }

  private func report(_ trainer: Trainer, _ data: Dataset, _ device: Device, _ precision: DType) {
    let hours = data.seconds / 3600
    let time =
      hours < 1 ? String(format: "%.1f minutes", hours * 60) : String(format: "%.2f hours", hours)
    Terminal.result("data:    \(data.fileCount) files, \(time), \(data.skippedCount) skipped")
    if let heldOut = data.heldOut {
      Terminal.result(
        "held out: \(heldOut.fileCount) files, \(String(format: "%.1f", heldOut.seconds / 60)) minutes"
      )
    }
    if !data.labels.isEmpty {
      let counts = data.labels.indices.map { label in
        let heldOut = data.heldOut?.filesOfLabels[label] ?? 0
        return "\(data.labels[label]) \(data.training.filesOfLabels[label] + heldOut)"
      }
      Terminal.result("labels:  \(counts.joined(separator: ", "))")
    }
    let size = String(format: "%.1f", Double(trainer.parameterCount) / 1e6)
    Terminal.result(
      "model:   \(trainer.state.model.preset), \(size) M parameters, on \(device) in \(precision)")
    let configuration = trainer.state.configuration
    let limits = [
      configuration.steps.map { "\($0) steps" },
      configuration.hours.map { String(format: "%g hours", $0) },
    ].compactMap { $0 }
    let batches =
      "batches of \(configuration.batchSize)"
      + (configuration.accumulation.map { ", \($0) to an update" } ?? "")
    let from = trainer.state.steps > 0 ? "from step \(trainer.state.steps) " : ""
    Terminal.result(
      "run:     \(from)to \(limits.joined(separator: " or ")), \(batches)"
    )
  }

  private func describe(_ progress: Trainer.Progress) -> String {
    let step = progress.steps.map { "step \(progress.step)/\($0)" } ?? "step \(progress.step)"
    return step
      + String(
        format: "  loss %.4f  %.1f clips/s  %@ left", progress.loss, progress.clipsPerSecond,
        duration(progress.secondsLeft))
  }

  private func describe(_ evaluations: Evaluations) -> String {
    let last = evaluations.last
    let note =
      evaluations.sinceBest == 0
      ? "the best so far"
      : String(format: "best %.4f at step %d", evaluations.best.mean, evaluations.best.step)
    return String(format: "step %d  held-out loss %.4f, %@", last.step, last.mean, note)
  }

  private func describe(_ recovery: Recovery) -> String {
    "the loss exploded at step \(recovery.step): back to step \(recovery.goodStep), with "
      + "\(String(format: "%g", recovery.learningRateScale)) of the learning rate from now on"
  }
}

extension Preset: ExpressibleByArgument {}

extension Augmentation {
  /// As `--augment` takes it.
  fileprivate var name: String {
    kinds.isEmpty ? "none" : kinds.map(\.rawValue).joined(separator: ",")
  }
}

@Sendable private func readAugmentation(_ text: String) throws -> Augmentation {
  if text == "none" { return .none }
  let kinds = text.split(separator: ",", omittingEmptySubsequences: false).map {
    Augmentation.Kind(rawValue: String($0))
  }
  guard !kinds.contains(nil) else {
    let names = Augmentation.Kind.allCases.map(\.rawValue).joined(separator: ", ")
    throw ValidationError("--augment takes none, or some of \(names), with commas between them.")
  }
  return Augmentation(kinds.compactMap { $0 })
}
