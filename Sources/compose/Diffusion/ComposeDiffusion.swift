import ArgumentParser
import Corpus
import Evaluation
import Foundation
import MusicDiffusion
import Terminal
import Torch

/// What `compose` becomes for the commands that need libtorch.
@main
struct ComposeDiffusion: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compose",
    abstract: "The commands of compose that train models and draw with them.",
    version: programVersion,
    subcommands: [
      Train.self, Tune.self, Generate.self, Pack.self, Continue.self, Inpaint.self, Vary.self,
      Interpolate.self, Explain.self, Info.self, EMA.self, Distill.self,
      Export.self, CodeAudition.self,
    ])

  static func main() {
    runProgram(ComposeDiffusion.self) { error in
      switch error {
      case is ModelError, is CorpusError, is EvaluationError: EX_DATAERR
      case TorchError.outOfMemory: EX_OSERR
      case is TorchError: EX_SOFTWARE
      default: nil
      }
    }
  }
}
