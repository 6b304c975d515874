import ArgumentParser
import Corpus
import Evaluation
import Foundation
import Terminal

@main
struct Compose: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Turns a folder of your own audio into a generator of new music.",
    discussion: """
      Train on a folder of WAV, FLAC, OGG, MP3, AIFF or Opus files; its sub-folders become labels:
        compose train my-loops

      Then generate:
        compose generate --model my-loops-model --seconds 30

      With columns such as caption and tempo in a metadata.csv in the folder:
        compose generate --model my-loops-model --prompt "slow and dark" --set tempo=80
      """,
    version: programVersion,
    subcommands: [
      Train.self, Tune.self, Generate.self, Pack.self, Continue.self, Inpaint.self, Vary.self,
      Interpolate.self, Evaluate.self, Explain.self, DatasetCommand.self, SpectrogramCommand.self,
      Info.self, EMA.self, Distill.self, Export.self,
    ])

  static func main() {
    // ArgumentParser would explain the stub.
    let words = CommandLine.arguments.dropFirst()
    let asked = words.first == "help" ? words.dropFirst().first : nil
    if let command = asked.flatMap(DiffusionCommand.init) {
      runProgram(Compose.self, arguments: [command.rawValue, "--help"])
    } else {
      runProgram(Compose.self) { $0 is CorpusError || $0 is EvaluationError ? EX_DATAERR : nil }
    }
  }
}
