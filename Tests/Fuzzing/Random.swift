/// Numbers that a seed decides (SplitMix64: Steele, Lea and Flood 2014).
public struct Random: RandomNumberGenerator {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  /// The stream of one file: of the run's seed, the subject's name and the file's number.
  public init(seed: UInt64, subject: String, number: Int) {
    var mixed = seed
    for byte in subject.utf8 { mixed = (mixed ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    var first = Random(seed: mixed ^ UInt64(number) &* 0xD134_2543_DE82_EF95)
    state = first.next()
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }

  /// True once in `count` times.
  mutating func once(in count: Int) -> Bool { below(count) == 0 }

  mutating func pick<C: RandomAccessCollection>(_ elements: C) -> C.Element {
    elements[elements.index(elements.startIndex, offsetBy: below(elements.count))]
  }

  /// Up to `limit`, small numbers as often as large ones.
  mutating func size(upTo limit: Int) -> Int {
    let bits = below(Int.bitWidth - max(1, limit).leadingZeroBitCount)
    return min(limit, 1 << bits | below(1 << bits))
  }

  /// A part of `count` bytes or elements, which is not empty unless there are none.
  mutating func range(in count: Int) -> Range<Int> {
    guard count > 0 else { return 0..<0 }
    let start = below(count)
    return start..<start + size(upTo: count - start)
  }
}
