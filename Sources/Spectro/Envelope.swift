/// The outline of a sound of any length: least and largest samples of equal stretches, of which
/// there are never more than a picture can show.
struct Envelope {
  /// Samples in a stretch, a power of two.
  private(set) var stride = 1
  private(set) var ranges: [ClosedRange<Float>] = []
  /// Of the stretch that is not full yet.
  private var pending: ClosedRange<Float>?
  private var pendingCount = 0

  private static let limit = 1 << 17

  mutating func append(_ samples: [Float]) {
    for sample in samples {
      // What is no number has no place in a picture.
      let sample = sample.isFinite ? sample : 0
      let range = pending ?? sample...sample
      pending = min(range.lowerBound, sample)...max(range.upperBound, sample)
      pendingCount += 1
      if pendingCount == stride { push() }
    }
  }

  /// Takes the last stretch as it is. No sample can follow.
  mutating func finish() { push() }

  private mutating func push() {
    guard let range = pending else { return }
    (pending, pendingCount) = (nil, 0)
    ranges.append(range)
    guard ranges.count == Self.limit else { return }
    for i in 0..<Self.limit / 2 {
      let (a, b) = (ranges[2 * i], ranges[2 * i + 1])
      ranges[i] = min(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
    }
    ranges.removeLast(Self.limit / 2)
    stride *= 2
  }

  /// The least and the largest from one time to another, in samples; nil where there is none.
  func range(from start: Double, to end: Double) -> ClosedRange<Float>? {
    guard end >= 0, start < Double(ranges.count * stride) else { return nil }
    let first = max(0, Int(start / Double(stride)))
    // With the beginning of what follows, so that the outline has no gaps.
    let last = max(first, min(ranges.count - 1, Int(end / Double(stride))))
    return ranges[first...last].reduce(ranges[first]) {
      min($0.lowerBound, $1.lowerBound)...max($0.upperBound, $1.upperBound)
    }
  }

  var peak: Float { ranges.reduce(0) { max($0, -$1.lowerBound, $1.upperBound) } }
}
