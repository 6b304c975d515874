package import Torch

/// How a piece of any length is made of windows, each of them as wide as in training: the first from
/// nothing, every further one going on from the end of what stands.
package struct WindowPlan {
  package let frames: Int
  package let window: Int
  /// The first frame of each window.
  package let windows: [Int]
  /// Frames at a window's beginning that stand already.
  package let overlap: Int

  package init(frames: Int, window: Int) {
    self.frames = frames
    self.window = window
    overlap = window / 3
    let advance = window - overlap
    let further = max(0, (frames - window + advance - 1) / advance)
    windows = (0...further).map { $0 * advance }
  }

  /// Draws the windows in turn and joins them.
  ///
  /// - Parameter draw: given a window's number, what is known of it,
  ///   `[1, channels, bins, window]`, and where, `[1, 1, bins, window]`; returns the whole window.
  /// - Returns: for each channel `[bins, columns]`, row-major, at least `frames` columns.
  package func draw(
    channels: Int, bins: Int, device: Device,
    _ draw: (_ window: Int, _ known: Tensor, _ mask: Tensor) throws -> Tensor
  ) throws -> [[Float]] {
    let columns = windows.last! + window
    var piece = [[Float]](
      repeating: [Float](repeating: 0, count: bins * columns), count: channels)
    for (number, start) in windows.enumerated() {
      let standing = number == 0 ? 0 : overlap
      var known: [Float] = []
      known.reserveCapacity(channels * bins * window)
      for plane in piece {
        for bin in 0..<bins {
          let row = bin * columns + start
          known += plane[row..<row + standing]
          known += repeatElement(0, count: window - standing)
        }
      }
      let maskRow = (0..<window).map { Float($0 < standing ? 1 : 0) }
      let mask = try Tensor(maskRow, shape: [1, 1, 1, window], device: device)
        .expand([1, 1, bins, window])
      let drawn = try draw(
        number, Tensor(known, shape: [1, channels, bins, window], device: device), mask
      ).floats()
      for channel in 0..<channels {
        for bin in 0..<bins {
          let source = (channel * bins + bin) * window
          let target = bin * columns + start
          for frame in standing..<window {
            piece[channel][target + frame] = drawn[source + frame]
          }
        }
      }
    }
    return piece
  }
}
