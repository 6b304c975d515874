public import Audio
import Foundation
package import Spectro
import Torch

/// A part of one's own sound drawn anew; the rest of it stays sample for sample as it is.
extension Generator {
  /// Seconds of the end of a sound that ``continuation(of:seconds:seed:options:onProgress:)`` looks at.
  public var contextSeconds: Double {
    let representation = model.configuration.representation
    return Double(representation.contextSamples(at: representation.sampleRate))
      / Double(representation.sampleRate)
  }

  /// How a sound goes on.
  ///
  /// - Parameters:
  ///   - sound: of any rate and number of channels; only the last ``contextSeconds`` are looked at.
  ///   - seconds: more than 0, at most ``maximumSecondsInMemory``.
  ///   - options: without a label, nothing is said of one: the sound tells.
  /// - Returns: what follows, `(seconds · sampleRate).rounded()` samples, at the rate and on the
  ///   channels of the sound; the end of the sound and this make one sound without a seam.
  /// - Throws: as ``generate(seconds:seed:options:onProgress:)``; ``ModelError/tooShortToEdit(_:needed:)``.
  public func continuation(
    of sound: AudioBuffer, seconds: Double, seed: UInt64, options: Options = Options(),
    onProgress: (Progress) throws -> Void = { _ in }
  ) throws -> AudioBuffer {
    guard seconds > 0 && seconds <= Self.maximumSecondsInMemory else {
      throw ModelError.invalidSeconds(seconds, limit: Self.maximumSecondsInMemory)
    }
    let representation = model.configuration.representation
    let context = representation.contextSamples(at: sound.sampleRate)
    let end = sound[max(0, sound.sampleCount - context)..<sound.sampleCount]
    let count = max(1, Int((seconds * Double(sound.sampleRate)).rounded()))
    let part = end.sampleCount..<end.sampleCount + count
    let excerpt = Excerpt(
      of: end.sampleCount, part: part, sampleRate: sound.sampleRate, model.configuration)
    try checkContext(of: excerpt)
    let sampler = try SectionSampler(self, seed: seed, options: options)
    let total = excerpt.plan.steps.count * sampler.evaluations(sampler.sigmas)
    var evaluations = 0
    let drawn = try redrawn(excerpt, of: end, bands: [], sampler, firstSection: 0, seed, options) {
      _, _, _ in
      evaluations += 1
      try onProgress(Progress(evaluations: evaluations, totalEvaluations: total))
    }
    let new = drawn[part].limitedAround(peak: max(Self.peak, end.peak))
    return end.replacing(part, with: new)[part]
  }

  /// A sound with some spans, or bands of frequencies in them, drawn anew.
  ///
  /// Of bands the sound keeps what lies outside: what is added is the difference of new and old, passed
  /// through a ``BandFilter`` for each.
  ///
  /// - Parameters:
  ///   - sound: of any rate and number of channels, at most ``maximumSecondsInMemory`` long.
  ///   - spans: in seconds, within the sound; those that touch are one. Empty for all of it, with bands.
  ///   - bands: Hz; those that touch are one. Empty for all frequencies.
  ///   - options: without a label, nothing is said of one: the sound tells.
  /// - Returns: as many samples, at the same rate and on the same channels.
  /// - Throws: as ``generate(seconds:seed:options:onProgress:)``;
  ///   ``ModelError/invalidSpan(_:duration:)``; ``ModelError/tooShortToEdit(_:needed:)``;
  ///   ``ModelError/tooLongToEdit(_:limit:)``;
  ///   ``ModelError/invalidArgument(_:)`` for a band in which the model has no mel bin.
  public func inpainting(
    _ sound: AudioBuffer, spans: [Range<Double>], bands: [ClosedRange<Double>] = [],
    seed: UInt64,
    options: Options = Options(), onProgress: (Progress) throws -> Void = { _ in }
  ) throws -> AudioBuffer {
    try Self.checkLength(of: sound)
    let representation = model.configuration.representation
    let context = representation.contextSamples(at: sound.sampleRate)
    let parts = try sound.parts(of: spans)
    let bands = Self.merged(bands)
    // With what stands around each; a later one knows what was drawn of an earlier one.
    let excerpts = parts.map { part in
      let whole =
        max(0, part.lowerBound - context)..<min(sound.sampleCount, part.upperBound + context)
      let inner = part.lowerBound - whole.lowerBound..<part.upperBound - whole.lowerBound
      return (
        range: whole,
        excerpt: Excerpt(
          of: whole.count, part: inner, sampleRate: sound.sampleRate, model.configuration)
      )
    }
    for (_, excerpt) in excerpts where bands.isEmpty { try checkContext(of: excerpt) }
    let sampler = try SectionSampler(self, seed: seed, options: options)
    let steps = excerpts.reduce(0) { $0 + $1.excerpt.plan.steps.count }
    let total = steps * sampler.evaluations(sampler.sigmas)
    var (evaluations, firstSection) = (0, 0)
    var result = sound
    for (range, excerpt) in excerpts {
      let old = result[range]
      let drawn = try redrawn(
        excerpt, of: old, bands: bands, sampler, firstSection: firstSection, seed, options
      ) { _, _, _ in
        evaluations += 1
        try onProgress(Progress(evaluations: evaluations, totalEvaluations: total))
      }
      firstSection += excerpt.plan.steps.count
      let limit = max(Self.peak, old.peak)
      let new =
        bands.isEmpty
        ? old.replacing(excerpt.part, with: drawn[excerpt.part].limitedAround(peak: limit))
        : bands.reduce(old) { sound, band in
          BandFilter(band, sampleRate: sound.sampleRate)
            .replacing(excerpt.part, of: sound, with: drawn, peak: limit)
        }
      for channel in result.channels.indices {
        result.channels[channel].replaceSubrange(range, with: new.channels[channel])
      }
    }
    return result
  }

