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
      Sub-folders become labels that `compose generate --label` takes; columns of metadata.csv in the \
      folder, and text files beside the sounds, become what --set and --prompt take. The model folder holds the \
      model from the first checkpoint on, and samples/ with sound and pictures of what it makes. \
      Ctrl-C saves and ends; --resume goes on where a run stopped, exactly.

      Presets:
      \(Preset.allCases.map { "  \($0.rawValue): \($0.summary)" }.joined(separator: "\n"))

      Examples:
        compose train my-loops                      two hours, then compose generate
        compose train kicks --preset oneshots --hours 4
        compose train my-loops --budget 30m         what fits into half an hour, all included
        compose train my-loops --dry-run            what it would do, and how long that takes
        compose train my-loops --resume --hours 8   go on to eight hours in all
        compose train my-loops --guide-for my-loops-model
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
    parsing: .unconditional,
    help:
      "Length of the whole run in hours of training steps. Default: 2, with --autoencoder 0.5, unless --steps is given."
  )
  var hours: Double?

  @Option(parsing: .unconditional, help: "Windows of audio in one step. Default: 8.")
  var batchSize: Int?

  @Option(
    parsing: .unconditional,
    help: "Highest learning rate. Default: 0.0006, with --autoencoder 0.001.")
  var learningRate: Double?

  @OptionGroup var noise: NoiseOptions

  @Option(
    help: ArgumentHelp(
      """
      What log-mel values are to the network: per-bin, by the mean and deviation of each mel bin, or linear, \
      tanh or logit between silence and full scale. Default: per-bin.
      """, valueName: "values"))
  var values: ValueTransform?

  @Option(
    parsing: .unconditional, help: "Decides the first weights and all that is random. Default: 0.")
  var seed: UInt64?

  @Option(
    help: ArgumentHelp(
      "What may be done to clips to make more of them: none, or some of "
        + Augmentation.Kind.allCases.map(\.rawValue).joined(separator: ",")
        + ". Default: gain,pitch,time; gain for draft.", valueName: "kinds"),
    transform: readAugmentation)
  var augment: Augmentation?

  @Option(
    parsing: .unconditional,
    help:
      "Part of the files that is kept from training, 0 to 0.5, to measure the loss on. Default: 0.05."
  )
  var heldOut: Double?

  @Option(
    parsing: .unconditional, help: "Steps between two checkpoints, with samples. Default: 250.")
  var saveEvery: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      Train the first part of the run, 0 to 1, on windows of half the length, twice as many at a time. \
      Default: 0.
      """, valueName: "part"))
  var multiScale: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      Share of values that the network leaves out at random while it learns, 0 to 0.9, so that it \
      learns little data by heart less soon. Default: 0.
      """, valueName: "share"))
  var dropout: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Batches whose gradients make one update, in the memory of one. Default: 1.",
      valueName: "batches"))
  var accumulate: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      End when the loss on held-out files has not improved in this many checkpoints, and keep the model \
      that was best on them.
      """, valueName: "checkpoints"))
  var patience: Int?

  @Option(
    help: ArgumentHelp(
      """
      Folder of a trained model whose weights the run begins with: its preset and network are taken over, \
      labels that it does not know begin as none. A third of the usual --learning-rate is a good one then.
      """, valueName: "model"))
  var from: String?

  @Option(
    help: ArgumentHelp(
      """
      Folder of a trained model of the same data: train the small network that it is to be led away from, \
      and put it into the folder. Takes an eighth of the model's hours unless --hours or --steps is given.
      """, valueName: "model"))
  var guideFor: String?

  @Flag(
    help: ArgumentHelp(
      """
      Train an autoencoder in place of a model: spectrograms to codes of a sixteenth of their values, and \
      back. A model that draws such codes is trained by --latent.
      """))
  var autoencoder = false

  @Option(
    help: ArgumentHelp(
      "What keeps an autoencoder's code small: "
        + Bottleneck.Kind.allCases.map(\.rawValue).joined(separator: ", ")
        + ". Default: variational.", valueName: "kind"))
  var bottleneck: Bottleneck.Kind?

  @Option(
    help: ArgumentHelp(
      """
      What judges an autoencoder's spectrograms beside their loss, so that they get the detail that a loss \
      alone blurs: none, \(AdversarialLoss.allCases.map(\.rawValue).joined(separator: ", ")). Default: hinge.
      """, valueName: "kind"))
  var adversary: Judge?

  @Option(
    help: ArgumentHelp(
      """
      Folder of a trained autoencoder: train a model that draws its codes, in a fraction of the time that \
      spectrograms take. The model's folder gets a copy of it.
      """, valueName: "autoencoder"))
  var latent: String?

  @Flag(help: "Go on with the run in --output.")
  var resume = false

  @OptionGroup var compute: ComputeOptions

  @OptionGroup var planning: PlanOptions

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
    try check(multiScale.map { (0...1).contains($0) } ?? true, "--multi-scale must be 0 to 1.")
    try check(dropout.map { (0...0.9).contains($0) } ?? true, "--dropout must be 0 to 0.9.")
    try check(heldOut.map { (0...0.5).contains($0) } ?? true, "--held-out must be 0 to 0.5.")
    try check(
      planning.budget == nil || steps == nil && hours == nil,
      "--budget chooses the length of the run: leave out --steps and --hours.")
    try check(
      !resume || planning.budget == nil && planning.config == nil && from == nil,
      "--budget, --config and --from are for new runs: a resumed one has its settings, and takes --steps or "
        + "--hours.")
    let others: [(String, Bool)] = [
      ("--output", output != nil), ("--preset", preset != nil), ("--from", from != nil),
      ("--config", planning.config != nil), ("--budget", planning.budget != nil),
      ("--values", values != nil), ("--prediction", noise.prediction != nil),
      ("--noise-levels", noise.noiseLevels != nil), ("--noise", noise.noise != nil),
    ]
    if guideFor != nil, let other = others.first(where: \.1)?.0 {
      throw ValidationError("--guide-for and \(other) exclude each other: the model says it.")
    }
    try check(
      bottleneck == nil || autoencoder, "--bottleneck is for --autoencoder.")
    try check(adversary == nil || autoencoder, "--adversary is for --autoencoder.")
    try check(
      latent == nil || planning.budget == nil && preset == nil && values == nil,
      "--latent takes no --preset, --values or --budget: the autoencoder says it.")
    try check(
      latent == nil || !resume && guideFor == nil,
      "--latent is for new runs: a resumed one and --guide-for have the autoencoder of their model."
    )
    let notForCodes: [(String, Bool)] = [
      ("--latent", latent != nil), ("--guide-for", guideFor != nil), ("--from", from != nil),
      ("--budget", planning.budget != nil), ("--values", values != nil),
      ("--prediction", noise.prediction != nil), ("--noise-levels", noise.noiseLevels != nil),
      ("--noise", noise.noise != nil),
      ("--multi-scale", multiScale != nil), ("--dropout", dropout != nil),
      ("--accumulate", accumulate != nil), ("--patience", patience != nil),
    ]
    if autoencoder, let other = notForCodes.first(where: \.1)?.0 {
      throw ValidationError("--autoencoder and \(other) exclude each other.")
    }
  }

  func run() throws {
    let (device, precision) = try compute.resolved()
    if autoencoder { return try trainAutoencoder(device, precision) }
    let folder = URL(
      fileURLWithPath: guideFor.map { "\($0)/\(Model.guideFolder)" } ?? output ?? defaultOutput,
      isDirectory: true)
    try checkLiesOutside(dataset, folder)
    let interruption = Interruption()
    let start = try from.map {
      StartingPoint(
        try Model(contentsOf: $0),
        name: URL(fileURLWithPath: $0, isDirectory: true).standardizedFileURL.lastPathComponent)
    }
    let run = try plan(in: folder, from: start, device, precision, interruption)
    let data = run.data
    if let guideFor {
      try data.check(isThatOf: Model.readConfiguration(in: guideFor), name: guideFor)
    }
    if planning.dryRun { return }
    let trainer = try Trainer(
      folder: folder, dataset: data, configuration: run.settings, device: device,
      precision: precision, resume: resume, from: start)
    try listSkipped(data, in: folder)

    let name = guideFor ?? folder.relativePath
    let place = guideFor.map { "--guide-for \($0)" } ?? "--output \(folder.relativePath)"
    try TrainingRun(
      trainer, isResumed: resume, goOn: "compose train \(dataset) \(place) --resume",
      generate: "compose generate --model \(name) --seconds 30"
    ).carryOut(interruption)
  }

  /// - Parameters:
  ///   - preset: the one to train; nil for that of the file, or else standard.
  ///   - start: a model that decides what the network is.
  ///   - file: settings that count where an option is not given.
  func newSettings(
    in folder: URL, from start: StartingPoint?, preset: Preset?, _ file: SettingsFile?
  ) throws -> TrainingConfiguration {
    try Trainer.checkHasNoModel(folder)
    let ofCode = try latent.flatMap {
      Preset(rawValue: try AutoencoderModel.readDescription(in: $0).preset)
    }
    if let ofCode { try check(file, isFor: ofCode) }
    let preset =
      preset ?? ofCode ?? start.flatMap { Preset(rawValue: $0.model.configuration.preset) }
    var settings =
      try guideFor.map { try TrainingConfiguration(guideOf: Model.readConfiguration(in: $0)) }
      ?? file?.configuration(preset: preset) ?? TrainingConfiguration(preset: preset ?? .standard)
    start?.apply(to: &settings, except: file?.keys ?? [])
    settings.values = values ?? settings.values
    settings.batchSize = batchSize ?? settings.batchSize
    settings.learningRate = learningRate ?? settings.learningRate
    settings.seed = seed ?? settings.seed
    settings.noise = noise.process(
      over: settings.noise,
      isChosen: file?.keys.contains("noise") == true || start != nil || guideFor != nil)
    settings.augmentation = augment?.kept(as: settings.augmentation) ?? settings.augmentation
    settings.heldOut = heldOut ?? settings.heldOut ?? 0.05
    if let accumulate { settings.accumulation = accumulate > 1 ? accumulate : nil }
    if let multiScale { settings.multiScale = multiScale > 0 ? multiScale : nil }
    if let dropout { settings.dropout = dropout > 0 ? dropout : nil }
    settings.patience = patience ?? settings.patience
    settings.saveInterval = saveEvery ?? settings.saveInterval
    if planning.budget != nil { try file?.checkLeavesLengthOpen() }
    try file?.checkEffects(in: settings)
    if steps != nil || hours != nil || planning.budget != nil {
      (settings.steps, settings.hours) = (steps, hours)
    }
    if settings.steps == nil && settings.hours == nil { settings.hours = 2 }
    return settings
  }

  /// Throws ``ModelError/unusableSettings(_:reason:)`` for a file that names another preset than that of the
  /// autoencoder.
  private func check(_ file: SettingsFile?, isFor preset: Preset) throws {
    guard let file, file.keys.contains("preset") else { return }
    let named = try file.configuration(preset: nil).preset
    guard named != preset, let config = planning.config, let latent else { return }
    throw ModelError.unusableSettings(
      config,
      reason: "preset is \(named.rawValue), and the autoencoder in \(latent) is for "
        + "\(preset.rawValue): take it out")
  }

  /// As the run began, with a new length if one is given; what cannot change must not be given anew.
  func resumedSettings(_ state: TrainingState, in folder: URL) throws -> TrainingConfiguration {
    var settings = state.configuration
    settings.detailKernels = state.model.network.detailKernels ?? 0
    let run = SavedRun(folder: folder)
    try run.keep("--preset", preset, settings.preset)
    try run.keep("--values", values?.option, settings.representation.values.option)
    try run.keep("--batch-size", batchSize, settings.batchSize)
    try run.keep("--accumulate", accumulate, settings.accumulation ?? 1)
    try run.keep("--multi-scale", multiScale, settings.multiScale ?? 0)
    try run.keep("--dropout", dropout, settings.dropout ?? 0)
    try run.keep("--seed", seed, settings.seed)
    try run.keep("--prediction", noise.prediction?.rawValue, settings.noise.prediction.rawValue)
    try run.keep("--noise-levels", noise.noiseLevels?.rawValue, settings.noise.levels.kind.rawValue)
    try run.keep("--noise", noise.noise?.rawValue, settings.noise.shape.rawValue)
    try run.keep("--held-out", heldOut, settings.heldOut ?? 0)
    try run.keep("--augment", augment?.name, (settings.augmentation ?? .none).name)
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
}

extension Preset: ExpressibleByArgument {}

extension Augmentation {
  /// As `--augment` takes it.
  var name: String {
    kinds.isEmpty ? "none" : kinds.map(\.rawValue).joined(separator: ",")
  }

  /// These kinds, as often and as far as others were.
  func kept(as other: Augmentation?) -> Augmentation {
    let other = other ?? .none
    return Augmentation(
      kinds, probability: other.probability, pitchRange: other.pitchRange,
      timeRange: other.timeRange)
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
