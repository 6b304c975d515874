import Evaluation
import Foundation
import Testing

@Suite struct EncoderTests {
  private let bands = 6

  /// Two bands swing once in 16 frames, so that any eight frames tell the next eight; the others are noise,
  /// three times as strong, that tells nothing.
  private func window(_ generator: inout SeededGenerator, frames: Int = 64) -> [Float] {
    let phase = Double.random(in: 0..<6.28, using: &generator)
    return (0..<frames).flatMap { frame -> [Float] in
      let swing = sin(2 * .pi * Double(frame) / 16 + phase)
      return (0..<bands).map { band in
        Float(band < 2 ? swing : 3 * generator.nextNormal())
      }
    }
  }

  /// What can be foretold is learned: its surprise is near 0, that of noise is not.
  @Test func learnsWhatFollows() {
    var generator = SeededGenerator(seed: 3)
    let encoder = PatchEncoder(
      trainedOn: (0..<60).map { _ in window(&generator) }, bands: bands)
    #expect(encoder.columns == 3 * encoder.directions)
    let surprises = encoder.encode(window(&generator)).suffix(encoder.directions)
    // A swing has two directions, as of a sine and of a cosine.
    #expect(surprises.prefix(2).allSatisfy { $0 < 0.4 })
    #expect(surprises.dropFirst(2).allSatisfy { $0 > 0.8 })

    // The same frames in pieces out of order.
    let whole = window(&generator)
    let pieces = stride(from: 0, to: 64, by: 4).map { whole[$0 * bands..<($0 + 4) * bands] }
    let shuffled = pieces.shuffled(using: &generator).flatMap(\.self)
    let ofShuffled = encoder.encode(shuffled).suffix(encoder.directions)
    #expect(ofShuffled.prefix(2).allSatisfy { $0 > 0.8 })
  }

  /// Windows too short for a patch, or for two, and silence.
  @Test func takesAnyWindow() {
    var generator = SeededGenerator(seed: 4)
    let windows = [1, 7, 8, 12, 64].map { window(&generator, frames: $0) }
    let silence = [Float](repeating: 0, count: 64 * bands)
    for training in [windows, [silence, silence]] {
      let encoder = PatchEncoder(trainedOn: training, bands: bands)
      for window in windows + [silence] {
        let features = encoder.encode(window)
        #expect(features.count == encoder.columns && features.allSatisfy(\.isFinite))
      }
    }
  }
}
