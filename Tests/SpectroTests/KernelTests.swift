import CSpectro
import Foundation
import Testing

/// The functions of cspectro.h beside the C library's, in the variant that this processor gets.
@Suite struct KernelTests {
  /// From 1e-13 to 1e13, and near 1; counts that are no whole vectors.
  @Test func logarithmIsWithinTwoUnits() {
    let exponents = (0..<4001).map { Float($0 - 2000) * 0.015 } + (0..<102).map { 1e-3 * Float($0) }
    let values = exponents.map(exp)
    var logs = values
    sp_log(&logs, 1, 1e-30, logs.count)
    for (value, log) in zip(values, logs) {
      let expected = Foundation.log(Double(value))
      #expect(abs(Double(log) - expected) <= max(1e-7, 2 * Double(Float(expected).ulp)))
    }
  }

  @Test func logarithmStopsAtTheFloor() {
    var values: [Float] = [0, -1, .nan, 1e-6, 1e-5, 2e-5]
    sp_log(&values, 0.5, 1e-5, values.count)
    let floor = log(Float(1e-5))
    #expect(values == [floor, floor, floor, floor, floor, floor])
  }

  @Test func polarIsCosineAndSine() {
    let phases = (0..<1003).map { UInt32(truncatingIfNeeded: $0 &* 0x9E37_79B9 &+ $0 << 29) }
    var output = [Float](repeating: 0, count: 2 * phases.count)
    sp_polar([Float](repeating: 1, count: phases.count), phases, &output, phases.count)
    for (i, phase) in phases.enumerated() {
      let radians = Double(phase) / 0x1p32 * 2 * .pi
      #expect(abs(Double(output[2 * i]) - cos(radians)) < 2e-7)
      #expect(abs(Double(output[2 * i + 1]) - sin(radians)) < 2e-7)
    }
  }

  /// Of transforms of half sizes that are even, odd, and smaller than a vector.
  @Test(arguments: [1, 2, 3, 7, 8, 15, 16, 33, 64]) func imposedMagnitudesKeepPhases(half: Int) {
    let twiddles = twiddles(half)
    var packed = Signals.noise(2 * half) + [0, 0]
    var before = [Float](repeating: 0, count: 2 * (half + 1))
    var after = before
    sp_unpack(&packed, twiddles, &before, half)
    let wanted = (0...half).map { 1 + Float($0 % 5) }
    sp_impose(&packed, twiddles, wanted, half)
    // The way back is twice the packed transform.
    packed = packed.map { $0 / 2 }
    sp_unpack(&packed, twiddles, &after, half)
    for bin in 0...half {
      let length = hypot(before[2 * bin], before[2 * bin + 1])
      for part in 2 * bin...2 * bin + 1 {
        #expect(abs(after[part] - wanted[bin] * before[part] / length) < 6e-5)
      }
    }
  }

  @Test(arguments: [1, 2, 3, 7, 8, 15, 16, 33, 64]) func imposedMixtureKeepsPhases(half: Int) {
    let twiddles = twiddles(half)
    var packed = Signals.noise(2 * half) + [0, 0]
    var before = [Float](repeating: 0, count: 2 * (half + 1))
    var after = before
    sp_unpack(&packed, twiddles, &before, half)
    var pairs = [Float](repeating: 0, count: 2 * (half + 1) + 32)
    var powers = [Float](repeating: 0, count: half + 1)
    sp_split(&packed, twiddles, &pairs, &powers, half)
    for bin in 0..<(half + 1) / 2 {
      #expect(abs(sp_power(packed, twiddles, half, bin) - powers[bin]) < 2e-6 * (1 + powers[bin]))
    }
    let wanted = (0...half).map { 1 + Float($0 % 5) }
    let magnitudes = (0...half).map { 1 + Float($0 % 3) }
    sp_impose_mixture(pairs, twiddles, wanted, magnitudes, 0.75, &packed, half)
    // The way back is twice the packed transform.
    packed = packed.map { $0 / 2 }
    sp_unpack(&packed, twiddles, &after, half)
    for bin in 0...half {
      let length = hypot(before[2 * bin], before[2 * bin + 1])
      #expect(abs(powers[bin] - length * length) < 2e-6 * (1 + length * length))
      let mixture = (0.75 * wanted[bin] + 0.25 * magnitudes[bin] * magnitudes[bin]).squareRoot()
      for part in 2 * bin...2 * bin + 1 {
        #expect(abs(after[part] - mixture * before[part] / length) < 6e-5)
      }
    }
  }

  /// Two filters of three bins each, the second from where the first is at its top.
  @Test func spreadInterpolatesBetweenFilters() {
    let falling: [Float] = [0, 0.5, 1, 0.5, 0] + [Float](repeating: 0, count: 7)
    let rising: [Float] = [0.5, 0.5, 0, 0.5, 1] + [Float](repeating: 0, count: 7)
    let starts: [Int32] = [0, 2, 5]
    let values: [Float] = [3, 7]
    let spread: [Float] = [3.5, 5, 7, 3.5, 0]
    var output = [Float](repeating: -1, count: 12)
    sp_spread(values, starts, 2, falling, rising, &output)
    #expect(Array(output[0..<5]) == spread)
    sp_update(
      [2, 3, 4, 5, 6] + [Float](repeating: 0, count: 7), values, starts, 2, falling, rising, &output
    )
    #expect(Array(output[0..<5]) == zip(spread, [2, 3, 4, 5, 6]).map { $0 * $1 })
  }

  @Test(arguments: [1, 5, 8, 19]) func fitDividesByATridiagonalProduct(count: Int) {
    let wanted = (0..<count).map { 1 + Float($0 % 4) }
    let diagonal = (0..<count).map { 2 + Float($0 % 3) }
    // [-1 ... count - 1], and the gains [-1 ... count], 0 beyond the ends.
    let beside = [0] + (0..<count).map { $0 == count - 1 ? 0 : 0.5 + Float($0 % 2) }
    let gains = [0] + (0..<count).map { 1 + Float($0 % 5) } + [0]
    var output = [Float](repeating: 0, count: count)
    beside.withUnsafeBufferPointer { beside in
      gains.withUnsafeBufferPointer { gains in
        sp_fit(
          wanted, diagonal, beside.baseAddress! + 1, 0.5, gains.baseAddress! + 1, &output, count)
      }
    }
    for i in 0..<count {
      let product =
        diagonal[i] * gains[i + 1] + beside[i + 1] * gains[i + 2] + beside[i] * gains[i]
      #expect(abs(output[i] - gains[i + 1] * wanted[i] / (0.5 * product)) <= 2 * output[i].ulp)
    }
  }

  @Test func fitOfSilenceStaysFinite() {
    var output: [Float] = [0, 0]
    let (beside, gains) = ([Float](repeating: 0, count: 3), [Float]([0, 1, 1, 0]))
    beside.withUnsafeBufferPointer { beside in
      gains.withUnsafeBufferPointer { gains in
        sp_fit([1, 0], [0, 0], beside.baseAddress! + 1, 1, gains.baseAddress! + 1, &output, 2)
      }
    }
    #expect(output == [1e15, 0])
  }

  /// `[2, (half + 1) / 2]`, as cspectro.h wants them.
  private func twiddles(_ half: Int) -> [Float] {
    let angles = (0..<(half + 1) / 2).map { -.pi * Double($0) / Double(half) }
    return angles.map { Float(cos($0)) } + angles.map { Float(sin($0)) }
  }
}
