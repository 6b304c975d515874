import ArgumentParser
import Audition
import MusicDiffusion
import Spectro
import Terminal

/// What `compose spectrogram audition --model` becomes.
struct CodeAudition: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: DiffusionCommand.audition.rawValue, abstract: DiffusionCommand.audition.abstract,
    shouldDisplay: false)

  @OptionGroup var options: AuditionOptions

  func run() throws {
    guard let model = options.model else { throw ValidationError("Name the --model.") }
    // An error of its own for what is no model, and for one that has lost its autoencoder.
    if !AutoencoderModel.exists(in: model), try Model.readConfiguration(in: model).code == nil {
      throw ModelError.invalidArgument(
        "\(model) draws spectrograms as they are: leave out --model, and name its --preset")
    }
    let coder = try AutoencoderModel(contentsOf: model)
    let representation = coder.description.representation
    let settings = representation.spectrogram
    let (mel, inverter) = (try MelSpectrogram(settings), try MelInverter(settings))
    try Audition(options) { _ in
      Audition.Way(settings, channels: representation.channels) { planes in
        try inverter.audio(
          fromLogMel: coder.copy(of: planes.map(mel.logMel(of:))), iterations: options.iterations,
          sampleCount: planes.first?.count)
      }
    }.run()
  }
}
