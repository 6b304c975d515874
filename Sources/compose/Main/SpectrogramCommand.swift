public import ArgumentParser
public import Spectro
import Terminal

struct SpectrogramCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spectrogram",
    abstract: "Turns sound into a spectrogram's picture, array or table, and back.",
    subcommands: [SpectrogramExport.self, SpectrogramImport.self, SpectrogramAudition.self])
}

/// How sound becomes a spectrogram, where no file says so.
struct SpectrogramOptions: ParsableArguments {
  @Option(
    help: """
      The settings of a preset of `compose train`: \
      \(SpectrogramPreset.allCases.map(\.rawValue).joined(separator: ", ")). What is given beside it \
      counts more.
      """)
  var preset: SpectrogramPreset?

  @Option(parsing: .unconditional, help: "Hz; sound is resampled to it. Default: the file's own.")
  var sampleRate: Int?

  @Option(parsing: .unconditional, help: "Samples in a Fourier transform. Default: 2048.")
  var fftSize: Int?

  @Option(parsing: .unconditional, help: "Samples from frame to frame. Default: 512.")
  var hopLength: Int?

  @Option(parsing: .unconditional, help: "Rows of the spectrogram. Default: 256.")
  var melBins: Int?

  /// - Parameter sampleRate: where neither an option nor a preset tells.
  func settings(sampleRate: Int) -> SpectrogramSettings {
    var settings = preset?.settings ?? SpectrogramSettings(sampleRate: sampleRate)
    settings.sampleRate = self.sampleRate ?? settings.sampleRate
    settings.fftSize = fftSize ?? settings.fftSize
    settings.hopLength = hopLength ?? settings.hopLength
    settings.melBins = melBins ?? settings.melBins
    return settings
  }

  /// Whether there is any option.
  var isGiven: Bool {
    preset != nil || sampleRate != nil || fftSize != nil || hopLength != nil || melBins != nil
  }

  /// For a file that says itself what made it.
  func requireNone(for file: String) throws {
    guard !isGiven else {
      throw CommandError.uselessOptions(
        "--preset, --sample-rate, --fft-size, --hop-length and --mel-bins",
        because: "\(file) says itself what made it")
    }
  }
}

extension SpectrogramPreset: ExpressibleByArgument {}
