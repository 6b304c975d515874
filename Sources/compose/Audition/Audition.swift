public import Audio
import Foundation
public import Spectro
import Terminal

/// Sound that goes a way on which something of it is lost, file by file: both are written, with a picture, and
/// what is lost is said.
public struct Audition {
  /// What a sound goes through.
  public struct Way {
    public let settings: SpectrogramSettings
    /// 1, or 2 as mid and side.
    public let channels: Int
    /// What comes back of channels `[channels][samples]` at the settings' rate, as long.
    public let copy: (_ planes: [[Float]]) throws -> [[Float]]

    public init(
      _ settings: SpectrogramSettings, channels: Int,
      copy: @escaping (_ planes: [[Float]]) throws -> [[Float]]
    ) {
      (self.settings, self.channels, self.copy) = (settings, channels, copy)
    }
  }

  private let options: AuditionOptions
  /// Of a file's sound.
  private let way: (_ original: AudioBuffer) throws -> Way

  public init(_ options: AuditionOptions, way: @escaping (AudioBuffer) throws -> Way) {
    (self.options, self.way) = (options, way)
  }

  public func run() throws {
    let files = try AuditionFiles(
      options.paths, ofEachFolder: options.files, output: options.output)
    for path in files.outputs.flatMap(\.all)
    where !options.overwrite && FileManager.default.fileExists(atPath: path) {
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
    let original = try AudioBuffer(middleOf: file, seconds: options.seconds)
    let way = try way(original)
    let settings = way.settings
    let sound = try original.mixed(toChannels: way.channels).resampled(to: settings.sampleRate)
    let result = try copy(of: sound, way)
    let losses = try RoundTrip.Losses(
      of: result.channels, against: sound.channels, sampleRate: settings.sampleRate)

    let written = AudioBuffer.limited([original, result], toPeak: 0.999)
    try written[0].write(to: outputs.original, overwrite: options.overwrite)
    try written[1].write(to: outputs.copy, overwrite: options.overwrite)
    try draw(sound, result, settings, to: outputs.picture)

    line.finish()
    Terminal.result(file)
    for words in try AuditionVerdict(original, sound, result, settings, losses).lines {
      Terminal.result("  \(words)")
    }
    return losses
  }

  /// Stereo goes the way of models and of `export --stereo`, as mid and side.
  private func copy(of sound: AudioBuffer, _ way: Way) throws -> AudioBuffer {
    guard sound.channelCount == 2 else {
      return AudioBuffer(channels: try way.copy(sound.channels), sampleRate: sound.sampleRate)
    }
    let planes = try way.copy(sound.arranged(as: .midSide).channels)
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
      overwrite: options.overwrite)
    try writer.append([sound, result].map { mel.logMel(of: $0.mono().channels[0]) })
    try writer.finish()
  }
}
