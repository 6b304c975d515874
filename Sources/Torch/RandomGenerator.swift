import Foundation

/// Random numbers that a seed, a stream and a position decide, on any machine and in any order.
///
/// Philox4x32-10 of Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3": a block
/// cipher over a counter. The key is the seed; the counter is the number of the block (low 64
/// bits) and the stream (high 64 bits). Drawing n numbers and then m gives the same as n + m.
public struct RandomGenerator: Sendable, Hashable, Codable {
  public let seed: UInt64
  public let stream: UInt64
  /// 32-bit words drawn so far.
  public private(set) var position: UInt64 = 0
  /// The second number of a Box-Muller pair of which only the first was asked for.
  private var spareNormal: Float?

  public init(seed: UInt64, stream: UInt64 = 0) {
    self.seed = seed
    self.stream = stream
  }

  /// Words that are uniform over all 32 bits.
  public mutating func nextUInt32s(_ count: Int) -> [UInt32] {
    [UInt32](unsafeUninitializedCapacity: count) { buffer, initialized in
      var filled = 0
      while filled < count {
        let block = Self.block(number: position / 4, stream: stream, seed: seed)
        let first = Int(position % 4)
        let length = min(4 - first, count - filled)
        if length == 4 {
          UnsafeMutableRawBufferPointer(buffer).storeBytes(
            of: block, toByteOffset: 4 * filled, as: SIMD4<UInt32>.self)
        } else {
          for i in 0..<length { buffer[filled + i] = block[first + i] }
        }
        filled += length
        position += UInt64(length)
      }
      initialized = count
    }
  }

  /// Uniform over 0 ..< 1, in multiples of 2⁻²⁴.
  public mutating func uniforms(_ count: Int) -> [Float] {
    nextUInt32s(count).map { Float($0 >> 8) * 0x1p-24 }
  }

  /// Of mean 0 and variance 1, by Box and Muller's transform of pairs of uniform numbers.
  public mutating func normals(_ count: Int) -> [Float] {
    let spare = count > 0 ? spareNormal : nil
    let fresh = count - (spare == nil ? 0 : 1)
    let words = nextUInt32s(fresh + fresh % 2)
    if count > 0 { spareNormal = nil }
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      var filled = 0
      if let spare {
        buffer[0] = spare
        filled = 1
      }
      for pair in stride(from: 0, to: words.count, by: 2) {
        let (first, second) = Self.normalPair(words[pair], words[pair + 1])
        buffer[filled] = first
        if filled + 1 < count { buffer[filled + 1] = second } else { spareNormal = second }
        filled += 2
      }
      initialized = count
    }
  }

  /// Of mean 0 and variance 1, with the density exp(−√2 |x|) / √2 of Laplace, by its inverse
  /// cumulative function.
  public mutating func laplaces(_ count: Int) -> [Float] {
    nextUInt32s(count).map { word in
      // Uniform over −1/2 to 1/2, without 0 and the ends.
      let uniform = Double(word) * 0x1p-32 + 0x1p-33 - 0.5
      let magnitude = -log(1 - 2 * abs(uniform)) / 2.0.squareRoot()
      return Float(uniform < 0 ? -magnitude : magnitude)
    }
  }

  /// Uniform over 0 ..< 1, in multiples of 2⁻⁵³.
  public mutating func uniform() -> Double {
    Double(nextUInt64() >> 11) * 0x1p-53
  }

  /// Of mean 0 and variance 1.
  public mutating func normal() -> Double {
    Double(normals(1)[0])
  }

  /// Uniform over a range of at least one number.
  public mutating func integer(in range: Range<Int>) -> Int {
    precondition(!range.isEmpty, "no integer lies in an empty range")
    // Lemire 2019 (arXiv:1805.10941), algorithm 5: the high word of a product, less the few
    // values that would be drawn once too often.
    let size = UInt64(bitPattern: Int64(range.upperBound &- range.lowerBound))
    let excess = (0 &- size) % size
    while true {
      let product = nextUInt64().multipliedFullWidth(by: size)
      if product.low >= excess { return range.lowerBound &+ Int(bitPattern: UInt(product.high)) }
    }
  }

  private mutating func nextUInt64() -> UInt64 {
    let words = nextUInt32s(2)
    return UInt64(words[0]) | UInt64(words[1]) << 32
  }

  @inline(__always)
  private static func normalPair(_ first: UInt32, _ second: UInt32) -> (Float, Float) {
    let radius = (-2 * log(Float(first) * 0x1p-32 + 0x1p-33)).squareRoot()
    let angle = 2 * Float.pi * (Float(second >> 8) * 0x1p-24)
    return (radius * cos(angle), radius * sin(angle))
  }
}

extension RandomGenerator {
  /// Four words: Philox4x32-10 with the key and counter described above.
  @inline(__always)
  package static func block(number: UInt64, stream: UInt64, seed: UInt64) -> SIMD4<UInt32> {
    var (c0, c1) = (UInt32(truncatingIfNeeded: number), UInt32(truncatingIfNeeded: number >> 32))
    var (c2, c3) = (UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32))
    var (k0, k1) = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    for _ in 0..<10 {
      let p0 = c0.multipliedFullWidth(by: 0xD251_1F53)
      let p1 = c2.multipliedFullWidth(by: 0xCD9E_8D57)
      (c0, c1, c2, c3) = (p1.high ^ c1 ^ k0, p1.low, p0.high ^ c3 ^ k1, p0.low)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return SIMD4(c0, c1, c2, c3)
  }
}
