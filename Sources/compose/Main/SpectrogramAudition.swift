import ArgumentParser
import Audio
import Foundation
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
      """)

  @Argument(help: "Audio files, or folders of them.")
  var paths: [String]

  @Option(name: .shortAndLong, help: "Folder to write to. Default: the first name + -audition.")
  var output: String?

  @OptionGroup var settings: SpectrogramOptions

  @Option(
    parsing: .unconditional,
    help: "1 for mono, 2 for stereo. Default: the preset's, or the file's up to 2.")
  var channels: Int?

  @Option(parsing: .unconditional, help: "Passes of Griffin-Lim.")
  var iterations = 32

  @Option(parsing: .unconditional, help: "Files to take of each folder.")
  var files = 8

  @Option(
    parsing: .unconditional,
    help: """
      Seconds to take of each file, from the middle of longer ones, or from the beginning where the \
      file does not tell how long it is.
      """)
  var seconds = 30.0

  @Flag(help: "Replace files that exist.")
  var overwrite = false

  func validate() throws {
    guard !paths.isEmpty else { throw ValidationError("Name a file or a folder.") }
    guard (0...10_000).contains(iterations) else {
      throw ValidationError("--iterations must be 0 to 10000.")
    }
    guard channels.map({ (1...2).contains($0) }) ?? true else {
      throw ValidationError("--channels must be 1 or 2.")
    }
    guard (1...100_000).contains(files) else {
      throw ValidationError("--files must be 1 to 100000.")
    }
    guard seconds >= 0.1, seconds <= 600 else {
      throw ValidationError("--seconds must be 0.1 to 600.")
    }
  }

  func run() throws {
    let files = try AuditionFiles(paths, ofEachFolder: files, output: output)
    for path in files.outputs.flatMap(\.all)
    where !overwrite && FileManager.default.fileExists(atPath: path) {
      throw CommandError.exists(path)
    }
    let isNew = !FileManager.default.fileExists(atPath: files.folder)
    try makeFolder(of: files.outputs[0].copy)
    let line = ProgressLine()
    var trips: [(file: String, losses: RoundTrip.Losses)] = []
    defer {
      // Leaves a folder that something is in.
      if isNew, trips.isEmpty { rmdir(files.folder) }
    }
    let count = files.inputs.count
    for (index, (file, outputs)) in zip(files.inputs, files.outputs).enumerated() {
      if count > 1 { line.update("\(index + 1) of \(count): \(file)") }
      do {
        trips.append((file, try audition(file, outputs, line)))
      } catch  where count > 1 && error is AudioError {
        line.finish()
        Terminal.note("skipped \(file): \(error)")
      }
    }
    line.finish()
    if trips.count > 1, let summary = RoundTrip.Summary(trips.map(\.losses)) {
      let worst = trips[summary.worst]
      Terminal.result(
        String(
          format: "mean of %d files: spectral convergence %.1f dB, log-mel error %.2f dB; ",
          trips.count, summary.spectralConvergence, summary.logMelError)
          + String(format: "the worst %.1f dB: ", worst.losses.spectralConvergence) + worst.file)
    }
    if !trips.isEmpty { Terminal.result("listen and look: \(files.folder)") }
    if trips.count < count { throw CommandError.filesFailed(count - trips.count, of: count) }
  }

  private func audition(
    _ file: String, _ outputs: AuditionFiles.Outputs, _ line: ProgressLine
  ) throws -> RoundTrip.Losses {
    let original = try AudioBuffer(middleOf: file, seconds: seconds)
    let settings = settings.settings(sampleRate: original.sampleRate)
    let trip = try RoundTrip(settings, iterations: iterations)
    let count = channels ?? self.settings.preset?.channelCount ?? min(original.channelCount, 2)
    let sound = try original.mixed(toChannels: count).resampled(to: settings.sampleRate)
    let result = try copy(of: sound, trip)
    let losses = try RoundTrip.Losses(
      of: result.channels, against: sound.channels, sampleRate: settings.sampleRate)

    let written = AudioBuffer.limited([original, result], toPeak: 0.999)
    try written[0].write(to: outputs.original, overwrite: overwrite)
    try written[1].write(to: outputs.copy, overwrite: overwrite)
    try draw(sound, result, settings, to: outputs.picture)

    line.finish()
    Terminal.result(file)
    for words in try AuditionVerdict(original, sound, result, settings, losses).lines {
      Terminal.result("  \(words)")
    }
    return losses
  }

  /// Stereo goes the way of models and of `export --stereo`, as mid and side.
  private func copy(of sound: AudioBuffer, _ trip: RoundTrip) throws -> AudioBuffer {
    guard sound.channelCount == 2 else {
      return AudioBuffer(channels: try trip.copy(of: sound.channels), sampleRate: sound.sampleRate)
    }
    let planes = try trip.copy(of: sound.arranged(as: .midSide).channels)
    return AudioBuffer(mid: planes[0], side: planes[1], sampleRate: sound.sampleRate)
  }

  /// The original above what is left of it.
  private func draw(
    _ sound: AudioBuffer, _ result: AudioBuffer, _ settings: SpectrogramSettings, to path: String
  ) throws {
    let mel = try MelSpectrogram(settings)
    let writer = try PNGWriter(
      path, settings: settings, channelCount: 2, lanes: ["Original", "Round trip"],
      title: URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent,
      overwrite: overwrite)
    try writer.append([sound, result].map { mel.logMel(of: $0.mono().channels[0]) })
    try writer.finish()
  }
}
