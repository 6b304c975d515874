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

  @Option(help: "1 for mono, 2 for stereo. Default: the preset's, or the file's up to 2.")
  var channels: Int?

  @Option(help: "Passes of Griffin-Lim.")
  var iterations = 32

  @Option(help: "Files to take of each folder.")
  var files = 8

  @Option(help: "Seconds to take of each file, from the middle of longer ones.")
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
    let files = try chosenFiles()
    let folder = output ?? defaultOutput
    let names = Self.names(of: files)
    for name in names {
      for path in Paths(folder: folder, name: name).all
      where !overwrite && FileManager.default.fileExists(atPath: path) {
        throw CommandError.exists(path)
      }
    }
    let line = ProgressLine()
    var trips: [(name: String, losses: RoundTrip.Losses)] = []
    var failed = 0
    for (index, file) in files.enumerated() {
      if files.count > 1 { line.update("\(index + 1) of \(files.count): \(file)") }
      do {
        let losses = try audition(file, Paths(folder: folder, name: names[index]), line)
        trips.append((file, losses))
      } catch  where files.count > 1 && error is AudioError {
        line.finish()
        Terminal.note("skipped \(file): \(error)")
        failed += 1
      }
    }
    line.finish()
    if trips.count > 1 { summarize(trips) }
    if !trips.isEmpty { Terminal.result("listen and look: \(folder)") }
    if failed > 0 { throw CommandError.filesFailed(failed, of: files.count) }
  }

  /// Where one file's results go.
  private struct Paths {
    let original, copy, picture: String
    var all: [String] { [original, copy, picture] }

    init(folder: String, name: String) {
      original = "\(folder)/\(name)-original.wav"
      copy = "\(folder)/\(name)-round-trip.wav"
      picture = "\(folder)/\(name).png"
    }
  }

  private var defaultOutput: String {
    let url = URL(fileURLWithPath: paths[0]).standardizedFileURL
    return url.deletingPathExtension().lastPathComponent + "-audition"
  }

  /// Files as they are named, and of each folder some, spread evenly over it.
  private func chosenFiles() throws -> [String] {
    try paths.flatMap { path -> [String] in
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
      else { return [path] }
      let all = try AudioFolder(path).files.map {
        "\(path.hasSuffix("/") ? path : path + "/")\($0.path)"
      }
      let count = min(files, all.count)
      if count < all.count {
        Terminal.note("\(path): \(count) of \(all.count) files; --files takes more")
      }
      return (0..<count).map { all[$0 * all.count / count] }
    }
  }

  /// The files' names without folders and extensions, numbered where they are alike.
  private static func names(of files: [String]) -> [String] {
    var uses: [String: Int] = [:]
    return files.map { file in
      let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
      uses[name, default: 0] += 1
      return uses[name] == 1 ? name : "\(name)-\(uses[name, default: 1])"
    }
  }

  private func audition(
    _ file: String, _ paths: Paths, _ line: ProgressLine
  ) throws -> RoundTrip.Losses {
    let original = try excerpt(of: file)
    let settings = settings.settings(sampleRate: original.sampleRate)
    let trip = try RoundTrip(settings, iterations: iterations)
    let count = channels ?? self.settings.preset?.channelCount ?? min(original.channelCount, 2)
    let sound = try original.mixed(toChannels: count).resampled(to: settings.sampleRate)
    let result = try copy(of: sound, trip)
    let losses = trip.losses(of: result.channels, against: sound.channels)

    try makeFolder(of: paths.copy)
    // The same gain for both, or one would seem better for being louder.
    let peak = max(original.peak, result.peak, 0.999)
    try original.scaled(by: 0.999 / peak).write(to: paths.original, overwrite: overwrite)
    try result.scaled(by: 0.999 / peak).write(to: paths.copy, overwrite: overwrite)
    try draw(sound, result, settings, to: paths.picture)

    line.finish()
    Terminal.result(file)
    for words in try Verdict(original, sound, result, settings, losses).lines {
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

  /// The whole file, or the middle of a longer one.
  private func excerpt(of file: String) throws -> AudioBuffer {
    let reader = try AudioReader(file)
    let length = Int(seconds * Double(reader.sampleRate))
    guard let count = reader.sampleCount, count > length else {
      let sound = try AudioBuffer(contentsOf: file)
      let start = max(0, sound.sampleCount - length) / 2
      return sound[start..<min(sound.sampleCount, start + length)]
    }
    let start = (count - length) / 2
    return try AudioBuffer(contentsOf: file, range: start..<start + length)
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

  private func summarize(_ trips: [(name: String, losses: RoundTrip.Losses)]) {
    func mean(_ value: (RoundTrip.Losses) -> Double) -> Double {
      trips.reduce(0) { $0 + value($1.losses) } / Double(trips.count)
    }
    guard
      let worst = trips.max(by: { $0.losses.spectralConvergence < $1.losses.spectralConvergence })
    else { return }
    Terminal.result(
      String(
        format:
          "mean of %d files: spectral convergence %.1f dB, log-mel error %.2f dB; the worst %.1f dB: %@",
        trips.count, mean(\.spectralConvergence), mean(\.logMelError),
        worst.losses.spectralConvergence, worst.name))
  }
}

/// What a trip loses, in words.
private struct Verdict {
  let lines: [String]

  /// - Parameters:
  ///   - original: as the file has it.
  ///   - sound: what of it the settings take, at their rate and with their channels.
  ///   - result: what came back of that.
  init(
    _ original: AudioBuffer, _ sound: AudioBuffer, _ result: AudioBuffer,
    _ settings: SpectrogramSettings, _ losses: RoundTrip.Losses
  ) throws {
    guard sound.peak > 0 else {
      lines = ["silence, which comes back as silence"]
      return
    }
    lines = [
      String(
        format: "spectral convergence %.1f dB, log-mel error %.2f dB: %@",
        losses.spectralConvergence, losses.logMelError, Self.fidelity(losses)),
      Self.bandwidth(of: original, settings),
      Self.channels(of: original, sound),
      Self.sides(of: sound, result),
      try Self.loudness(of: sound, result),
      Self.attacks(losses.attacks),
    ].compactMap(\.self)
  }

  private static func fidelity(_ losses: RoundTrip.Losses) -> String {
    switch losses.spectralConvergence {
    case ..<(-25): "close to the original"
    case ..<(-18): "slightly blurred"
    case ..<(-12): "blurred, or much noise, which is drawn anew"
    default: "much blurred, or mostly noise, which is drawn anew"
    }
  }

  private static func bandwidth(
    of original: AudioBuffer, _ settings: SpectrogramSettings
  ) -> String {
    let spread = Bandwidth(of: original.mono().channels[0], sampleRate: original.sampleRate)
    let (limit, top) = (settings.topFrequency, spread.top)
    func kilohertz(_ hertz: Double) -> String { String(format: "%.1f kHz", hertz / 1000) }
    if top == 0 { return "bandwidth: a constant, which no mel filter sees, is lost" }
    if top <= limit * 1.02 {
      return "bandwidth: nothing is lost; the sound ends at \(kilohertz(top))"
    }
    let part = 100 * spread.energy(above: limit)
    return "bandwidth: all above \(kilohertz(limit)) is lost, "
      + (part < 0.01 ? "less than 0.01" : String(format: "%.2g", part))
      + " % of the energy; the sound reaches \(kilohertz(top))"
  }

  /// Nil where none are lost.
  private static func channels(of original: AudioBuffer, _ sound: AudioBuffer) -> String? {
    guard original.channelCount > sound.channelCount else { return nil }
    let kept = original.mixed(toChannels: sound.channelCount).mixed(
      toChannels: original.channelCount)
    var (lost, all) = (0.0, 0.0)
    for (a, b) in zip(original.channels, kept.channels) {
      for (a, b) in zip(a, b) {
        lost += Double((a - b) * (a - b))
        all += Double(a * a)
      }
    }
    return String(
      format: "channels: %d become %d; the difference, %.2g %% of the energy, is lost",
      original.channelCount, sound.channelCount, all > 0 ? 100 * lost / all : 0)
  }

  /// What becomes of the difference of left and right; nil for mono.
  private static func sides(of sound: AudioBuffer, _ result: AudioBuffer) -> String? {
    guard sound.channelCount == 2 else { return nil }
    func correlation(_ stereo: AudioBuffer) -> Double {
      let planes = stereo.arranged(as: .midSide).channels
      let (mid, side) = (planes[0], planes[1])
      let product = zip(mid, side).reduce(0.0) { $0 + Double($1.0 * $1.1) }
      let energies = [mid, side].map { $0.reduce(0.0) { $0 + Double($1 * $1) } }
      let norm = (energies[0] * energies[1]).squareRoot()
      return norm > 0 ? product / norm : 0
    }
    let (kept, wanted) = (correlation(result), correlation(sound))
    let isLost = abs(wanted) > 0.1 && kept / wanted < 0.5
    return String(
      format: "stereo: mid and side correlate by %.2f, by %.2f in the original: ", kept, wanted)
      + (isLost ? "which side sounds stand on is lost" : "the balance is kept")
  }

  private static func loudness(of sound: AudioBuffer, _ result: AudioBuffer) throws -> String {
    guard let before = try sound.loudness().integrated.value,
      let after = try result.loudness().integrated.value
    else { return "loudness: too short or too soft to tell" }
    let change = after - before
    return String(format: "loudness: %.1f LUFS, %+.1f LU", after, change)
      + (abs(change) < 0.5 ? ", kept" : "")
  }

  private static func attacks(_ smear: Attacks.Smear?) -> String {
    guard let smear else { return "attacks: none found" }
    let (before, after) = (smear.riseTime * 1000, smear.copiedRiseTime * 1000)
    let isKept = after - before <= 3 && smear.preEcho < 3
    return String(
      format:
        "attacks: %d found, %@: they rise in %.0f ms, in %.0f in the original; pre-echo %+.1f dB",
      smear.count, isKept ? "kept" : "softened", after, before, smear.preEcho)
  }
}
