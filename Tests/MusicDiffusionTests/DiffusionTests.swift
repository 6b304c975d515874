import Foundation
import MusicDiffusion
import Testing
import Torch

/// References: scripts/goldens/samplers.py.
@Suite struct SigmaScheduleTests {
  struct Golden: Decodable {
    struct Karras: Decodable {
      let steps: Int
      let min: Double
      let max: Double
      let rho: Double
      let sigmas: [Double]
    }
    let karras: [Karras]
  }

  @Test func matchesKDiffusion() throws {
    for reference in try loadGolden("sigmas", as: Golden.self).karras {
      let sigmas = SigmaSchedule.karras(
        steps: reference.steps, min: reference.min, max: reference.max, rho: reference.rho)
      try #require(sigmas.count == reference.steps + 1)
      for (sigma, expected) in zip(sigmas, reference.sigmas) {
        #expect(abs(sigma - expected) <= 1e-12 * expected)
      }
    }
  }

  @Test(arguments: [2, 3, 20, 1000])
  func fallsFromMaxThroughMinToZero(_ steps: Int) {
    let sigmas = SigmaSchedule.karras(steps: steps, min: 0.002, max: 80)
    #expect(abs(sigmas[0] - 80) < 1e-9)
    #expect(abs(sigmas[steps - 1] - 0.002) < 1e-12)
    #expect(sigmas.last == 0)
    #expect(zip(sigmas, sigmas.dropFirst()).allSatisfy { $0 > $1 })
  }
}

@Suite struct PreconditioningTests {
  struct Golden: Decodable {
    struct Case: Decodable {
      let sigmaData: Double
      let sigmas, cSkip, cOut, cIn, cNoise: [Double]
    }
    let cases: [Case]
  }

  @Test func matchesKDiffusion() throws {
    for reference in try loadGolden("preconditioning", as: Golden.self).cases {
      let p = Preconditioning(sigmaData: reference.sigmaData)
      for (index, sigma) in reference.sigmas.enumerated() {
        #expect(abs(p.cSkip(sigma) - reference.cSkip[index]) <= 1e-12)
        #expect(abs(p.cOut(sigma) - reference.cOut[index]) <= 1e-12)
        #expect(abs(p.cIn(sigma) - reference.cIn[index]) <= 1e-12 * reference.cIn[index])
        #expect(abs(p.cNoise(sigma) - reference.cNoise[index]) <= 1e-12)
      }
    }
  }

  @Test(arguments: [0.002, 0.1, 0.5, 3, 80])
  func scalesToUnitVariance(_ sigma: Double) {
    let p = Preconditioning(sigmaData: 0.7)
    let variance = sigma * sigma + 0.7 * 0.7
    // The network's input, x · cIn, and its target, (signal − cSkip x) / cOut.
    #expect(abs(p.cIn(sigma) * p.cIn(sigma) * variance - 1) < 1e-12)
    let target =
      (pow(1 - p.cSkip(sigma), 2) * 0.7 * 0.7 + pow(p.cSkip(sigma) * sigma, 2))
      / pow(p.cOut(sigma), 2)
    #expect(abs(target - 1) < 1e-9)
    #expect(abs(p.lossWeight(sigma) * pow(p.cOut(sigma), 2) - 1) < 1e-12)
  }
}

@Suite struct NoiseDistributionTests {
  struct Golden: Decodable {
    let probabilities, quantiles, sigmas: [Double]
    let logMean, logStandardDeviation, offset: Double
    let count: Int
  }

  /// One sigma in a range that is everything lies at the quantile of its offset.
  @Test func quantilesMatchSciPy() throws {
    let golden = try loadGolden("normal", as: Golden.self)
    let standard = NoiseDistribution(logMean: 0, logStandardDeviation: 1)
    for (probability, quantile) in zip(golden.probabilities, golden.quantiles) {
      let sigma = standard.stratifiedSigmas(count: 1, offset: probability)[0]
      #expect(abs(log(sigma) - quantile) < 1e-9)
    }
  }

  @Test func sigmasMatchSciPy() throws {
    let golden = try loadGolden("normal", as: Golden.self)
    let noise = NoiseDistribution(
      logMean: golden.logMean, logStandardDeviation: golden.logStandardDeviation)
    let sigmas = noise.stratifiedSigmas(count: golden.count, offset: golden.offset)
    try #require(sigmas.count == golden.sigmas.count)
    for (sigma, expected) in zip(sigmas, golden.sigmas) {
      #expect(abs(sigma - expected) < 1e-9 * expected)
    }
  }

  /// The extremes stay finite, so that no batch can hold a noise level of 0 or infinity.
  @Test func staysFinite() {
    let sigmas = NoiseDistribution().stratifiedSigmas(count: 16, offset: 0)
    #expect(sigmas.allSatisfy { $0 > 0 && $0.isFinite })
  }

  @Test func logarithmHasMeanAndDeviation() {
    let noise = NoiseDistribution(logMean: -0.6, logStandardDeviation: 1.4)
    let logs = (0..<100).flatMap { batch in
      noise.stratifiedSigmas(count: 16, offset: (Double(batch) + 0.5) / 100).map { log($0) }
    }
    let mean = logs.reduce(0, +) / Double(logs.count)
    let variance = logs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(logs.count)
    #expect(abs(mean + 0.6) < 1e-6)
    #expect(abs(variance.squareRoot() - 1.4) < 0.01)
  }
}
