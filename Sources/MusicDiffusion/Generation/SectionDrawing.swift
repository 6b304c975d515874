package import Torch

/// The sections of a piece drawn one after the other, in the memory of one.
package struct SectionDrawing {
  private let plan: SectionPlan
  private let channels, bins: Int
  private let device: Device
  private var number = 0
  /// The frames that the next section goes on from, for each channel `[bins, overlap]`.
  private var end: [[Float]] = []

  package init(_ plan: SectionPlan, channels: Int, bins: Int, device: Device) {
    (self.plan, self.channels, self.bins, self.device) = (plan, channels, bins, device)
  }

  /// Draws the next section.
  ///
  /// - Parameter draw: given its number, what is known of it, `[1, channels, bins, width]`, and where,
  ///   `[1, 1, bins, width]`; returns the whole section.
  /// - Returns: the frames that are kept of it, for each channel `[bins, frames]`.
  package mutating func next(
    _ draw: (_ section: Int, _ known: Tensor, _ mask: Tensor) throws -> Tensor
  ) throws -> [[Float]] {
    let step = plan.steps[number]
    let width = step.frames.count
    let first = step.kept.lowerBound - step.frames.lowerBound
    var pieces = [PartialPiece(channels: channels, bins: bins, columns: width)]
    if !end.isEmpty { pieces[0].take(0..<first, of: end.flatMap(\.self), over: 0..<first) }
    let whole = SectionPlan.Step(frames: 0..<width, kept: first..<width)
    try SectionPlan.Step.draw([whole], of: &pieces, device: device) { _, _, known, mask in
      try draw(number, known, mask)
    }
    number += 1
    end = pieces[0].planes(width - plan.overlap..<width)
    return pieces[0].planes(first..<width)
  }
}
