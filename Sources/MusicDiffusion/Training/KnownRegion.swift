package import Torch

/// What part of a training window is given as known: nothing, a beginning to go on from, an end to
/// lead to, both sides of a gap, or a band of frequencies.
package enum KnownRegion: Equatable {
  case none
  case prefix(frames: Int)
  case suffix(frames: Int)
  case outside(gap: Range<Int>)
  case band(bins: Range<Int>)

  /// - Parameter probability: how often anything is known.
  package static func random(
    frames: Int, bins: Int, probability: Double, _ random: inout RandomGenerator
  ) -> KnownRegion {
    guard random.uniform() < probability else { return .none }
    let kind = random.uniform()
    let length = random.integer(in: 1..<max(2, frames))
    if kind < 0.5 { return .prefix(frames: length) }
    if kind < 0.65 { return .suffix(frames: length) }
    if kind < 0.9 {
      let start = random.integer(in: 0..<max(1, frames - length + 1))
      return .outside(gap: start..<start + length)
    }
    let height = random.integer(in: 1..<max(2, bins))
    let low = random.integer(in: 0..<max(1, bins - height + 1))
    return .band(bins: low..<low + height)
  }

  /// Writes 1 where the region is known, `[bins, frames]`; the rest is left as it is.
  package func fill(_ mask: UnsafeMutablePointer<Float>, frames: Int, bins: Int) {
    func set(_ rows: Range<Int>, _ columns: Range<Int>) {
      for row in rows { for column in columns { mask[row * frames + column] = 1 } }
    }
    switch self {
    case .none: break
    case .prefix(let length): set(0..<bins, 0..<length)
    case .suffix(let length): set(0..<bins, frames - length..<frames)
    case .outside(let gap):
      set(0..<bins, 0..<gap.lowerBound)
      set(0..<bins, gap.upperBound..<frames)
    case .band(let band): set(band, 0..<frames)
    }
  }
}
