import Foundation
import MusicDiffusion
import Terminal

/// A run of a trainer to its end or to Ctrl-C, with what is said on the way.
struct TrainingRun {
  private let trainer: Trainer
  private let isResumed: Bool
  /// Options that make it longer.
  private let longer: String
  /// Commands that go on with it, and that draw with its model.
  private let goOn, generate: String

  init(
    _ trainer: Trainer, isResumed: Bool, longer: String = "--hours or --steps", goOn: String,
    generate: String
  ) {
    (self.trainer, self.isResumed, self.longer) = (trainer, isResumed, longer)
    (self.goOn, self.generate) = (goOn, generate)
  }

  func carryOut(_ interruption: Interruption) throws {
    let line = ProgressLine(quietInterval: 30)
    let begun = trainer.state.steps
    if isResumed { attempt("samples", line) { try trainer.drawMissingSamples() } }
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
      onWarning: {
        line.finish()
        Terminal.note("warning: step \(trainer.state.steps): \($0)")
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
    if isResumed, outcome == .finished, trainer.state.steps == begun {
      Terminal.result(
        "nothing was trained: the run is at its end; \(longer) with more go on")
    }
    Terminal.result(
      "\(outcome == .interrupted ? "stopped at" : "trained") step \(trainer.savedStep ?? 0): "
        + trainer.folder.relativePath)
    if outcome == .interrupted, trainer.savedStep != trainer.state.steps {
      Terminal.result(
        "the steps up to \(trainer.state.steps) are not kept: their loss was exploding")
    }
    if outcome == .interrupted { Terminal.result("go on:    \(goOn)") }
    Terminal.result("generate: \(generate)")
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
}
