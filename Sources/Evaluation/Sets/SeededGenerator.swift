import Foundation

/// Random numbers that a seed decides (Steele et al. 2014, SplitMix64).
package struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  /// For one of many things, each with numbers of its own.
  package init(seed: UInt64, _ numbers: Int...) {
    self.init(seed: seed)
    for number in numbers { state = next() ^ UInt64(bitPattern: Int64(number)) }
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }

  /// Of a normal distribution, by Box and Muller's transform.
  package mutating func nextNormal() -> Double {
    let radius = (-2 * log(1 - Double.random(in: 0..<1, using: &self))).squareRoot()
    return radius * cos(2 * .pi * Double.random(in: 0..<1, using: &self))
  }
}
