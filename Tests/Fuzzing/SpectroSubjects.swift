import Foundation
import Spectro

extension Subject {
  /// The readers of spectrograms.
  static func spectrograms() throws -> [Subject] {
    let goldens = try seeds(in: "SpectroTests/Goldens")
    let settings = SpectrogramSettings(
      sampleRate: 8000, fftSize: 256, hopLength: 64, melBins: 16)
    let frames = 24
    let logMel = Spectrogram(
      values: (0..<frames * 16).map { -20 + Float($0 * 37 % 113) / 8 }, frames: frames, bins: 16)
    let styles: [PictureStyle] = [
      .picture(.magma), .picture(.magma, axes: false), .data,
    ]
    let pictures = try styles.map { style in
      try withTemporaryFile("a.png") {
        try logMel.writePNG(to: $0, settings: settings, style: style)
      }
    }
    let arrays = try [settings, nil].map { settings in
      try withTemporaryFile("a.npy") { try logMel.writeNPY(to: $0, settings: settings) }
    }
    let tables = try [1, 2].map { channels in
      try withTemporaryFile("a.csv") { path in
        let writer = try CSVWriter(path, settings: settings, channelCount: channels)
        try writer.append([Spectrogram](repeating: logMel, count: channels))
        try writer.finish()
      }
    }
    let others = goldens.filter {
      ["c", "fortran"].contains($0.url.lastPathComponent.split(separator: "-").dropFirst().first)
    }
    return [
      Subject("png", structure: .png, seeds: pictures) { path in
        try readSpectrogram(path)
        _ = try Spectrogram.readPNG(from: path)
      },
      Subject("npy", structure: .npy, seeds: arrays + others.map(\.bytes)) { path in
        try readSpectrogram(path)
        _ = try Spectrogram.readNPY(from: path)
      },
      Subject("csv", structure: .wholeText, seeds: tables, read: readSpectrogram),
    ]
  }

  /// That a spectrogram is what its settings say, and that it inverts without harm.
  @Sendable private static func readSpectrogram(_ path: String) throws {
    guard let reader = try SpectrogramFormat(path: path)?.reader(path) else {
      throw Defect("the format has no reader")
    }
    let (channels, bins, frames) = (reader.channelCount, reader.bins, reader.frames)
    guard (1...2).contains(channels), bins > 0, frames >= 0 else {
      throw Defect("impossible channels, bins or frames were accepted")
    }
    var start: Spectrogram?
    var count = 0
    while let block = try reader.read(upTo: 10) {
      guard block.count == channels, let first = block.first, (1...10).contains(first.frames),
        block.allSatisfy({ $0.bins == bins && $0.frames == first.frames })
      else { throw Defect("a block has other channels, bins or frames than asked for") }
      guard block.allSatisfy({ $0.values.allSatisfy(\.isFinite) }) else {
        throw Defect("values that are no numbers were accepted")
      }
      if start == nil { start = first }
      count += first.frames
    }
    guard count == frames else { throw Defect("\(count) frames were read of \(frames)") }
    if let start, let settings = reader.settings { try invert(start, settings) }
  }

  private static func invert(_ logMel: Spectrogram, _ settings: SpectrogramSettings) throws {
    do {
      try settings.validate()
    } catch {
      throw Defect("settings were accepted that are not valid: \(error)")
    }
    guard settings.melBins == logMel.bins else { throw Defect("the settings are not the values'") }
    // What is large is slow and nothing new.
    guard settings.fftSize <= 2048, settings.melBins * settings.fftSize <= 1 << 17,
      logMel.frames > 0
    else { return }
    let frames = min(logMel.frames, 4)
    let start = Spectrogram(
      values: Array(logMel.values[..<(frames * logMel.bins)]), frames: frames, bins: logMel.bins)
    let samples: [Float]
    do {
      samples = try MelInverter(settings, threads: 1).audio(fromLogMel: start, iterations: 1)
    } catch is SpectroError {
      return  // Numbers may still be too large.
    }
    guard samples.allSatisfy(\.isFinite) else {
      throw Defect("a spectrogram of numbers became a sound of none")
    }
  }
}
