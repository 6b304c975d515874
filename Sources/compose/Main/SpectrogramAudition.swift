import ArgumentParser
import Audition
import Spectro
import Terminal

struct SpectrogramAudition: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audition",
    abstract: "Lets you hear what a spectrogram keeps, before anyone trains.",
    discussion: """
      Sends sound through a log-mel spectrogram and back, and writes the original and what is left \
      of it side by side, with a picture of both: what a model of such spectrograms draws is heard the \
      same way. Says in numbers and words what is lost.

      Spectral convergence compares the magnitudes of both: lower is better, -25 dB is close, -12 dB \
      is blurred, and noise always counts as lost, since it is drawn anew. The log-mel error is what \
      is lost of the spectrogram itself.

      Stereo goes as mid and side, as in models; which side a sound stands on is then made up.

      Of a folder, a few files spread evenly over it are taken; of a long file, a part.

      Examples:
        compose spectrogram audition loop.wav
        compose spectrogram audition my-loops --preset draft
        compose spectrogram audition my-loops --mel-bins 128 --sample-rate 32000 --files 20
        compose spectrogram audition my-loops --model my-loops-autoencoder
      """)

  @OptionGroup var options: AuditionOptions

  @OptionGroup var settings: SpectrogramOptions

  @Option(
    parsing: .unconditional,
    help: "1 for mono, 2 for stereo. Default: the preset's, or the file's up to 2.")
  var channels: Int?

  func validate() throws {
    guard channels.map({ (1...2).contains($0) }) ?? true else {
      throw ValidationError("--channels must be 1 or 2.")
    }
    guard options.model == nil || channels == nil && !settings.isGiven else {
      throw ValidationError("--model has settings of its own: give none beside it.")
    }
  }

  func run() throws {
    if options.model != nil {
      let arguments = CommandLine.arguments
      let first = arguments.firstIndex(of: "audition")! + 1
      try DiffusionCommand.audition.replaceProgram(with: Array(arguments[first...]))
    }
    try Audition(options) { original in
      let settings = settings.settings(sampleRate: original.sampleRate)
      let trip = try RoundTrip(settings, iterations: options.iterations)
      return Audition.Way(
        settings,
        channels: channels ?? self.settings.preset?.channelCount ?? min(original.channelCount, 2)
      ) { try trip.copy(of: $0) }
    }.run()
  }
}
