import Foundation
import Testing
import Torch

@Suite struct RandomGeneratorTests {
  /// The vectors for philox4x32-10 of the Random123 distribution (kat_vectors).
  @Test func matchesRandom123() {
    let ones = UInt64.max
    #expect(
      RandomGenerator.block(number: 0, stream: 0, seed: 0)
        == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
    #expect(
      RandomGenerator.block(number: ones, stream: ones, seed: ones)
        == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
    #expect(
      RandomGenerator.block(
        number: 0x85a3_08d3_243f_6a88, stream: 0x0370_7344_1319_8a2e, seed: 0x299f_31d0_a409_3822)
        == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])
  }

  @Test(arguments: [[100], [1, 99], [3, 4, 93], [50, 0, 49, 1], [7, 7, 7, 79]])
  func chunksDoNotMatter(_ chunks: [Int]) {
    var (whole, parts) = (RandomGenerator(seed: 1), RandomGenerator(seed: 1))
    #expect(chunks.flatMap { parts.normals($0) } == whole.normals(100))
    #expect(chunks.flatMap { parts.uniforms($0) } == whole.uniforms(100))
    #expect(chunks.flatMap { parts.nextUInt32s($0) } == whole.nextUInt32s(100))
  }

  @Test func seedAndStreamTellGeneratorsApart() {
    let draws = [(1, 0), (2, 0), (1, 1), (2, 1)].map { seed, stream -> [UInt32] in
      var generator = RandomGenerator(seed: UInt64(seed), stream: UInt64(stream))
      return generator.nextUInt32s(4)
    }
    #expect(Set(draws).count == 4)
  }

  /// The first four moments of 200,000 numbers, each within 4 standard errors.
  @Test func normalsAreNormal() {
    var generator = RandomGenerator(seed: 3)
    let values = generator.normals(200_000).map(Double.init)
    let count = Double(values.count)
    for (power, moment, variance) in [(1.0, 0.0, 1.0), (2, 1, 2), (3, 0, 15), (4, 3, 96)] {
      let mean = values.reduce(0) { $0 + pow($1, power) } / count
      #expect(abs(mean - moment) < 4 * (variance / count).squareRoot())
    }
    #expect(values.allSatisfy { $0.isFinite })
  }

  @Test func uniformsFillTheirRange() {
    var generator = RandomGenerator(seed: 4)
    let values = generator.uniforms(100_000)
    #expect(values.allSatisfy { (0..<1).contains($0) })
    let counts = Dictionary(grouping: values) { Int($0 * 10) }.mapValues(\.count)
    // Binomial with p = 0.1: a standard deviation of 95.
    #expect((0..<10).allSatisfy { abs((counts[$0] ?? 0) - 10_000) < 400 })
  }

  @Test func integersCoverTheirRange() {
    var generator = RandomGenerator(seed: 5)
    let values = (0..<7000).map { _ in generator.integer(in: -3..<4) }
    let counts = Dictionary(grouping: values) { $0 }.mapValues(\.count)
    #expect(Set(counts.keys) == Set(-3..<4))
    #expect(counts.values.allSatisfy { abs($0 - 1000) < 130 })
    #expect(generator.integer(in: 9..<10) == 9)
    #expect((Int.min..<Int.max).contains(generator.integer(in: Int.min..<Int.max)))
  }

  @Test func stateCanBeSaved() throws {
    var generator = RandomGenerator(seed: .max, stream: 6)
    _ = generator.normals(7)
    let data = try JSONEncoder().encode(generator)
    var restored = try JSONDecoder().decode(RandomGenerator.self, from: data)
    #expect(restored.normals(10) == generator.normals(10))
    #expect(restored == generator)
  }
}
