public import ArgumentParser
import Audio
import Foundation
public import Spectro
import Terminal

struct SpectrogramCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spectrogram",
    abstract: "Turns sound into a spectrogram's picture or array, and back.",
    subcommands: [Export.self, Import.self])

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sound to a picture (.png) or an array (.npy).",
      discussion: """
        The file remembers its settings, so that `compose spectrogram import` needs none. Of several \
        channels, the mean is taken.

        Examples:
          compose spectrogram export loop.wav
          compose spectrogram export loop.wav --output loop.npy
          compose spectrogram export loop.wav --output loop.png --color-map viridis --plain
        """)

    @Argument(help: "An audio file.")
    var file: String

    @Option(name: .shortAndLong, help: "Ends in .png or .npy. Default: the file's name with .png.")
    var output: String?

    @OptionGroup var settings: SpectrogramOptions

    @Option(
      help: "\(ColorMap.allCases.map(\.rawValue).joined(separator: ", ")). Default: magma.")
    var colorMap: ColorMap?

    @Flag(help: "No axes.")
    var plain = false

    @Flag(help: "16 bits of grey, one pixel a value: for programs, and nearly lossless.")
    var data = false

    @Flag(help: "Replace a file that exists.")
    var overwrite = false

    func run() throws {
      let output =
        output ?? URL(fileURLWithPath: file).deletingPathExtension().relativePath + ".png"
      let format = try SpectrogramFormat(path: output)
      if format == .npy, colorMap != nil || plain || data {
        throw CommandError.uselessOptions(
          "--color-map, --plain and --data", because: "\(output) is no picture")
      }
      guard overwrite || !FileManager.default.fileExists(atPath: output) else {
        throw CommandError.exists(output)
      }
      let audio = try AudioBuffer(contentsOf: file)
      let settings = settings.settings(sampleRate: settings.sampleRate ?? audio.sampleRate)
      try settings.validate()
      let analysis = try MelSpectrogram(settings)
      let samples = try audio.mono().resampled(to: settings.sampleRate).channels[0]
      let logMel = analysis.logMel(of: samples)
      switch format {
      case .png:
        try logMel.writePNG(
          to: output, settings: settings,
          style: data ? .data : .picture(colorMap ?? .magma, axes: !plain), overwrite: overwrite)
      case .npy:
        try logMel.writeNPY(to: output, settings: settings, overwrite: overwrite)
      }
      Terminal.result(
        "\(output): \(logMel.frames) frames of \(logMel.bins) mel bins, "
          + String(format: "%.2f s at %d Hz", audio.duration, settings.sampleRate))
    }
  }

  struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "A spectrogram's picture or array to sound, by Griffin-Lim.",
      discussion: """
        Reads what `compose spectrogram export` wrote, also after painting on it. An array from \
        elsewhere, `[mel bins, frames]` of ln mel power, needs --sample-rate and the other settings \
        that made it.

        Examples:
          compose spectrogram import loop.png --output again.wav
          compose spectrogram import mine.npy --sample-rate 22050 --output mine.wav
        """)

    @Argument(help: "A .png or .npy file.")
    var file: String

    @Option(name: .shortAndLong, help: "Audio file to write; its extension decides the format.")
    var output: String

    @Option(help: "Passes of Griffin-Lim: more is slower and closer.")
    var iterations = 32

    @OptionGroup var settings: SpectrogramOptions

    @Flag(help: "Replace a file that exists.")
    var overwrite = false

    func validate() throws {
      guard (0...10_000).contains(iterations) else {
        throw ValidationError("--iterations must be 0 to 10000.")
      }
    }

    func run() throws {
      guard AudioEncoding(path: output) != nil else {
        throw CommandError.unsupportedOutput(
          output, choices: ".wav, .flac, .ogg, .mp3, .aiff or .opus")
      }
      guard overwrite || !FileManager.default.fileExists(atPath: output) else {
        throw CommandError.exists(output)
      }
      let (logMel, settings) = try read()
      let samples = try MelInverter(settings).audio(fromLogMel: logMel, iterations: iterations)
      let audio = AudioBuffer(channels: [samples], sampleRate: settings.sampleRate)
      try audio.writeUnclipped(to: output, overwrite: overwrite)
      Terminal.result(
        "\(output): " + String(format: "%.2f s at %d Hz", audio.duration, audio.sampleRate))
    }

    private func read() throws -> (Spectrogram, SpectrogramSettings) {
      switch try SpectrogramFormat(path: file) {
      case .png:
        try settings.requireNone(for: file)
        return try Spectrogram.readPNG(from: file)
      case .npy:
        let (logMel, kept) = try Spectrogram.readNPY(from: file)
        if let kept {
          try settings.requireNone(for: file)
          return (logMel, kept)
        }
        guard let sampleRate = settings.sampleRate else {
          throw CommandError.unknownSettings(file)
        }
        var given = settings.settings(sampleRate: sampleRate)
        given.melBins = logMel.bins
        return (logMel, given)
      }
    }
  }
}

/// How sound becomes a spectrogram, where no file says so.
struct SpectrogramOptions: ParsableArguments {
  @Option(help: "Hz; sound is resampled to it. Default: the file's own.")
  var sampleRate: Int?

  @Option(help: "Samples in a Fourier transform. Default: 2048.")
  var fftSize: Int?

  @Option(help: "Samples from frame to frame. Default: 512.")
  var hopLength: Int?

  @Option(help: "Rows of the spectrogram. Default: 256.")
  var melBins: Int?

  func settings(sampleRate: Int) -> SpectrogramSettings {
    var settings = SpectrogramSettings(sampleRate: sampleRate)
    settings.fftSize = fftSize ?? settings.fftSize
    settings.hopLength = hopLength ?? settings.hopLength
    settings.melBins = melBins ?? settings.melBins
    return settings
  }

  /// For a file that says itself what made it.
  func requireNone(for file: String) throws {
    guard sampleRate == nil, fftSize == nil, hopLength == nil, melBins == nil else {
      throw CommandError.uselessOptions(
        "--sample-rate, --fft-size, --hop-length and --mel-bins",
        because: "\(file) says itself what made it")
    }
  }
}

enum SpectrogramFormat {
  case png, npy

  init(path: String) throws {
    switch URL(fileURLWithPath: path).pathExtension.lowercased() {
    case "png": self = .png
    case "npy": self = .npy
    default: throw CommandError.unsupportedOutput(path, choices: ".png or .npy")
    }
  }
}

extension ColorMap: ExpressibleByArgument {}
