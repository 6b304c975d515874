package import Torch

/// How a piece of any length is made of sections, in bounded memory: the first from nothing, every further
/// one going on from the end of what stands. Most pieces are one section.
///
/// The border between what stands and what is drawn is a place at which the network's estimate is the least
/// certain, and would be heard if it stayed where it is. So a section ends with frames that only pass: in the
/// next one they stand at first, from the last to the first of them are let go as the noise falls, and are
/// drawn once more, the less differently the earlier they lie.
package struct SectionPlan {
  /// A section and what is kept of it.
  package struct Step: Equatable {
    /// The frames of the section, at least a window of them.
    package let frames: Range<Int>
    /// Those that are kept.
    package let kept: Range<Int>
    /// Those after them that stand for a while in the next section.
    package let passing: Range<Int>

    package init(frames: Range<Int>, kept: Range<Int>, passing: Int = 0) {
      (self.frames, self.kept) = (frames, kept)
      self.passing = kept.upperBound..<kept.upperBound + passing
      precondition(
        kept.lowerBound >= frames.lowerBound && self.passing.upperBound <= frames.upperBound)
    }

    /// In frames that are counted from the section's first.
    var fromItsStart: Self {
      let start = frames.lowerBound
      return Self(
        frames: 0..<frames.count, kept: kept.lowerBound - start..<kept.upperBound - start,
        passing: passing.count)
    }
  }

  /// Windows as wide as in training that a section is as long as, at most.
  package static let mostWindows = 16

  package let frames: Int
  /// Frames at a section's beginning that stand already, some of them for a while.
  package let overlap: Int
  package let steps: [Step]

  /// Frames of the piece, filled up to whole sections.
  package var columns: Int { steps[steps.count - 1].kept.upperBound }

  /// Frames that pass from a section to the next.
  package static func passing(window: Int) -> Int { window / 6 }

  /// - Parameter passes: whether borders between sections pass; else what stands stays as it is, so that the
  ///   way back meets what the way there has met.
  package init(frames: Int, window: Int, passes: Bool = true) {
    self.frames = frames
    let passing = passes ? Self.passing(window: window) : 0
    let overlap = window / 3 + passing
    let most = Self.mostWindows * window
    // As many sections as it takes, of equal widths.
    let count = max(1, (frames - overlap + most - overlap - 1) / (most - overlap))
    let width = max(window, (frames + (count - 1) * overlap + count - 1) / count)
    steps = (0..<count).map { number in
      let start = number * (width - overlap)
      let end = start + width
      let later = number == count - 1 ? 0 : passing
      return Step(
        frames: start..<end,
        kept: (number == 0 ? 0 : start + overlap - passing)..<end - later, passing: later)
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
  ///     sections, `[pieces, channels, bins, width]`, and where, `[pieces, 1, bins, width]`, as
  ///     ``PartialPiece/mask`` says it; returns whole sections.
  package static func draw(
    _ steps: [Self], of pieces: inout [PartialPiece], atOnce: Int, device: Device,
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
            let values = try section.floats()
            pieces[index].take(step.kept, of: values, over: step.frames)
            pieces[index].take(passing: step.passing, of: values, over: step.frames)
          }
        }
      }
    }
  }
}
