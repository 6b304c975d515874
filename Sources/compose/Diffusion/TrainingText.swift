import Foundation
import MusicDiffusion
import Terminal
import Torch

// What `compose train` says.

func report(_ trainer: Trainer, _ data: Dataset, _ device: Device, _ precision: DType) {
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

func describe(_ progress: Trainer.Progress) -> String {
  let step = progress.steps.map { "step \(progress.step)/\($0)" } ?? "step \(progress.step)"
  return step
    + String(
      format: "  loss %.4f  %.1f clips/s  %@ left", progress.loss, progress.clipsPerSecond,
      duration(progress.secondsLeft))
}

func describe(_ evaluations: Evaluations) -> String {
  let last = evaluations.last
  let note =
    evaluations.sinceBest == 0
    ? "the best so far"
    : String(format: "best %.4f at step %d", evaluations.best.mean, evaluations.best.step)
  return String(format: "step %d  held-out loss %.4f, %@", last.step, last.mean, note)
}

func describe(_ recovery: Recovery) -> String {
  "the loss exploded at step \(recovery.step): back to step \(recovery.goodStep), with "
    + "\(String(format: "%g", recovery.learningRateScale)) of the learning rate from now on"
}
