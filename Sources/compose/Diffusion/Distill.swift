import ArgumentParser
import Foundation
import MusicDiffusion
import Terminal
import Torch

struct Distill: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "distill",
    abstract: DiffusionCommand.distill.abstract,
    discussion: """
      The new model draws in a few steps where the old one, its teacher, takes two dozen, many of them \
      twice: with --steps 4 several times as fast. It learns, on the same data, to say where many small \
      steps of its teacher would lead (multistep consistency, Docs/diffusion.md). How its teacher is guided, by \
      labels or by a guide of its own, is learned with it. It is a model like any other.

      Ctrl-C saves and ends; --resume goes on where a run stopped, exactly.

      Examples:
        compose distill my-loops-model my-loops --steps 4
        compose distill my-loops-model my-loops --steps 4 --drawing-steps 10
        compose generate --model my-loops-model-4-steps --seconds 30
      """)

  @Argument(help: "Folder of the model to learn from.")
  var model: String

  @Argument(
    help: "Folder of the audio that it was trained on, or what compose dataset prepare made of it.")
  var dataset: String

  @Option(
    parsing: .unconditional,
    help:
      "Steps that the new model is made for: 1, 2, 4 or 8, or another number up to 16. More are nearer to the old model. Default: 4."
  )
  var steps: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      Steps that the new model draws with by default, if more than --steps: they add noise between them, which is \
      slower, brings notes and variety nearer to real music, and costs some fine detail; 24 for the model in samples. \
      compose generate --sampler euler --steps 4 is then the fast way.
      """, valueName: "steps"))
  var drawingSteps: Int?

  @Option(
    help: ArgumentHelp(
      """
      What judges where each step leads, beside real music, by what the teacher's network sees in it: none, hinge. \
      Default: none, which was as near to real music in less time.
      """, valueName: "kind"))
  var adversary: Judge?

  /// As `--adversary` names them.
  enum Judge: String, CaseIterable, ExpressibleByArgument {
    case none, hinge
  }

  @Option(name: .shortAndLong, help: "Folder for the new model. Default: MODEL-4-steps.")
  var output: String?

  @Option(
    parsing: .unconditional,
    help: "Hours of training steps. Default: a quarter of those of the old model.")
  var hours: Double?

  @Option(parsing: .unconditional, help: "Updates of the weights, in place of --hours.")
  var updates: Int?

  @Option(parsing: .unconditional, help: "Windows of audio in one update. Default: 8.")
  var batchSize: Int?

  @Option(parsing: .unconditional, help: "Highest learning rate. Default: 0.0002.")
  var learningRate: Double?

  @Option(parsing: .unconditional, help: "Decides all that is random. Default: 0.")
  var seed: UInt64?

  @Option(
    parsing: .unconditional,
    help:
      "Part of the files that is kept from training, 0 to 0.5, to measure the loss on. Default: as that of the old model."
  )
  var heldOut: Double?

  @Option(
    parsing: .unconditional, help: "Updates between two checkpoints, with samples. Default: 250.")
  var saveEvery: Int?

  @Flag(help: "Go on with the run in --output.")
  var resume = false

  @Flag(help: "Print the plan and stop, without training or writing a model.")
  var dryRun = false

  @OptionGroup var compute: ComputeOptions

  func validate() throws {
    func check(_ holds: Bool, _ message: String) throws {
      if !holds { throw ValidationError(message) }
    }
    let possible = Distillation.possibleSteps
    try check(
      steps.map(possible.contains) ?? true,
      "--steps must be \(possible.lowerBound) to \(possible.upperBound).")
    try check(
      drawingSteps.map { (1...1000).contains($0) } ?? true, "--drawing-steps must be 1 to 1000.")
    try check(
      hours.map { $0 > 0 && $0 <= 100_000 } ?? true, "--hours must be more than 0, at most 100000.")
    try check(
      updates.map { (1...1_000_000_000).contains($0) } ?? true, "--updates must be at least 1.")
    try check(batchSize.map { (1...4096).contains($0) } ?? true, "--batch-size must be 1 to 4096.")
    try check(
      learningRate.map { $0 > 0 && $0 <= 1 } ?? true, "--learning-rate must be in 0 to 1.")
    try check(heldOut.map { (0...0.5).contains($0) } ?? true, "--held-out must be 0 to 0.5.")
    try check(
      saveEvery.map { (1...1_000_000_000).contains($0) } ?? true, "--save-every must be at least 1."
    )
  }

  func run() throws {
    let (device, precision) = try compute.resolved()
    let teacher = try Model(contentsOf: model, device: device)
    let name = URL(fileURLWithPath: model, isDirectory: true).standardizedFileURL.lastPathComponent
    let place = output ?? Self.place(name, steps ?? 4)
    let folder = URL(fileURLWithPath: place, isDirectory: true)
    let settings = try settings(teacher, in: folder)
    let steps = settings.distillation?.steps ?? 4
    if let drawingSteps, drawingSteps < steps {
      throw ValidationError("--drawing-steps must be at least --steps, which is \(steps).")
    }
    try checkLiesOutside(dataset, folder)
    let interruption = Interruption()
    let saved = try resume ? TrainingState.saved(in: folder) : nil
    if !dryRun { try makeFolder(of: folder.path) }
    let sounds = try loadDataset(
      dataset, settings.representation, heldOut: settings.heldOut ?? 0, interruption: interruption)
    let data = try teacher.coder.map { try sounds.coded(by: $0, precision: precision) } ?? sounds
    try data.check(isThatOf: teacher.configuration, name: model, command: "distill")

    Terminal.progress("measuring this machine")
    let speed = try MeasuredSpeed(
      of: settings, on: data, teacher: teacher, device: device, precision: precision)
    Terminal.clearLine()
    releaseMemory()
    report(data)
    let plan = TrainingPlan(
      settings, on: data, speed, precision: precision,
      done: (saved?.steps ?? 0, saved?.seconds ?? 0))
    report(
      settings, plan, speed, from: saved?.steps ?? 0, folder: folder.relativePath, device, precision
    )
    Terminal.result(
      "teacher: \(model)" + (teacher.guide == nil ? "" : " and its guide") + ", for \(steps) step"
        + (steps == 1 ? "" : "s")
        + (settings.distillation?.adversary.map { ", judged by \($0.loss.rawValue)" } ?? ""))
    if dryRun { return }
    let trainer = try Trainer(
      folder: folder, dataset: data, configuration: settings, device: device,
      precision: precision, resume: resume,
      from: resume ? nil : StartingPoint(teacher, name: name), teacher: teacher)
    try listSkipped(data, in: folder)
    try TrainingRun(
      trainer, isResumed: resume, longer: "--hours or --updates",
      goOn: "compose distill \(model) \(dataset) --steps \(steps) --output \(place) --resume",
      generate: "compose generate --model \(place) --seconds 30"
    ).carryOut(interruption)
  }

  /// A folder's name beside the teacher's.
  private static func place(_ name: String, _ steps: Int) -> String {
    "\(name)-\(steps)-step\(steps == 1 ? "" : "s")"
  }

  private func settings(_ teacher: Model, in folder: URL) throws -> TrainingConfiguration {
    let fingerprint = try Recipe.Source(contentsOf: model, name: nil).fingerprint
    var settings: TrainingConfiguration
    if resume {
      settings = try TrainingState.saved(in: folder).configuration
      let run = SavedRun(folder: folder)
      try run.keep("--steps", steps, settings.distillation?.steps ?? 0)
      try run.keep("--held-out", heldOut, settings.heldOut ?? 0)
      try run.keep("--batch-size", batchSize, settings.batchSize)
      try run.keep("--seed", seed, settings.seed)
      try run.keep(
        "--adversary", adversary?.rawValue,
        settings.distillation?.adversary?.loss.rawValue ?? Judge.none.rawValue)
      if let drawingSteps { settings.distillation?.drawingSteps = drawingSteps }
      guard settings.distillation?.teacher == fingerprint else {
        throw ModelError.otherRun(
          folder.relativePath, reason: "it learns from another model than \(model)")
      }
    } else {
      try Trainer.checkHasNoModel(folder)
      settings = try TrainingConfiguration(
        distilling: teacher, fingerprint: fingerprint, steps: steps ?? 4)
      settings.distillation?.drawingSteps = drawingSteps
      settings.distillation?.adversary = adversary == .hinge ? .ofStudent : nil
      // Without the old model's checkpoint, the part that train holds out unless told otherwise.
      let folder = URL(fileURLWithPath: model, isDirectory: true)
      settings.heldOut =
        try heldOut ?? TrainingState.configuration(in: folder).map { $0.heldOut ?? 0 } ?? 0.05
    }
    if hours != nil || updates != nil { (settings.hours, settings.steps) = (hours, updates) }
    settings.batchSize = batchSize ?? settings.batchSize
    settings.learningRate = learningRate ?? settings.learningRate
    settings.seed = seed ?? settings.seed
    settings.saveInterval = saveEvery ?? settings.saveInterval
    return settings
  }
}