  /// In order, those that touch or overlap as one: filters one after the other would leave some of the old sound where
  /// they meet.
  private static func merged(_ bands: [ClosedRange<Double>]) -> [ClosedRange<Double>] {
    bands.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { merged, band in
      if let last = merged.last, band.lowerBound <= last.upperBound {
        merged[merged.count - 1] = last.lowerBound...max(last.upperBound, band.upperBound)
      } else {
        merged.append(band)
      }
    }
  }

  /// The largest sample of what is drawn, unless the sound has larger ones.
  static let peak: Float = 0.98

  /// A window of the transform must stand, at least.
  private func checkContext(of excerpt: Excerpt) throws {
    let settings = model.configuration.representation.spectrogram
    let standing = excerpt.known.reduce(0) { $0 + $1.count }
    guard standing < settings.fftSize else { return }
    let rate = Double(settings.sampleRate)
    throw ModelError.tooShortToEdit(
      Double(standing) / rate, needed: Double(settings.fftSize) / rate)
  }

  /// An excerpt with its part drawn anew, as the model hears all of it: at the rate and on the channels of
  /// the sound, not yet joined to it.
  private func redrawn(
    _ excerpt: Excerpt, of sound: AudioBuffer, bands: [ClosedRange<Double>],
    _ sampler: SectionSampler,
    firstSection: Int, _ seed: UInt64, _ options: Options, observe: SectionSampler.Observer
  ) throws -> AudioBuffer {
    let representation = model.configuration.representation
    let settings = representation.spectrogram
    let channels = try representation.channels(of: sound).map { samples in
      Array(samples.prefix(excerpt.sampleCount))
        + [Float](repeating: 0, count: max(0, excerpt.sampleCount - samples.count))
    }
    let heard = try logMel(of: bands.isEmpty ? fading(channels, into: excerpt.open) : channels)
    let (space, columns) = (model.configuration.space, excerpt.plan.columns)
    var piece = try PartialPiece(
      normalized(heard, columns: columns), channels: space.channels, bins: space.bins,
      columns: columns)
    let ranges = bands.isEmpty ? [0..<settings.melBins] : try bands.map(bins(of:))
    for bins in ranges { piece.open(bins: space.bins(of: bins), columns: excerpt.columns) }
    piece.open(bins: 0..<space.bins, columns: space.columns(excerpt.frames)..<columns)
    var pieces = [piece]
    try SectionPlan.Step.draw(excerpt.plan.steps, of: &pieces, atOnce: 1, device: device) {
      number, _, known, mask in
      try sampler.draw(
        section: firstSection + number, known: known, mask: mask, observe: observe)
    }
    var planes = try logMel(of: pieces[0].planes, frames: excerpt.frames)
    // What stands, to the bit.
    for (channel, heard) in heard.enumerated() {
      for frame in 0..<excerpt.frames {
        let isOpen = excerpt.gap.contains(frame)
        for bin in 0..<settings.melBins where !(isOpen && ranges.contains { $0.contains(bin) }) {
          planes[channel][frame, bin] = heard[frame, bin]
        }
      }
    }
    let inverted = try MelInverter(settings, threads: threadCount).audio(
      fromLogMel: planes, iterations: options.inversionIterations, seed: seed,
      sampleCount: excerpt.sampleCount,
      known: channels.map { KnownSamples(samples: $0, ranges: excerpt.known) })
    let audio = try representation.audio(fromChannels: inverted)
      .resampled(to: sound.sampleRate).mixed(toChannels: sound.channelCount)
    return audio[0..<max(sound.sampleCount, excerpt.part.upperBound)]
  }

