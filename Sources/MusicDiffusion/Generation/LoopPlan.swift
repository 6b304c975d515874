import Foundation
package import Torch

/// How a loop is drawn: its time axis goes around, and windows, each as wide as in training, cover it all
/// at every noise level. Where two of them overlap, what they estimate is mixed, each the less the nearer
/// its border is (as in MultiDiffusion, Bar-Tal et al. 2023, arXiv:2302.08113). From one evaluation of the
/// network to the next the windows turn on the circle, so that no place is a border for long, and the
/// place where the file begins is one like any other. In a loop shorter than a window, the window goes
/// around more than once.
package struct LoopPlan {
  package let frames: Int
  package let window: Int
  /// The first frame of each window before it turns.
  package let starts: [Int]
  /// How much an estimate counts at each frame of a window, before all that meet there are brought to 1.
  private let weights: [Double]

  /// - Parameters:
  ///   - frames: of the loop, at least 1.
  ///   - window: frames of a window.
  package init(frames: Int, window: Int) {
    self.frames = frames
    self.window = window
    // At least a twelfth of a window overlaps, unless one window holds all of the loop.
    let advance = window - window / 12
    let count = frames <= window ? 1 : (frames + advance - 1) / advance
    starts = (0..<count).map { $0 * frames / count }
    let overlap = max(1, min(window / 2, (count * window - frames) / count))
    weights = (0..<window).map { frame in
      Double(min(frame + 1, window - frame, overlap)) / Double(overlap)
    }
  }

  /// Frames by which the windows have turned: multiples of the golden ratio leave no gaps for long.
  package func turn(ofEvaluation number: Int) -> Int {
    let turns = Double(number) * 0.618_033_988_749_894_9
    return Int((turns - turns.rounded(.down)) * Double(frames)) % frames
  }

  /// Loops `[pieces, channels, bins, frames]` to their windows `[pieces · windows, channels, bins, window]`.
  package func windows(of loops: Tensor, turned turn: Int) throws -> Tensor {
    let (pieces, channels, bins) = (loops.shape[0], loops.shape[1], loops.shape[2])
    let indices = starts.flatMap { start in
      (0..<window).map { Int64((start + turn + $0) % frames) }
    }
    return try loops.indexSelect(
      dimension: 3, indices: Tensor(indices, shape: [indices.count], device: loops.device)
    )
    .reshape([pieces, channels, bins, starts.count, window]).permute([0, 3, 1, 2, 4])
    .reshape([pieces * starts.count, channels, bins, window])
  }

  /// The inverse: estimates of the windows to those of loops.
  package func loops(of windows: Tensor, turned turn: Int) throws -> Tensor {
    let (channels, bins) = (windows.shape[1], windows.shape[2])
    let pieces = windows.shape[0] / starts.count
    let row = try windows.reshape([pieces, starts.count, channels, bins, window])
      .permute([0, 2, 3, 1, 4]).reshape([pieces, channels, bins, starts.count * window])
    // For each frame of the loop the places in the row that show it.
    var places = [[Int]](repeating: [], count: frames)
    for place in 0..<starts.count * window {
      places[(starts[place / window] + turn + place % window) % frames].append(place)
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
