import ArgumentParser
import Foundation
import MusicDiffusion
import Terminal

struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: DiffusionCommand.info.abstract)

  @Argument(help: "Folder of a model.")
  var model: String

  func run() throws {
    do {
      try describe(Model(contentsOf: model))
    } catch ModelError.autoencoderAlone {
      try describe(AutoencoderModel(contentsOf: model))
    }
  }

  private func row(_ name: String, _ value: String) {
    Terminal.result(name.padding(toLength: 12, withPad: " ", startingAt: 0) + value)
  }

  private func steps(_ count: Int) -> String { "\(count) step\(count == 1 ? "" : "s")" }

  private func describeTraining(_ history: TrainingHistory) {
    row(
      "training",
      String(
        format: "%@ of %d (%d clips), %.2f hours, loss %.4f, seed %llu", steps(history.steps),
        history.batchSize, history.clipsSeen, history.trainingHours, history.loss, history.seed))
  }

  private func describeSound(_ representation: Representation) {
    row(
      "sound",
      "\(representation.spectrogram.sampleRate) Hz, "
        + (representation.channels == 1 ? "mono" : "stereo (mid and side)"))
  }

  private func describeWindow(_ representation: Representation) {
    row(
      "window",
      String(format: "%d frames, %.2f s", representation.windowFrames, representation.windowSeconds)
    )
  }

  private func describe(_ coder: AutoencoderModel) {
    let (description, network) = (coder.description, coder.description.network)
    let (space, history) = (description.space, description.history)
    row("preset", description.preset)
    describeSound(description.representation)
    describeWindow(description.representation)
    row(
      "autoencoder",
      String(format: "%.2f M parameters, ", Double(coder.parameters.count) / 1e6)
        + network.bottleneck.kind.rawValue)
    row(
      "code",
      "\(space.channels) x \(space.bins) for \(space.framesPerColumn) frames, "
        + String(format: "1/%g of the values", network.compression))
    row(
      "data",
      String(
        format: "%@: %d files, %.2f hours, %d skipped", history.dataset, history.files,
        history.datasetHours, history.skippedFiles))
    describeTraining(history)
    guard let state = AutoencoderState.saved(with: coder, in: model) else { return }
    row("judge", state.configuration.adversary?.loss.rawValue ?? "none")
    if let errors = state.errors {
      row(
        state.hasHeldOut ? "held out" : "error",
        String(
          format: "%@%.2f dB at step %d, best %.2f at step %d", state.hasHeldOut ? "error " : "",
          errors.decibels, errors.step, errors.best, errors.bestStep))
    }
  }

  private func describe(_ model: Model) {
    let configuration = model.configuration
    let representation = configuration.representation
    let spectrogram = representation.spectrogram
    let history = configuration.history
    row("preset", configuration.preset)
    describeSound(representation)
    row(
      "spectrogram",
      "\(spectrogram.melBins) mel bins (\(spectrogram.melScale)), n_fft \(spectrogram.fftSize), hop "
        + "\(spectrogram.hopLength)")
    describeWindow(representation)
    row(
      "network",
      String(format: "%.2f M parameters, widths ", Double(model.parameters.count) / 1e6)
        + configuration.network.widths.map(String.init).joined(separator: "/"))
    row("weights", model.weightFormat.rawValue)
    if let coder = model.coder {
      let space = coder.description.space
      row(
        "code",
        String(
          format: "%d x %d for %d frames, %@, autoencoder of %.2f M parameters, %.2f hours",
          space.channels, space.bins, space.framesPerColumn,
          coder.description.network.bottleneck.kind.rawValue,
          Double(coder.parameters.count) / 1e6, coder.description.history.trainingHours))
    }
    if let guide = model.guide {
      row(
        "guide",
        String(
          format: "%.2f M parameters, widths %@, %.2f hours", Double(guide.parameters.count) / 1e6,
          guide.configuration.network.widths.map(String.init).joined(separator: "/"),
          guide.configuration.history.trainingHours))
    }
    row(
      "labels", configuration.labels.isEmpty ? "none" : configuration.labels.joined(separator: ", ")
    )
    if let numbers = configuration.conditioning?.numbers, !numbers.isEmpty {
      row("numbers", numbers.map(\.description).joined(separator: ", "))
    }
    if let tokenizer = configuration.conditioning?.tokenizer {
      row(
        "captions",
        "\(tokenizer.vocabularySize) tokens, prompts of up to \(tokenizer.length)")
    }
    row(
      "data",
      String(
        format: "%@: %d files, %.2f hours, %d skipped", history.dataset, history.files,
        history.datasetHours, history.skippedFiles))
    if let start = history.startedFrom {
      if let steps = history.distilledSteps {
        let judge = history.distillationAdversary.map { ", judged by \($0.rawValue)" } ?? ""
        row("distilled", "from \(start), for \(self.steps(steps))\(judge)")
      } else {
        row("started", "from the weights of \(start)")
      }
    }
    describeTraining(history)
    let noise = configuration.noise
    row(
      "noise",
      "\(noise.shape.rawValue), \(noise.levels.kind.rawValue) levels, prediction "
        + noise.prediction.rawValue)
    row(
      "sampling",
      "\(model.sampling.sampler.rawValue), \(steps(model.sampling.steps)), guidance "
        + "\(model.sampling.guidanceScale)"
        + (model.sampling.guidanceInterval.map {
          " where sigma is \($0.lowerBound) to \($0.upperBound)"
        } ?? ""))
  }
}