  /// Channels at the model's rate that go on for half a window into what is open, as they would, and fall
  /// silent there: the frames at its borders look into it.
  private func fading(_ channels: [[Float]], into open: Range<Int>) -> [[Float]] {
    let settings = model.configuration.representation.spectrogram
    let silence = channels.map { _ in [Float](repeating: 0, count: open.count) }
    return AudioBuffer(channels: channels, sampleRate: settings.sampleRate).replacing(
      open, with: AudioBuffer(channels: silence, sampleRate: settings.sampleRate),
      fade: Double(settings.fftSize / 2) / Double(settings.sampleRate)
    ).channels
  }

  private func bins(of band: ClosedRange<Double>) throws -> Range<Int> {
    let settings = model.configuration.representation.spectrogram
    let bins = settings.melBins(within: band)
    guard !bins.isEmpty else {
      throw ModelError.invalidArgument(
        "the model has nothing to draw from \(band.lowerBound) to \(band.upperBound) Hz: give a wider "
          + "band below \(settings.topFrequency) Hz")
    }
    return bins
  }
}

extension Generator {
  /// Log-mel of each channel at the model's rate.
  package func logMel(of channels: [[Float]]) throws -> [Spectrogram] {
    let mel = try MelSpectrogram(
      model.configuration.representation.spectrogram, threads: threadCount)
    return channels.map(mel.logMel)
  }

  /// Log-mel, `[frames, bins]` for each channel, to what the network sees, `[channels, bins, columns]`:
  /// the inverse of ``logMel(of:frames:isLoop:)``. Further columns go on by reflection or, for a model whose
  /// short clips were filled up with silence, with that.
  func normalized(
    _ planes: [Spectrogram], columns: Int, isLoop: Bool = false
  ) throws -> [Float] {
    let settings = model.configuration.representation.spectrogram
    let frames = columns * model.configuration.space.framesPerColumn
    let values = scaling.normalized(planes, frames: frames)
    guard let coder = model.coder else { return values }
    let spectrogram = try Tensor(
      values, shape: [1, planes.count, settings.melBins, frames], device: device)
    return try
      (isLoop
      ? coder.code(ofLoop: spectrogram, precision: denoiser.precision)
      : coder.code(of: spectrogram, precision: denoiser.precision)).floats()
  }
}

extension AudioBuffer {
  /// Spans in samples, in order, those that touch as one; all of the sound where there are none.
  fileprivate func parts(of spans: [Range<Double>]) throws -> [Range<Int>] {
    if spans.isEmpty { return [0..<sampleCount] }
    var parts: [Range<Int>] = []
    for span in spans.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      let rate = Double(sampleRate)
      // Half a sample is rounding.
      guard span.lowerBound >= 0, span.upperBound * rate <= Double(sampleCount) + 0.5 else {
        throw ModelError.invalidSpan(span, duration: duration)
      }
      let first = Int((span.lowerBound * rate).rounded())
      let end = Int((span.upperBound * rate).rounded())
      guard first < end else {
        throw ModelError.invalidArgument(
          "a part from \(span.lowerBound) to \(span.upperBound) s is shorter than a sample")
      }
      if let last = parts.last, first <= last.upperBound {
        parts[parts.count - 1] = last.lowerBound..<max(last.upperBound, end)
      } else {
        parts.append(first..<end)
      }
    }
    return parts
  }
}
