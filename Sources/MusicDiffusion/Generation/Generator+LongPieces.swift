public import Audio
import Spectro
import Torch

/// Pieces that need not exist as a whole.
extension Generator {
  /// Whether a piece is better made in blocks: its sound alone takes some hundred megabytes.
  public static func isLong(_ seconds: Double) -> Bool { seconds > 600 }

  /// The same piece as ``generate(seconds:seed:options:onProgress:)`` in blocks, in memory that does not
  /// grow with its length, and not turned down where it would clip.
  ///
  /// - Parameters:
  ///   - seconds: more than 0, at most ``maximumSeconds``.
  ///   - write: gets the next samples; what it throws ends the work.
  /// - Throws: as ``generate(seconds:seed:options:onProgress:)``.
  public func generate(
    seconds: Double, seed: UInt64, options: Options = Options(),
    onProgress: (Progress) throws -> Void = { _ in }, write: (AudioBuffer) throws -> Void
  ) throws {
    try check(.piece(seconds: seconds), limit: Self.maximumSeconds)
    let (representation, space) = (model.configuration.representation, model.configuration.space)
    let plan = plan(seconds)
    let piece = SectionSampler.Piece(
      seed: seed, description: try description(of: options, seed: seed))
    let sampler = try SectionSampler(self, [piece], options: options)
    let total = plan.steps.count * sampler.evaluations(sampler.sigmas)
    var evaluations = 0
    var drawing = SectionDrawing(
      plan, channels: space.channels, bins: space.bins, device: device)
    var decoding = SectionDecoding(self, columns: plan.columns)
    // Log-mel that is drawn and not yet read, `[channels][frames, bins]`.
    var waiting = [[Float]](repeating: [], count: representation.channels)
    let bins = representation.spectrogram.melBins
    try MelInverter(representation.spectrogram, threads: threadCount).audio(
      frames: self.frames(seconds), channels: representation.channels,
      iterations: options.inversionIterations, seed: seed, sampleCount: sampleCount(seconds)
    ) { frames in
      while waiting[0].count < frames.count * bins {
        let planes = try drawing.next { section, known, mask in
          try sampler.draw(section: section, known: known, mask: mask) { _, _, _ in
            evaluations += 1
            try onProgress(Progress(evaluations: evaluations, totalEvaluations: total))
          }
        }
        let drawn = try decoding.next(planes)
        for (channel, plane) in drawn.enumerated() { waiting[channel] += plane.values }
      }
      return waiting.indices.map { channel in
        let values = Array(waiting[channel].prefix(frames.count * bins))
        waiting[channel].removeFirst(values.count)
        return Spectrogram(values: values, frames: frames.count, bins: bins)
      }
    } write: { samples in
      try write(representation.audio(fromChannels: samples))
    }
  }
}
