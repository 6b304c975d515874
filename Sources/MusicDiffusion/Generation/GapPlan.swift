/// The sections that fill a gap in a piece that stands around it.
///
/// A gap of at most half a window is drawn as one window, with what stands on both sides; a longer one as
/// one section with half a window on each. Where that is longer than a section may be, it is drawn from its
/// beginning on, each section going on from the one before.
package struct GapPlan: Equatable {
  package let steps: [SectionPlan.Step]
  /// Frames of the piece, filled up to a window.
  package let columns: Int

  /// - Parameters:
  ///   - gap: frames to draw.
  ///   - frames: of the piece; where the gap reaches its end, there is none to meet.
  ///   - window: frames of a window.
  package init(gap: Range<Int>, frames: Int, window: Int) {
    columns = max(frames, window)
    var steps: [SectionPlan.Step] = []
    var next = gap.lowerBound
    while next < gap.upperBound {
      let missing = gap.upperBound - next
      let isSmall = missing <= window / 2
      let meetsEnd = gap.upperBound < frames
      let context =
        isSmall && meetsEnd
        ? (window - missing) / 2 : next == gap.lowerBound ? window / 2 : window / 3
      let after = meetsEnd ? isSmall ? window - missing - context : window / 2 : 0
      let wanted = max(0, next - context)
      let needed = min(columns, max(gap.upperBound + after, wanted + window))
      let end = min(needed, wanted + SectionPlan.mostWindows * window)
      let start = min(wanted, end - window)
      // What is to meet the end is left to a section that knows enough of it.
      let last = end < needed && meetsEnd ? gap.upperBound - window / 2 : gap.upperBound
      let passing = end < needed ? SectionPlan.passing(window: window) : 0
      steps.append(
        SectionPlan.Step(
          frames: start..<end, kept: next..<min(end, last) - passing, passing: passing))
      next = steps[steps.count - 1].kept.upperBound
    }
    self.steps = steps
  }
}
