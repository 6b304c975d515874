package import Torch

/// How a piece of any length is made of windows, each of them as wide as in training: the first from
/// nothing, every further one going on from the end of what stands.
package struct WindowPlan {
  /// A window and what is kept of it.
  package struct Step: Equatable {
    /// The first frame of the window.
    package let start: Int
    /// The frames that are kept.
    package let kept: Range<Int>
  }

  package let frames: Int
  package let window: Int
  /// Frames at a window's beginning that stand already.
  package let overlap: Int
  package let steps: [Step]

  /// The first frame of each window.
  package var windows: [Int] { steps.map(\.start) }
  /// Frames of the piece, filled up to whole windows.
  package var columns: Int { steps[steps.count - 1].kept.upperBound }

  package init(frames: Int, window: Int) {
    self.frames = frames
    self.window = window
    let overlap = window / 3
    let advance = window - overlap
    let further = max(0, (frames - window + advance - 1) / advance)
    steps = (0...further).map { number in
      let start = number * advance
      return Step(start: start, kept: (number == 0 ? 0 : start + overlap)..<start + window)
    }
    self.overlap = overlap
  }
}

extension WindowPlan.Step {
  /// Draws the windows of several pieces, those of one number beside each other.
  ///
  /// - Parameters:
  ///   - pieces: of one shape; what is open of them in the frames that are kept is drawn.
  ///   - width: frames of a window.
  ///   - atOnce: windows that are drawn beside each other, at most, which decides about memory.
  ///   - draw: given the window's number and the pieces, by their numbers, what is known of their windows,
  ///     `[pieces, channels, bins, width]`, and where, `[pieces, 1, bins, width]`; returns whole windows.
  package static func draw(
    _ steps: [Self], of pieces: inout [PartialPiece], width: Int, atOnce: Int = 8, device: Device,
    _ draw: (_ window: Int, _ pieces: Range<Int>, _ known: Tensor, _ mask: Tensor) throws -> Tensor
  ) throws {
    try withoutGradient {
      for (number, step) in steps.enumerated() {
        for first in stride(from: 0, to: pieces.count, by: atOnce) {
          let batch = first..<min(first + atOnce, pieces.count)
          let windows = try pieces[batch].map {
            try $0.window(from: step.start, width: width, device: device)
          }
          let drawn = try draw(
            number, batch, .concatenate(windows.map(\.known), dimension: 0),
            .concatenate(windows.map(\.mask), dimension: 0))
          for index in batch {
            let window = try drawn.narrow(
              dimension: 0, start: index - batch.lowerBound, length: 1)
            pieces[index].take(
              try window.floats(), from: step.start, width: width, kept: step.kept)
          }
        }
      }
    }
  }
}
