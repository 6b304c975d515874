import Audio
import MusicDiffusion
import Terminal

/// A piece to be written.
enum DrawnPiece {
  case whole(AudioBuffer)
  /// One that is drawn while it is written, in memory that does not grow with its length.
  case long(
    sampleCount: Int, sampleRate: Int, channelCount: Int,
    draw: (_ write: (AudioBuffer) throws -> Void) throws -> Void)

  /// Pieces of one form, drawn beside each other; a long one alone, when it is written.
  static func draw(
    _ form: Generator.Form, seeds: [UInt64], by generator: Generator, _ options: Generator.Options,
    onProgress: @escaping (Generator.Progress) throws -> Void
  ) throws -> [DrawnPiece] {
    guard case .piece(let seconds) = form, Generator.isLong(seconds) else {
      return try generator.generate(form, seeds: seeds, options: options, onProgress: onProgress)
        .map { .whole($0) }
    }
    let representation = generator.model.configuration.representation
    return seeds.map { seed in
      .long(
        sampleCount: Int((seconds * Double(representation.sampleRate)).rounded()),
        sampleRate: representation.sampleRate, channelCount: representation.channels
      ) { write in
        try generator.generate(
          seconds: seconds, seed: seed, options: options, onProgress: onProgress, write: write)
      }
    }
  }

  /// Writes the file at the level wanted.
  func write(
    to path: String, encoding: AudioEncoding, normalizedTo target: NormalizationTarget?,
    metadata: AudioMetadata, overwrite: Bool
  ) throws -> WrittenSound {
    switch self {
    case .whole(let audio):
      try audio.writeUnclipped(
        to: path, encoding: encoding, normalizedTo: target, metadata: metadata,
        overwrite: overwrite)
    case .long(let sampleCount, let sampleRate, let channelCount, let draw):
      try writeUnclipped(
        to: path, encoding: encoding, sampleRate: sampleRate, channelCount: channelCount,
        sampleCount: sampleCount, normalizedTo: target, metadata: metadata, overwrite: overwrite,
        draw)
    }
  }
}
