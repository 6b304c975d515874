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
    let pairs = (half + 1) / 2
    let angles = (0..<pairs).map { -.pi * Double($0) / Double(half) }
    let twiddles = angles.map { Float(cos($0)) } + angles.map { Float(sin($0)) }
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
}
