import Foundation
import Pages

/// What the report says in words.
extension TrainingReport {
  func dataSummary() -> String {
    let spectrogram = state.model.representation.spectrogram
    let channels = state.model.representation.channels == 1 ? "mono" : "mid and side"
    let skipped = data.skippedCount == 0 ? "none" : count(data.skippedCount)
    var text = HTMLPage.table([
      ("Name", escaped(state.model.history.dataset)),
      ("Files", "\(files(data.files)), \(hours(data.seconds / 3600))"),
      (
        "Held out, never trained on",
        data.heldOutFiles == 0 ? "none" : files(data.heldOutFiles)
      ),
      ("Skipped", skipped),
      ("Read as", "\(spectrogram.sampleRate) Hz, \(channels)"),
    ])
    if !data.labels.isEmpty {
      let most = data.labels.map(\.files).max() ?? 1
      text +=
        "<h3>Labels</h3>"
        + HTMLPage.table(
          data.labels.map {
            (
              $0.name,
              HTMLPage.bar(Double($0.files) / Double(max(most, 1))) + files($0.files)
            )
          })
    }
    if !data.skipped.isEmpty {
      let shown = data.skipped.prefix(20)
      text +=
        "<details><summary>Skipped files</summary>"
        + HTMLPage.table(shown.map { ($0.path, escaped($0.reason)) })
        + "<p class=\"note\">All are in skipped.txt.</p></details>"
    }
    return text
  }

  func settings() -> [(name: String, value: String)] {
    let configuration = state.configuration
    let representation = state.model.representation
    let spectrogram = representation.spectrogram
    let network = state.model.network
    let limits = [
      configuration.steps.map { "\(count($0)) steps" },
      configuration.hours.map { String(format: "%g hours", $0) },
    ].compactMap(\.self).joined(separator: " or ")
    let kinds = configuration.augmentation?.kinds.map(\.rawValue) ?? []
    return [
      ("Preset", state.model.preset),
      (
        "Spectrogram",
        "\(spectrogram.melBins) mel bins, window \(spectrogram.fftSize), hop \(spectrogram.hopLength)"
      ),
      (
        "Window",
        String(
          format: "%d frames, %.2f s", representation.windowFrames, representation.windowSeconds)
      ),
      (
        "Network",
        "U-Net of widths \(network.widths.map(String.init).joined(separator: "/"))"
      ),
      (
        "Noise",
        "\(configuration.noise.shape.rawValue), \(configuration.noise.levels.kind.rawValue) levels, "
          + "prediction \(configuration.noise.prediction.rawValue)"
      ),
      ("Length of the run", limits),
      ("Batch", "\(configuration.batchSize) windows"),
      (
        "Optimiser",
        String(
          format: "AdamW, learning rate %g, weight decay %g, gradient norm at most %g",
          configuration.learningRate, configuration.weightDecay, configuration.gradientClip)
      ),
      (
        "Learning rate",
        String(
          format: "rises for %d steps, falls over the last %.0f %%", configuration.warmUpSteps,
          configuration.coolDown * 100)
      ),
      ("Dropout", configuration.dropout.map { String(format: "%g", $0) } ?? "none"),
      (
        "Windows of half the length",
        configuration.multiScale.map { String(format: "in the first %.0f %%", $0 * 100) } ?? "none"
      ),
      ("Augmentation", kinds.isEmpty ? "none" : kinds.joined(separator: ", ")),
      ("Seed", "\(configuration.seed)"),
    ]
  }

  func events() -> [(name: String, value: String)] {
    lines.compactMap { line in
      guard let event = line.event else { return nil }
      let time = Date(timeIntervalSince1970: line.time)
        .formatted(.iso8601.dateSeparator(.dash).dateTimeSeparator(.space).timeSeparator(.colon))
      let note = line.note.map { ": \($0)" } ?? ""
      return (time, escaped("\(event) at step \(count(line.step))\(note)"))
    }
  }

  /// What this page cannot tell, and what the model cannot do.
  func limits() -> [String] {
    let representation = state.model.representation
    var limits: [String] = []
    if !lines.contains(where: { $0.heldOutLoss != nil }) {
      limits.append(
        "No loss on held-out files: nothing here tells whether the model has learned or remembers. "
          + "Compare what it makes with what it was given.")
    }
    if data.seconds < 1800 {
      limits.append(
        "There is little audio (\(hours(data.seconds / 3600))): a model hears all of it many times, "
          + "and may repeat it.")
    }
    let epochs =
      Double(state.model.history.clipsSeen) * representation.windowSeconds / max(data.seconds, 1)
    limits.append(
      String(format: "Every second of the data has been heard about %.1f times.", epochs))
    limits.append(
      String(
        format: "The model sees %.1f s at a time: it knows no form that is longer.",
        representation.windowSeconds))
    limits.append(
      "Training loss is measured on windows as they are drawn and changed for training, with a part "
        + "known in half of them; it says how the run goes, not how good the music is.")
    return limits
  }
}

extension Trainer {
  /// Writes ``TrainingReport/fileName`` anew.
  public func writeReport() throws {
    let heldOut = dataset.heldOut
    let data = TrainingReport.DataSummary(
      files: dataset.fileCount, seconds: dataset.seconds,
      heldOutFiles: heldOut?.fileCount ?? 0,
      skipped: dataset.skipped.map { ($0.path, $0.reason) }, skippedCount: dataset.skippedCount,
      labels: dataset.labels.indices.map { label in
        (
          dataset.labels[label],
          dataset.training.filesOfLabels[label] + (heldOut?.filesOfLabels[label] ?? 0)
        )
      })
    let report = TrainingReport(
      name: folder.standardizedFileURL.lastPathComponent, state: state, data: data,
      lines: log.lines, bands: log.bands,
      samples: TrainingSample.all(in: folder, through: state.steps))
    try writeAtomically(
      Data(report.html().utf8), to: folder.appendingPathComponent(TrainingReport.fileName))
  }
}
