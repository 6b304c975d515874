public import ArgumentParser
import Foundation
public import MusicDiffusion
import Terminal
import Torch

extension Train {
  /// `--autoencoder`.
  func trainAutoencoder(_ device: Device, _ precision: DType) throws {
    let name = URL(fileURLWithPath: dataset, isDirectory: true).standardizedFileURL
      .lastPathComponent
    let folder = URL(fileURLWithPath: output ?? name + "-autoencoder", isDirectory: true)
    try checkLiesOutside(dataset, folder)
    let interruption = Interruption()
    let settings = try autoencoderSettings(in: folder)
    if !planning.dryRun { try makeFolder(of: folder.path) }
    let data = try loadDataset(
      dataset, settings.representation, heldOut: settings.heldOut, interruption: interruption)
    report(data)
    let network = settings.network
    Terminal.result(
      "code:    \(network.codeChannels) x \(network.melBins / network.codeBins) for \(network.codeFrames) "
        + String(format: "frames, 1/%g of the values, ", network.compression)
        + network.bottleneck.kind.rawValue
        + (settings.adversary.map { ", judged by \($0.loss.rawValue)" } ?? ""))
    let limits = [
      settings.steps.map { "\($0) steps" }, settings.hours.map { String(format: "%.4g hours", $0) },
    ].compactMap(\.self)
    Terminal.result(
      "run:     to \(limits.joined(separator: " or ")), batches of \(settings.batchSize)")
    Terminal.result("writes:  \(folder.relativePath)")
    if planning.dryRun { return }
    let trainer = try AutoencoderTrainer(
      folder: folder, dataset: data, configuration: settings, device: device,
      precision: precision, resume: resume)
    try listSkipped(data, in: folder)
    let line = ProgressLine(quietInterval: 30)
    let begun = trainer.state.steps
    let isFinished = try trainer.run(
      onStep: { line.update(describe($0)) },
      onEvaluate: {
        line.finish()
        Terminal.note(
          String(
            format: "step %d  %@ %.2f dB, %@", $0.step,
            data.heldOut == nil ? "error" : "held-out error", $0.decibels,
            $0.bestStep == $0.step
              ? "the best so far" : String(format: "best %.2f at step %d", $0.best, $0.bestStep)))
      },
      onWarning: {
        line.finish()
        Terminal.note("warning: step \(trainer.state.steps): \($0)")
      },
      shouldStop: { interruption.isRequested })
    line.finish()
    if resume, isFinished, trainer.state.steps == begun {
      Terminal.result(
        "nothing was trained: the run is at its end; --steps above \(begun) or more --hours go on")
    }
    Terminal.result(
      "\(isFinished ? "trained" : "stopped at") step \(trainer.state.steps): \(folder.relativePath)"
    )
    if !isFinished {
      Terminal.result(
        "go on:    compose train \(dataset) --autoencoder --output \(folder.relativePath) --resume")
    }
    Terminal.result("train:    compose train \(dataset) --latent \(folder.relativePath)")
  }

  private func autoencoderSettings(in folder: URL) throws -> AutoencoderTraining {
    var settings: AutoencoderTraining
    if resume {
      settings = try AutoencoderState.saved(in: folder).configuration
      let run = SavedRun(folder: folder)
      try run.keep("--preset", preset, settings.preset)
      try run.keep("--batch-size", batchSize, settings.batchSize)
      try run.keep("--seed", seed, settings.seed)
      try run.keep("--bottleneck", bottleneck, settings.network.bottleneck.kind)
      try run.keep(
        "--adversary", adversary?.description,
        settings.adversary?.loss.rawValue ?? Judge.nobody.description)
      try run.keep("--held-out", heldOut, settings.heldOut)
      try run.keep("--augment", augment?.name, (settings.augmentation ?? .none).name)
    } else {
      if AutoencoderState.isOfModel(folder) {
        throw ModelError.modelExists(folder.relativePath, canResume: false)
      }
      try AutoencoderTrainer.checkHasNone(folder)
      let file = try planning.config.map { try AutoencoderSettingsFile($0) }
      settings =
        try file?.settings(preset: preset, bottleneck: bottleneck)
        ?? AutoencoderTraining(
          preset: preset ?? .standard, bottleneck: Bottleneck(bottleneck ?? .variational))
      if let adversary {
        let others = settings.adversary
        settings.adversary = adversary.loss.map { loss in
          var settings = others ?? AdversaryConfiguration(loss)
          settings.loss = loss
          return settings
        }
      }
      try file?.checkEffects(in: settings)
      settings.batchSize = batchSize ?? settings.batchSize
      settings.seed = seed ?? settings.seed
      settings.augmentation = augment?.kept(as: settings.augmentation) ?? settings.augmentation
      settings.heldOut = heldOut ?? settings.heldOut
    }
    if steps != nil || hours != nil { (settings.steps, settings.hours) = (steps, hours) }
    if settings.steps == nil && settings.hours == nil { settings.hours = 0.5 }
    settings.learningRate = learningRate ?? settings.learningRate
    settings.saveInterval = saveEvery ?? settings.saveInterval
    return settings
  }
}

extension Bottleneck.Kind: ExpressibleByArgument {}

/// What judges an autoencoder, as `--adversary` of `compose train` names it.
enum Judge: Equatable, ExpressibleByArgument, CustomStringConvertible {
  case nobody
  case by(AdversarialLoss)

  init?(argument: String) {
    if argument == "none" {
      self = .nobody
    } else if let loss = AdversarialLoss(rawValue: argument) {
      self = .by(loss)
    } else {
      return nil
    }
  }

  static var allValueStrings: [String] { ["none"] + AdversarialLoss.allCases.map(\.rawValue) }

  var loss: AdversarialLoss? {
    if case .by(let loss) = self { loss } else { nil }
  }

  var description: String { loss?.rawValue ?? "none" }
}
