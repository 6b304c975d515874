import ArgumentParser
import Audio
import Corpus
import Foundation
import MusicDiffusion
import Terminal
import Torch

extension Train {
  /// Chooses what is not given, measures this machine and prints what the run will do.
  ///
  /// - Returns: the settings of the run, and its data, prepared.
  func plan(
    in folder: URL, from start: StartingPoint?, _ device: Device, _ precision: DType,
    _ interruption: Interruption
  ) throws -> (settings: TrainingConfiguration, data: Dataset) {
    let begun = ContinuousClock.now
    let spent = { begun.duration(to: .now) / .seconds(1) }
    if resume, AutoencoderState.isAlone(in: folder) {
      throw ModelError.holdsAutoencoder(folder.relativePath)
    }
    let saved = try resume ? TrainingState.saved(in: folder) : nil
    let file = try planning.config.map { try SettingsFile($0) }
    var settings =
      try saved.map { try resumedSettings($0, in: folder) }
      ?? newSettings(in: folder, from: start, preset: preset, file)
    let coder = try coder(in: folder, saved, device)
    if coder != nil, planning.budget != nil {
      throw ValidationError("--budget is not for models that draw codes: give --hours or --steps.")
    }
    if !planning.dryRun { try makeFolder(of: folder.path) }

    var reasons: [String] = []
    if let budget = planning.budget, preset == nil, start == nil,
      file?.keys.contains("preset") != true
    {
      Terminal.progress("measuring the presets")
      let choice = try budget.preset(for: glance(), hasGPU: device != .cpu) { preset in
        var trial = TrainingConfiguration(preset: preset)
        (trial.steps, trial.batchSize) = (1, 4)
        return try MeasuredSpeed(of: trial, device: device, precision: precision).clipsPerSecond
      }
      reasons.append("\(choice.preset.rawValue) (\(choice.reason))")
      settings = try newSettings(in: folder, from: nil, preset: choice.preset, file)
    }
    let sounds = try loadDataset(
      dataset, settings.representation, heldOut: settings.heldOut ?? 0, interruption: interruption)
    let data = try coder.map { try sounds.coded(by: $0, precision: precision) } ?? sounds

    Terminal.progress("measuring this machine")
    let speed: MeasuredSpeed
    if let budget = planning.budget {
      let fit = try budget.fit(
        settings,
        batchSize: batchSize
          ?? (file?.keys.contains("batchSize") == true ? settings.batchSize : nil),
        saveInterval: saveEvery
          ?? (file?.keys.contains("saveInterval") == true ? settings.saveInterval : nil),
        to: data, device: device, precision: precision, spent: spent)
      (settings, speed) = (fit.configuration, fit.speed)
      reasons.append("batches of \(settings.batchSize) (\(fit.batchReason))")
    } else {
      speed = try MeasuredSpeed(of: settings, on: data, device: device, precision: precision)
    }
    Terminal.clearLine()
    // What was measured may have been larger than what will run.
    releaseMemory()

    let plan = TrainingPlan(
      settings, on: data, speed, precision: precision,
      done: (saved?.steps ?? 0, saved?.seconds ?? 0))
    report(data)
    report(
      settings, plan, speed, from: saved?.steps ?? 0, folder: folder.relativePath, device, precision
    )
    if let space = coder?.description.space {
      Terminal.result(
        "draws:   codes of \(space.channels) x \(space.bins) for \(space.framesPerColumn) frames")
    }
    if let start { Terminal.result("begins:  with the weights of \(start.name)") }
    if let budget = planning.budget {
      Terminal.result(
        "budget:  \(duration(budget.seconds)), of which \(duration(spent())) are over: "
          + (reasons + ["all in all \(duration(spent() + plan.seconds))"]).joined(separator: ", "))
    }
    return (settings, data)
  }

