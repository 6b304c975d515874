/// Rounds samples to integers, with dither where it is wanted.
///
/// Dither of triangular density, two steps wide, makes the mean and the power of the rounding error
/// independent of the sound: mean 0, power a quarter of a step squared (Lipshitz, Wannamaker and
/// Vanderkooy 1992, "Quantization and Dither: A Theoretical Survey"). A sample that is a whole
/// number of steps has no rounding error and gets no dither. The noise depends on nothing but the
/// place of a sample.
struct Quantizer {
  /// Of an integer sample.
  let bits: Int32
  let dither: Bool

  /// - Parameters:
  ///   - samples: full scale ±1; what lies beyond is clipped.
  ///   - position: of the first of `samples`, counted through all channels from the file's start.
  ///   - integers: takes the result, left-aligned in 32 bits as libsndfile wants it. Full scale is
  ///     2^(bits - 1) as in reading, so that what was read is written back unchanged.
  func quantize(_ samples: ArraySlice<Float>, from position: UInt64, into integers: inout [Int32]) {
    let scale = Float(1 << (bits - 1))
    let shift = 32 - bits
    samples.withUnsafeBufferPointer { samples in
      integers.withUnsafeMutableBufferPointer { integers in
        for i in samples.indices {
          let exact = samples[i] * scale
          var level = exact.rounded(.toNearestOrEven)
          if dither, level != exact {
            level = (exact + triangularNoise(position &+ UInt64(i))).rounded(.toNearestOrEven)
          }
          integers[i] = Int32(min(max(level, -scale), scale - 1)) << shift
        }
      }
    }
  }
}

/// The `counter`th of a sequence of random numbers in -1...1 of triangular density: the difference
/// of two uniform ones, the halves of an output of SplitMix64 (Steele, Lea and Flood 2014).
private func triangularNoise(_ counter: UInt64) -> Float {
  var z = (counter &+ 1) &* 0x9E37_79B9_7F4A_7C15
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  z ^= z >> 31
  let (high, low) = (UInt32(truncatingIfNeeded: z >> 32), UInt32(truncatingIfNeeded: z))
  return Float(Double(high) - Double(low)) * 0x1p-32
}
