import Foundation
import MusicDiffusion
import Testing
import Torch

/// Reference: scripts/goldens/samplers.py, with k-diffusion's samplers and diffusers' schedulers.
@Suite struct SamplersTests {
  struct Golden: Decodable {
    struct Case: Decodable, CustomTestStringConvertible {
      let name: String
      let sampler: String
      let eta: Double
      let churn: Sampling.Churn?
      let sigmas: [Double]
      let start: [Float]
      let noise: [[Float]]
      let result: [Float]

      var testDescription: String { name }
    }
    let mixture: Mixture
    let cases: [Case]
  }

  static let golden = Result { try loadGolden("samplers", as: Golden.self) }

  /// Both compute in float64: in float32, two of all values, which start at up to 200 and end at
  /// about 1, differ by a little more than is demanded here.
  @Test(arguments: try golden.get().cases)
  func matchesReference(_ reference: Golden.Case) throws {
    let mixture = try Self.golden.get().mixture
    let shape = [1, 1, 3, 4]
    let start = try Tensor(reference.start, shape: shape).to(.float64)
    let noise = { (step: Int) in try Tensor(reference.noise[step], shape: shape).to(.float64) }
    let sampler = try #require(Sampler(rawValue: reference.sampler))
    let settings = Sampler.Settings(eta: reference.eta, churn: reference.churn)
    let result = try sampler.sample(
      start, sigmas: reference.sigmas, settings: settings, denoise: mixture.denoised, noise: noise)
    for (value, expected) in zip(try result.floats(), reference.result) {
      #expect(abs(value - expected) <= 1e-5 * abs(expected))
    }
  }

  /// DDIM without noise is Euler's method in these coordinates.
  @Test func ddimIsEuler() throws {
    let mixture = try Self.golden.get().mixture
    let sigmas = SigmaSchedule.karras(steps: 7, min: 0.01, max: 20)
    let start = try normal([2, 1, 4, 8], seed: 3) * 20
    let results = try [Sampler.ddim, .euler].map {
      try $0.sample(start, sigmas: sigmas, denoise: mixture.denoised, noise: noNoise)
    }
    #expect(try difference(results[0], results[1]) < 1e-5)
  }

  /// Without noise the solvers of SDEs are those of the probability flow.
  @Test func etaOfZeroIsTheFlow() throws {
    let mixture = try Self.golden.get().mixture
    let sigmas = SigmaSchedule.exponential(steps: 7, min: 0.01, max: 20)
    let start = try normal([2, 1, 4, 8], seed: 3) * 20
    func result(_ sampler: Sampler, eta: Double? = nil) throws -> Tensor {
      try sampler.sample(
        start, sigmas: sigmas, settings: .init(eta: eta), denoise: mixture.denoised, noise: noNoise)
    }
    #expect(try difference(result(.dpmSolver2MSDE, eta: 0), result(.dpmSolver2M)) < 2e-5)
    #expect(try difference(result(.eulerAncestral, eta: 0), result(.euler)) < 1e-5)
    #expect(try difference(result(.flow), result(.euler)) < 1e-5)
    #expect(try difference(result(.dpmSolver3MSDE, eta: 0), result(.euler)) > 1e-3)
  }

  /// Whatever the noise and the steps, the last estimate of a denoiser that knows the signal is it.
  @Test(arguments: Sampler.allCases, [2, 3, 20])
  func landsOnSignal(_ sampler: Sampler, steps: Int) throws {
    let signal = try normal([2, 1, 4, 8], seed: 1)
    let sigmas = SigmaSchedule.karras(steps: steps, min: 0.002, max: 80)
    let start = try signal + normal(signal.shape, seed: 2) * 80
    let result = try sampler.sample(
      start, sigmas: sigmas, denoise: { _, _ in signal },
      noise: { step in try normal(signal.shape, seed: UInt64(10 + step)) })
    #expect(try difference(result, signal) < 1e-4)
  }

  @Test(arguments: Sampler.allCases, [2, 3, 20])
  func countsItsEvaluations(_ sampler: Sampler, steps: Int) throws {
    let sigmas = SigmaSchedule.karras(steps: steps, min: 0.002, max: 80)
    var evaluations = 0
    var draws: [Int] = []
    var finished: [Int] = []
    let start = try normal([1, 1, 2, 2], seed: 1) * 80
    _ = try sampler.sample(
      start, sigmas: sigmas,
      denoise: { x, sigma in
        #expect(sigma > 0)
        evaluations += 1
        return try x * 0
      },
      noise: { step in
        draws.append(step)
        return try normal([1, 1, 2, 2], seed: UInt64(step))
      },
      onStep: { finished.append($0) })
    #expect(evaluations == sampler.evaluations(steps: steps))
    #expect(finished == Array(0..<steps))
    // No noise is added at the end.
    let addsNoise = [.ddpm, .eulerAncestral, .dpmSolver2MSDE, .dpmSolver3MSDE].contains(sampler)
    #expect(draws == (addsNoise ? Array(0..<steps - 1) : []))
  }

