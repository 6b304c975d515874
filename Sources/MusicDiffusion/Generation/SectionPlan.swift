package import Torch

/// How a piece of any length is made of sections, in bounded memory: the first from nothing, every further
/// one going on from the end of what stands. Most pieces are one section.
package struct SectionPlan {
  /// A section and what is kept of it.
  package struct Step: Equatable {
    /// The frames of the section, at least a window of them.
    package let frames: Range<Int>
    /// Those that are kept.
    package let kept: Range<Int>

    package init(frames: Range<Int>, kept: Range<Int>) {
      precondition(kept.lowerBound >= frames.lowerBound && kept.upperBound <= frames.upperBound)
      (self.frames, self.kept) = (frames, kept)
    }
  }

  /// Windows as wide as in training that a section is as long as, at most.
  package static let mostWindows = 16

  package let frames: Int
  /// Frames at a section's beginning that stand already.
  package let overlap: Int
  package let steps: [Step]

  /// Frames of the piece, filled up to whole sections.
  package var columns: Int { steps[steps.count - 1].kept.upperBound }

  package init(frames: Int, window: Int) {
    self.frames = frames
    let overlap = window / 3
    let most = Self.mostWindows * window
    // As many sections as it takes, of equal widths.
    let count = max(1, (frames - overlap + most - overlap - 1) / (most - overlap))
    let width = max(window, (frames + (count - 1) * overlap + count - 1) / count)
    steps = (0..<count).map { number in
      let start = number * (width - overlap)
      let end = start + width
      return Step(frames: start..<end, kept: (number == 0 ? 0 : start + overlap)..<end)
    }
    self.overlap = overlap
  }
}

extension SectionPlan.Step {
  /// Draws the sections of several pieces, those of one number beside each other.
  ///
  /// - Parameters:
  ///   - pieces: of one shape; what is open of them in the frames that are kept is drawn.
  ///   - atOnce: sections that are drawn beside each other, at most.
  ///   - draw: given the section's number and the pieces, by their numbers, what is known of their
  ///     sections, `[pieces, channels, bins, width]`, and where, `[pieces, 1, bins, width]`; returns whole
  ///     sections.
  package static func draw(
    _ steps: [Self], of pieces: inout [PartialPiece], atOnce: Int = 8, device: Device,
    _ draw: (_ section: Int, _ pieces: Range<Int>, _ known: Tensor, _ mask: Tensor) throws -> Tensor
  ) throws {
    try withoutGradient {
      for (number, step) in steps.enumerated() {
        for first in stride(from: 0, to: pieces.count, by: atOnce) {
          let batch = first..<min(first + atOnce, pieces.count)
          let sections = try pieces[batch].map { try $0.standing(in: step.frames, on: device) }
          let drawn = try draw(
            number, batch, .concatenate(sections.map(\.known), dimension: 0),
            .concatenate(sections.map(\.mask), dimension: 0))
          for index in batch {
            let section = try drawn.narrow(
              dimension: 0, start: index - batch.lowerBound, length: 1)
            pieces[index].take(step.kept, of: try section.floats(), over: step.frames)
          }
        }
      }
    }
  }
}
