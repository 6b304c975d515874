import Foundation
package import Torch

/// How sound that is longer than a window, or goes around, is denoised as one: at every noise level windows,
/// each as wide as in training, cover all of it, and where they overlap what they estimate is mixed, each
/// the more the farther its border is (after MultiDiffusion, Bar-Tal et al. 2023, arXiv:2302.08113). From one
/// step of a sampler to the next the windows move, by the golden ratio, so that no place is a border for
/// long.
package struct WindowFusion {
  package enum Axis {
    /// With a beginning and an end, where windows begin and end.
    case line
    /// A loop, whose end leads to its beginning: both are places like any other. In one shorter than a
    /// window, the window goes around more than once.
    case circle
  }

  package let axis: Axis
  package let frames: Int
  package let window: Int
  /// Windows that cover it.
  package let count: Int
  /// Frames that any two windows that follow each other have in common, at least.
  private let overlap: Int
  /// How much an estimate counts at each frame of a window, before all that meet there are brought to 1.
  private let weights: [Double]

  /// - Parameters:
  ///   - frames: at least 1; on a line at least a window.
  ///   - window: frames of a window.
  package init(_ axis: Axis, frames: Int, window: Int) {
    precondition(frames >= (axis == .line ? window : 1))
    (self.axis, self.frames, self.window) = (axis, frames, window)
    overlap = window / 8
    let advance = window - overlap
    switch axis {
    case .circle: count = max(1, (frames + advance - 1) / advance)
    case .line:
      // A quarter of a window more than it takes, for them to move.
      let room = frames == window ? 0 : window / 4
      count = 1 + (frames - window + room + advance - 1) / advance
    }
    weights = (0..<window).map { pow(Double(min($0 + 1, window - $0)), 2) }
  }

  /// The first frame of each window.
  package func starts(atStep number: Int) -> [Int] {
    let turns = Double(number) * 0.618_033_988_749_894_9
    let turn = turns - turns.rounded(.down)
    switch axis {
    case .circle:
      let moved = Int(turn * Double(frames))
      return (0..<count).map { ($0 * frames / count + moved) % frames }
    case .line:
      guard count > 1 else { return [0] }
      let (advance, last) = (window - overlap, frames - window)
      let moved = Int((turn * Double((count - 1) * advance - last)).rounded())
      return (0..<count).map {
        $0 == 0 ? 0 : $0 == count - 1 ? last : max(0, min($0 * advance - moved, last))
      }
    }
  }

  /// - Parameter x: `[pieces, channels, bins, frames]`.
  /// - Returns: its windows, `[pieces · count, channels, bins, window]`.
  package func windows(of x: Tensor, at starts: [Int]) throws -> Tensor {
    let (pieces, channels, bins) = (x.shape[0], x.shape[1], x.shape[2])
    if starts == [0], frames == window { return x }
    let indices = starts.flatMap { start in (0..<window).map { Int64((start + $0) % frames) } }
    return try x.indexSelect(
      dimension: 3, indices: Tensor(indices, shape: [indices.count], device: x.device)
    )
    .reshape([pieces, channels, bins, starts.count, window]).permute([0, 3, 1, 2, 4])
    .reshape([pieces * starts.count, channels, bins, window])
  }

  /// The inverse: estimates of the windows to one of all.
  package func joined(_ windows: Tensor, at starts: [Int]) throws -> Tensor {
    if starts == [0], frames == window { return windows }
    let (channels, bins) = (windows.shape[1], windows.shape[2])
    let pieces = windows.shape[0] / starts.count
    let row = try windows.reshape([pieces, starts.count, channels, bins, window])
      .permute([0, 2, 3, 1, 4]).reshape([pieces, channels, bins, starts.count * window])
    // For each frame the places in the row that show it.
    var places = [[Int]](repeating: [], count: frames)
    for place in 0..<starts.count * window {
      places[(starts[place / window] + place % window) % frames].append(place)
    }
    let totals = places.map { $0.reduce(0) { $0 + weights[$1 % window] } }
    let most = places.map(\.count).max() ?? 0
    let parts = try (0..<most).map { number in
      let chosen = places.map { number < $0.count ? $0[number] : nil }
      let gains = zip(chosen, totals).map { place, total in
        Float(place.map { weights[$0 % window] / total } ?? 0)
      }
      let indices = chosen.map { Int64($0 ?? 0) }
      return try row.indexSelect(
        dimension: 3, indices: Tensor(indices, shape: [frames], device: windows.device))
        * Tensor(gains, shape: [1, 1, 1, frames], device: windows.device)
    }
    return try parts.dropFirst().reduce(parts[0]) { try $0 + $1 }
  }
}
