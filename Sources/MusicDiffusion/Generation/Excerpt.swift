import Audio

/// Where in a model's frames and samples a part of a sound lies that is to be drawn anew.
struct Excerpt {
  /// Samples of the sound to be drawn, which may reach or begin at its end.
  let part: Range<Int>
  /// Samples of the whole at the model's rate.
  let sampleCount: Int
  /// Samples at the model's rate that stand, before and behind the part.
  let known: [Range<Int>]
  /// Samples at the model's rate between them.
  let open: Range<Int>
  let frames: Int
  /// The frames around which the part takes a quarter of a window or more.
  let gap: Range<Int>
  /// The places in time of what the model draws that the gap falls into, and one more on each side where these
  /// are of several frames, each of which is coded with those beside it.
  let columns: Range<Int>
  let plan: GapPlan

  /// - Parameters:
  ///   - count: samples of the sound.
  ///   - sampleRate: of the sound.
  init(
    of count: Int, part: Range<Int>, sampleRate: Int, _ model: ModelConfiguration
  ) {
    self.part = part
    let (representation, space) = (model.representation, model.space)
    let settings = representation.spectrogram
    let (quarter, hop) = (settings.fftSize / 4, settings.hopLength)
    let scale = Double(settings.sampleRate) / Double(sampleRate)
    // Never fewer than give back all samples at the sound's own rate.
    let total = Int((Double(max(count, part.upperBound)) * scale).rounded(.up))
    let first = Int((Double(part.lowerBound) * scale).rounded(.down))
    let end =
      part.upperBound >= count ? total : Int((Double(part.upperBound) * scale).rounded(.up))
    // Around a border the resampled sound holds a little of both sides.
    let blur = settings.sampleRate == sampleRate ? 0 : 64
    open = max(0, first - blur)..<min(end + blur, total)
    known = [0..<open.lowerBound, open.upperBound..<total].filter { !$0.isEmpty }
    sampleCount = total
    frames = 1 + total / hop
    let firstOpen = first < quarter ? 0 : (first - quarter) / hop + 1
    let firstAfter = (end + quarter + hop - 1) / hop
    gap =
      (part.lowerBound == 0 ? 0 : firstOpen)..<(end == total ? frames : min(firstAfter, frames))
    let all = space.columns(frames)
    let inside = space.columns(of: gap)
    let margin = space.framesPerColumn > 1 ? 1 : 0
    columns = max(0, inside.lowerBound - margin)..<min(all, inside.upperBound + margin)
    plan = GapPlan(gap: columns, frames: all, window: model.windowColumns)
  }
}

extension Representation {
  /// Samples at a rate that one window reaches into: as much of a sound as is looked at on each side of
  /// what is drawn.
  func contextSamples(at rate: Int) -> Int {
    let samples = windowFrames * spectrogram.hopLength + spectrogram.fftSize
    return Int((Double(samples) * Double(rate) / Double(sampleRate)).rounded(.up))
  }
}
