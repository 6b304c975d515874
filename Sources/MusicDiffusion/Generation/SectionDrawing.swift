package import Torch

/// The sections of a piece drawn one after the other, in the memory of one.
package struct SectionDrawing {
  private let plan: SectionPlan
  private let channels, bins: Int
  private let device: Device
  private var number = 0
  /// The section that the next one goes on from.
  private var last: PartialPiece?

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
    let step = plan.steps[number].fromItsStart
    let width = step.frames.count
    var pieces = [PartialPiece(channels: channels, bins: bins, columns: width)]
    if let last { pieces[0].begin(with: width - plan.overlap..<width, of: last) }
    try SectionPlan.Step.draw([step], of: &pieces, atOnce: 1, device: device) { _, _, known, mask in
      try draw(number, known, mask)
    }
    number += 1
    last = pieces[0]
    return pieces[0].planes(step.kept)
  }
}
