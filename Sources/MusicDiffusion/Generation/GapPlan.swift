/// The windows that fill a gap in a piece that stands around it, each of them as wide as in training.
///
/// A gap of at most half a window is drawn at once, with what stands on both sides. A longer one is
/// drawn from its beginning on, each window going on from the one before, and its last half window
/// with the end that it is to meet.
package struct GapPlan: Equatable {
  package let steps: [WindowPlan.Step]
  /// Frames of the piece, filled up to a window.
  package let columns: Int

  /// - Parameters:
  ///   - gap: frames to draw.
  ///   - frames: of the piece; where the gap reaches its end, there is none to meet.
  ///   - window: frames of a window.
  package init(gap: Range<Int>, frames: Int, window: Int) {
    columns = max(frames, window)
    let meetsEnd = gap.upperBound < frames
    var steps: [WindowPlan.Step] = []
    var next = gap.lowerBound
    while next < gap.upperBound {
      let missing = gap.upperBound - next
      let isLast = meetsEnd && missing <= window / 2
      // The first window knows as much of what stands as it draws, further ones less, as in generation.
      let context =
        isLast
        ? (window - missing) / 2 : next == gap.lowerBound ? window / 2 : window / 3
      let start = max(0, min(next - context, columns - window))
      let end =
        isLast ? gap.upperBound : meetsEnd ? gap.upperBound - window / 2 : gap.upperBound
      steps.append(WindowPlan.Step(start: start, kept: next..<min(end, start + window)))
      next = steps[steps.count - 1].kept.upperBound
    }
    self.steps = steps
  }
}
