import MusicDiffusion
import Testing
import Torch

@Suite struct WindowFusionTests {
  /// Windows, joined again, are what they were cut from, wherever they have moved to: the weights of what
  /// meets at a frame add up to 1.
  @Test(arguments: [1, 3, 7, 15, 16, 17, 18, 30, 31, 45, 100])
  func windowsOfACircleJoin(_ frames: Int) throws {
    try windowsJoin(WindowFusion(.circle, frames: frames, window: 16))
  }

  @Test(arguments: [16, 17, 18, 28, 29, 30, 31, 45, 100, 257])
  func windowsOfALineJoin(_ frames: Int) throws {
    let fusion = WindowFusion(.line, frames: frames, window: 16)
    try windowsJoin(fusion)
    // All of it is covered, and no border lies on another one.
    for step in 0..<40 {
      let starts = fusion.starts(atStep: step)
      #expect(starts.first == 0 && starts.last == frames - 16)
      for (start, next) in zip(starts, starts.dropFirst()) {
        #expect((start...start + 14).contains(next))
      }
    }
  }

  private func windowsJoin(_ fusion: WindowFusion) throws {
    let frames = fusion.frames
    let x = try normal([2, 1, 3, frames], seed: 1)
    for step in 0..<5 {
      let starts = fusion.starts(atStep: step)
      let windows = try fusion.windows(of: x, at: starts)
      #expect(starts.count == fusion.count)
      #expect(windows.shape == [2 * fusion.count, 1, 3, 16])
      #expect(try difference(fusion.joined(windows, at: starts), x) < 1e-6)
      // The first window of the second one.
      let values = try x.floats()
      let row = (0..<16).map { values[3 * frames + (starts[0] + $0) % frames] }
      let first = try windows.narrow(dimension: 0, start: fusion.count, length: 1)
      #expect(try Array(first.floats().prefix(16)) == row)
    }
  }

  /// No more windows than it takes, and an overlap where there are several; on a line, room to move.
  @Test func countsWindows() {
    let circles = [1, 8, 16, 17, 29, 30, 31, 45, 46].map {
      WindowFusion(.circle, frames: $0, window: 16).count
    }
    #expect(circles == [1, 1, 2, 2, 3, 3, 3, 4, 4])
    let lines = [16, 17, 26, 27, 28, 41, 42, 43, 1000].map {
      WindowFusion(.line, frames: $0, window: 16).count
    }
    #expect(lines == [1, 2, 2, 3, 3, 4, 4, 4, 72])
  }

  /// What a window says counts the more the farther its border is: where two overlap, the one that a frame
  /// is nearer the middle of.
  @Test func middlesCountMore() throws {
    let fusion = WindowFusion(.line, frames: 24, window: 16)
    let starts = fusion.starts(atStep: 0)
    #expect(starts == [0, 8])
    let windows = try Tensor.concatenate(
      [.zeros([1, 1, 1, 16]), .zeros([1, 1, 1, 16]) + 1], dimension: 0)
    let mixed = try fusion.joined(windows, at: starts).floats()
    #expect(Array(mixed.prefix(8)) == [Float](repeating: 0, count: 8))
    #expect(Array(mixed.suffix(8)) == [Float](repeating: 1, count: 8))
    // (9 - d)^2 against d^2 at the d-th frame that both show.
    for place in 1...8 {
      let (one, other) = (square(9 - place), square(place))
      #expect(abs(mixed[7 + place] - other / (one + other)) < 1e-6)
    }
  }

  private func square(_ value: Int) -> Float { Float(value * value) }

  /// In twenty steps the borders of windows leave out no eighth of the circle; on a line each of them
  /// moves by a quarter of a window or more, but for the ends.
  @Test func movesEverywhere() {
    let circle = WindowFusion(.circle, frames: 160, window: 16)
    #expect(Set((0..<20).map { circle.starts(atStep: $0)[0] / 20 }) == Set(0..<8))
    for frames in 160..<176 {
      let line = WindowFusion(.line, frames: frames, window: 16)
      let starts = (0..<20).map(line.starts)
      for window in 1..<line.count - 1 {
        let places = Set(starts.map { $0[window] })
        #expect(places.count >= 4 && places.max()! - places.min()! >= 3)
      }
    }
  }
}