  /// A method of higher order comes nearer to where many small steps lead. The whole of a
  /// distribution is drawn: its quantiles keep their order along the flow of one dimension.
  @Test func higherOrderIsNearer() throws {
    let mixture = try Self.golden.get().mixture
    let quantiles = (0..<64).map { 20 * Float(NoiseDistribution.standardQuantile($0, of: 64)) }
    let start = try Tensor(quantiles, shape: [1, 1, 8, 8])
    func error(_ sampler: Sampler, steps: Int) throws -> Float {
      func result(_ sampler: Sampler, _ steps: Int) throws -> Tensor {
        let sigmas = SigmaSchedule.karras(steps: steps, min: 0.002, max: 20)
        return try sampler.sample(
          start, sigmas: sigmas, denoise: mixture.denoised, noise: noNoise)
      }
      let distance = try result(sampler, steps) - result(.heun, 400)
      return Float(try distance.square().mean().item().squareRoot())
    }
    let (euler, heun, dpm) = (
      try error(.euler, steps: 40), try error(.heun, steps: 20), try error(.dpmSolver2M, steps: 40)
    )
    #expect(heun < euler / 2)
    #expect(dpm < euler / 2)
  }

  /// Ancestral sampling over many steps draws from the mixture itself.
  @Test func ancestralSamplingDrawsTheMixture() throws {
    let mixture = try Self.golden.get().mixture
    let shape = [1, 1, 64, 64]
    let sigmas = SigmaSchedule.karras(steps: 60, min: 0.002, max: 20)
    let drawn = try Sampler.ddpm.sample(
      normal(shape, seed: 1) * 20, sigmas: sigmas, denoise: mixture.denoised,
      noise: { step in try normal(shape, seed: UInt64(100 + step)) }
    ).floats().map(Double.init)
    // The standard errors of 4096 draws are 0.011 and, of the share of one part, 0.007.
    let mean = drawn.reduce(0, +) / Double(drawn.count)
    #expect(abs(mean - mixture.mean) < 0.05)
    let low = Double(drawn.count { $0 < -0.4 }) / Double(drawn.count)
    #expect(abs(low - mixture.weights[0]) < 0.03)
  }

  /// What a step throws ends the sampling at once.
  @Test(arguments: Sampler.allCases)
  func stopsWhereAskedTo(_ sampler: Sampler) throws {
    struct Stop: Error {}
    var steps = 0
    #expect(throws: Stop.self) {
      _ = try sampler.sample(
        normal([1, 1, 2, 2], seed: 1), sigmas: [3, 2, 1, 0], denoise: { x, _ in try x * 0 },
        noise: { _ in try normal([1, 1, 2, 2], seed: 2) },
        onStep: { _ in
          steps += 1
          if steps == 2 { throw Stop() }
        })
    }
    #expect(steps == 2)
  }
}

/// For a sampler that adds no noise.
private func noNoise(_ step: Int) throws -> Tensor {
  Issue.record("noise was asked for in step \(step)")
  return try .zeros([1])
}

extension NoiseDistribution {
  /// The middle of one of `count` equally likely ranges of the standard normal distribution.
  fileprivate static func standardQuantile(_ index: Int, of count: Int) -> Double {
    log(
      NoiseDistribution(logMean: 0, logStandardDeviation: 1)
        .stratifiedSigmas(count: count, offset: 0.5)[index])
  }
}

/// A signal whose values are drawn from normal distributions of these weights, means and standard
/// deviations, of which the exact denoiser is known.
struct Mixture: Decodable {
  let weights: [Double]
  let means: [Double]
  let deviations: [Double]

  var mean: Double { zip(weights, means).reduce(0) { $0 + $1.0 * $1.1 } }

  /// E[signal | x] by Bayes' rule, the odds of the two parts in logarithms.
  func denoised(_ x: Tensor, sigma: Double) throws -> Tensor {
    let variances = deviations.map { $0 * $0 + sigma * sigma }
    func logLikelihood(_ part: Int) throws -> Tensor {
      try (x - means[part]).square() * (-0.5 / variances[part])
        + (log(weights[part]) - 0.5 * log(variances[part]))
    }
    func estimate(_ part: Int) throws -> Tensor {
      let signal = deviations[part] * deviations[part] / variances[part]
      return try x * signal + means[part] * sigma * sigma / variances[part]
    }
    let first = try (logLikelihood(0) - logLikelihood(1)).sigmoid()
    return try first * estimate(0) + (1 - first) * estimate(1)
  }
}
