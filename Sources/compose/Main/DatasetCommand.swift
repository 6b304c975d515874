import ArgumentParser

struct DatasetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dataset",
    abstract: "Examines a folder of audio before a model is trained on it, and prepares it.",
    subcommands: [DatasetInspect.self, DatasetPrepare.self])
}
