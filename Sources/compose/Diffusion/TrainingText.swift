import Foundation
import MusicDiffusion
import Terminal

// What `compose train` says on the way.

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