  /// The autoencoder whose codes are drawn: the one that is named, or that of the model that is gone on with,
  /// begun with or guided.
  private func coder(
    in folder: URL, _ saved: TrainingState?, _ device: Device
  ) throws -> AutoencoderModel? {
    if let latent { return try AutoencoderModel(contentsOf: latent, device: device) }
    let model = saved == nil ? guideFor ?? from : folder.relativePath
    guard let model,
      try (saved?.model ?? Model.readConfiguration(in: model)).code != nil
    else { return nil }
    // A guide is drawn from the code of the model that it is for, in the folder above its own.
    return try AutoencoderModel(contentsOf: guideFor ?? model, device: device)
  }

  private func glance() throws -> DatasetGlance {
    let url = URL(fileURLWithPath: dataset, isDirectory: true)
    return try PreparedSet.isPrepared(url)
      ? DatasetGlance(PreparedSet(url)) : DatasetGlance(AudioFolder(dataset))
  }
}

/// What the data is.
func report(_ data: Dataset) {
  let hours = data.seconds / 3600
  let time =
    hours < 1 ? String(format: "%.1f minutes", hours * 60) : String(format: "%.2f hours", hours)
  Terminal.result("data:    \(data.fileCount) files, \(time), \(data.skippedCount) skipped")
  if let heldOut = data.heldOut {
    let files = heldOut.fileCount == 1 ? "1 file" : "\(heldOut.fileCount) files"
    Terminal.result(
      "held out: \(files), \(String(format: "%.1f", heldOut.seconds / 60)) minutes"
        + (heldOut.fileCount < 4 ? ": a loss on so few says little" : ""))
  } else {
    Terminal.result("held out: nothing, so there is no telling what is learned by heart")
  }
  if !data.labels.isEmpty {
    let shown = 20
    var counts = data.labels.indices.prefix(shown).map { label in
      let heldOut = data.heldOut?.filesOfLabels[label] ?? 0
      return "\(data.labels[label]) \(data.training.filesOfLabels[label] + heldOut)"
    }
    if data.labels.count > shown { counts.append("and \(data.labels.count - shown) more") }
    Terminal.result("labels:  \(counts.joined(separator: ", "))")
  }
  MetadataText.trained(data).forEach(Terminal.result)
}

/// What is trained, how fast and for how long, in what memory, and where to.
func report(
  _ settings: TrainingConfiguration, _ plan: TrainingPlan, _ speed: MeasuredSpeed, from step: Int,
  folder: String, _ device: Device, _ precision: DType
) {
  let size = String(format: "%.1f", Double(speed.parameterCount) / 1e6)
  let bytes = formatted(bytes: 4 * Double(speed.parameterCount))
  Terminal.result(
    "model:   \(settings.preset.rawValue), \(size) M parameters (\(bytes)), on \(device) in "
      + "\(precision)")
  let limits = [
    settings.steps.map { "\($0) steps" },
    settings.hours.map { String(format: "%.4g hours", $0) },
  ].compactMap(\.self)
  let batches =
    "batches of \(settings.batchSize)"
    + (settings.accumulation.map { ", \($0) to an update" } ?? "")
  let from = step > 0 ? "from step \(step) " : ""
  Terminal.result("run:     \(from)to \(limits.joined(separator: " or ")), \(batches)")
  Terminal.result(
    String(format: "speed:   %.1f clips/s measured here: ", speed.clipsPerSecond)
      + "\(duration(plan.secondsOfSteps)) for \(plan.steps) steps, "
      + "\(duration(plan.secondsOfCheckpoints)) for \(plan.checkpoints) "
      + "checkpoint\(plan.checkpoints == 1 ? "" : "s"), \(duration(plan.seconds)) in all")
  Terminal.result("memory:  about \(formatted(bytes: plan.memory))")
  Terminal.result("writes:  \(folder), at most \(formatted(bytes: plan.disk)) on the disk")
  let places = [folder, parentFolder(of: folder)]
  if let place = places.first(where: FileManager.default.fileExists(atPath:)),
    let disk = try? FileManager.default.attributesOfFileSystem(forPath: place),
    let free = (disk[.systemFreeSize] as? NSNumber)?.doubleValue, free < plan.disk
  {
    Terminal.note(
      "only \(formatted(bytes: free)) are free there: the run may end when the disk is full, with its "
        + "last checkpoint whole")
  }
}
