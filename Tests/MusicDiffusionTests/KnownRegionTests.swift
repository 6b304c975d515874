import MusicDiffusion
import Testing
import Torch

@Suite struct KnownRegionTests {
  private func mask(_ region: KnownRegion, frames: Int, bins: Int) -> [Float] {
    var mask = [Float](repeating: 0, count: frames * bins)
    mask.withUnsafeMutableBufferPointer {
      region.fill($0.baseAddress!, frames: frames, bins: bins)
    }
    return mask
  }

  @Test func fillsItsPart() {
    let regions: [(KnownRegion, [Float])] = [
      (.none, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
      (.prefix(frames: 1), [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]),
      (.suffix(frames: 2), [0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1]),
      (.outside(gap: 1..<3), [1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1]),
      (.band(bins: 1..<2), [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0]),
    ]
    for (region, expected) in regions {
      #expect(mask(region, frames: 4, bins: 3) == expected, "\(region)")
    }
  }

  /// Every kind occurs about as often as it should, and none leaves nothing to learn.
  @Test func drawsEveryKind() {
    var random = RandomGenerator(seed: 1)
    var counts: [String: Int] = [:]
    for _ in 0..<4000 {
      let region = KnownRegion.random(frames: 8, bins: 6, probability: 0.5, &random)
      let name = "\(region)".prefix { $0 != "(" }
      counts[String(name), default: 0] += 1
      let known = mask(region, frames: 8, bins: 6).reduce(0, +)
      #expect(known < 48)
    }
    for (name, share) in [
      ("none", 0.5), ("prefix", 0.25), ("suffix", 0.075), ("outside", 0.125), ("band", 0.05),
    ] {
      // Standard deviations are at most 0.008.
      #expect(abs(Double(counts[name, default: 0]) / 4000 - share) < 0.03, "\(name)")
    }
    var never = RandomGenerator(seed: 2)
    #expect(
      (0..<100).allSatisfy { _ in
        KnownRegion.random(frames: 8, bins: 6, probability: 0, &never) == .none
      })
  }

  /// The smallest windows have regions too.
  @Test func takesAnySize() {
    var random = RandomGenerator(seed: 3)
    for (frames, bins) in [(1, 1), (2, 1), (1, 2), (16, 16)] {
      for _ in 0..<200 {
        let region = KnownRegion.random(frames: frames, bins: bins, probability: 1, &random)
        _ = mask(region, frames: frames, bins: bins)
      }
    }
  }
}
