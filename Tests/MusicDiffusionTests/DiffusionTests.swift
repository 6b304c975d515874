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
    struct Range: Decodable {
      let steps: Int
      let min, max: Double
      let sigmas: [Double]
    }
    struct Flow: Decodable {
      let steps: Int
      let max, shift: Double
      let sigmas: [Double]
    }
    struct Timesteps: Decodable {
      let betas, spacing: String
      let steps: Int
      let timesteps: [Int]
      let sigmas: [Double]
    }
    let karras: [Karras]
    let exponential, cosine: [Range]
    let flow: [Flow]
    let timesteps: [Timesteps]
  }

  private func expect(
    _ sigmas: [Double], _ expected: [Double], within tolerance: Double = 1e-12,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try #require(sigmas.count == expected.count, sourceLocation: sourceLocation)
    for (sigma, expected) in zip(sigmas, expected) {
      #expect(abs(sigma - expected) <= tolerance * expected, sourceLocation: sourceLocation)
    }
  }

  @Test func exponentialAndCosineMatchKDiffusion() throws {
    let golden = try loadGolden("sigmas", as: Golden.self)
    for reference in golden.exponential {
      try expect(
        SigmaSchedule.exponential(steps: reference.steps, min: reference.min, max: reference.max),
        reference.sigmas)
    }
    for reference in golden.cosine {
      try expect(
        SigmaSchedule.cosine(steps: reference.steps, min: reference.min, max: reference.max),
        reference.sigmas, within: 1e-10)
    }
  }

  /// diffusers keeps t in float32, which near 1 costs sigma four digits.
  @Test func flowMatchesDiffusers() throws {
    for reference in try loadGolden("sigmas", as: Golden.self).flow {
      try expect(
        SigmaSchedule.flow(steps: reference.steps, max: reference.max, shift: reference.shift),
        reference.sigmas, within: 1e-5)
    }
  }

  /// diffusers keeps the betas in float32.
  @Test func timestepsMatchDiffusers() throws {
    for reference in try loadGolden("sigmas", as: Golden.self).timesteps {
      let spacing: TimestepSpacing = reference.spacing == "leading" ? .leading : .trailing
      let schedule = try #require(DiscreteTimesteps(rawValue: reference.betas))
      #expect(spacing.timesteps(reference.steps) == reference.timesteps)
      try expect(
        SigmaSchedule.timesteps(steps: reference.steps, spacing, of: schedule), reference.sigmas,
        within: 1e-5)
    }
  }

  /// By name, every schedule falls to 0, at most from what was asked for.
  @Test(arguments: SigmaSchedule.allCases, [2, 3, 20, 1000])
  func everyScheduleFallsToZero(_ schedule: SigmaSchedule, steps: Int) throws {
    let sigmas = try schedule.sigmas(steps: steps, min: 0.002, max: 80, sigmaData: 0.5, shift: 2)
    #expect(sigmas.count == steps + 1)
    #expect(sigmas.last == 0)
    #expect(zip(sigmas, sigmas.dropFirst()).allSatisfy { $0 > $1 })
    #expect(sigmas[0] < 80.001)
    #expect([.leading, .trailing].contains(schedule) || sigmas[0] > 79.999)
  }

  @Test func moreStepsThanTimestepsAreAnError() {
    #expect(throws: ModelError.self) {
      try SigmaSchedule.leading.sigmas(steps: 1001, min: 0.002, max: 80, sigmaData: 0.5)
    }
  }

  @Test func matchesKDiffusion() throws {
    for reference in try loadGolden("sigmas", as: Golden.self).karras {
      let sigmas = SigmaSchedule.karras(
        steps: reference.steps, min: reference.min, max: reference.max, rho: reference.rho)
      try #require(sigmas.count == reference.steps + 1)
      for (sigma, expected) in zip(sigmas, reference.sigmas) {
        #expect(abs(sigma - expected) <= 1e-12 * expected)
      }
      guard reference.rho == 1 else { continue }
      let linear = SigmaSchedule.linear(
        steps: reference.steps, min: reference.min, max: reference.max)
      #expect(linear == sigmas)
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
    struct Scalings: Decodable {
      let prediction: Prediction
      let sigmaData: Double
      let sigmas, cSkip, cOut, cIn: [Double]
    }
    let cases: [Case]
    let predictions: [Scalings]
  }

  @Test func otherPredictionsMatchKDiffusionAndDiffusers() throws {
    let references = try loadGolden("preconditioning", as: Golden.self).predictions
    #expect(Set(references.map(\.prediction)) == [.epsilon, .signal, .v, .flow])
    for reference in references {
      let p = Preconditioning(sigmaData: reference.sigmaData, prediction: reference.prediction)
      for (index, sigma) in reference.sigmas.enumerated() {
        #expect(abs(p.cSkip(sigma) - reference.cSkip[index]) <= 1e-12)
        #expect(abs(p.cOut(sigma) - reference.cOut[index]) <= 1e-12 * sigma + 1e-14)
        #expect(abs(p.cIn(sigma) - reference.cIn[index]) <= 1e-11 * reference.cIn[index])
      }
    }
  }

  /// Data of another deviation is data of deviation 1, scaled: so is the denoiser.
  @Test(arguments: Prediction.allCases, [0.002, 0.1, 0.5, 3, 80])
  func scalesWithTheData(_ prediction: Prediction, sigma: Double) {
    let unit = Preconditioning(sigmaData: 1, prediction: prediction)
    let p = Preconditioning(sigmaData: 0.7, prediction: prediction)
    #expect(abs(p.cSkip(0.7 * sigma) - unit.cSkip(sigma)) < 1e-12)
    #expect(abs(p.cIn(0.7 * sigma) * 0.7 - unit.cIn(sigma)) < 1e-12)
    #expect(abs(p.cOut(0.7 * sigma) / 0.7 - unit.cOut(sigma)) < 1e-12 * max(1, sigma))
  }

  /// What each network is asked for, by its paper's words, gives back the signal: the target of a
  /// signal of deviation 1 in x = signal + sigma · noise, put through D.
  @Test(arguments: Prediction.allCases, [0.002, 0.1, 0.5, 3, 80])
  func targetsGiveTheSignal(_ prediction: Prediction, sigma: Double) {
    let p = Preconditioning(sigmaData: 1, prediction: prediction)
    let (signal, noise) = (0.8, -1.7)
    let x = signal + sigma * noise
    let alpha = 1 / (1 + sigma * sigma).squareRoot()
    let (input, target) =
      switch prediction {
      case .edm: (alpha * x, sigma * alpha * signal - alpha * noise)
      case .epsilon: (alpha * x, noise)
      case .signal: (alpha * x, signal)
      case .v: (alpha * signal + sigma * alpha * noise, alpha * noise - sigma * alpha * signal)
      case .flow:
        (signal / (1 + sigma) + sigma / (1 + sigma) * noise, noise - signal)
      }
    #expect(abs(p.cIn(sigma) * x - input) < 1e-12)
    #expect(abs(p.cSkip(sigma) * x + p.cOut(sigma) * target - signal) < 1e-12 * max(1, sigma))
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

  struct Levels: Decodable {
    struct Laplace: Decodable {
      let mean, scale: Double
      let sigmas: [Double]
    }
    struct LogitNormal: Decodable {
      let mean, standardDeviation: Double
      let sigmas: [Double]
    }
    let sigmaData: Double
    let quantiles, cosine, linear: [Double]
    let laplace: Laplace
    let logitNormal: LogitNormal
  }

  /// k-diffusion's v-diffusion, diffusers' betas (float32) and SciPy's distributions.
  @Test func otherLevelsMatchReferences() throws {
    let golden = try loadGolden("noise-levels", as: Levels.self)
    let laplace = NoiseDistribution.laplace(
      mean: golden.laplace.mean, scale: golden.laplace.scale)
    let logit = NoiseDistribution.logitNormal(
      mean: golden.logitNormal.mean, standardDeviation: golden.logitNormal.standardDeviation)
    let references = [
      (NoiseDistribution.cosine, golden.cosine, 1e-10), (.linear, golden.linear, 2e-6),
      (laplace, golden.laplace.sigmas, 1e-10), (logit, golden.logitNormal.sigmas, 1e-8),
    ]
    for (levels, expected, tolerance) in references {
      for (quantile, expected) in zip(golden.quantiles, expected) {
        let sigma = levels.sigma(quantile: quantile, sigmaData: golden.sigmaData)
        #expect(abs(sigma - expected) <= tolerance * expected, "\(levels.kind) \(quantile)")
      }
    }
  }

  @Test(arguments: NoiseDistribution.Kind.allCases)
  func everyKindStaysFiniteAndRises(_ kind: NoiseDistribution.Kind) {
    let levels = NoiseDistribution(kind)
    #expect(levels.kind == kind)
    for offset in [0, 0.5, 1 - 0x1p-53] {
      let sigmas = levels.stratifiedSigmas(count: 16, offset: offset)
      #expect(sigmas.allSatisfy { $0 > 0 && $0.isFinite })
      #expect(zip(sigmas, sigmas.dropFirst()).allSatisfy { $0 < $1 })
    }
  }

  /// Each kind comes back as it was written; what was written before there were kinds does, too, and
  /// is still written so.
  @Test func isReadAsItWasWritten() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    for kind in NoiseDistribution.Kind.allCases {
      for prediction in Prediction.allCases {
        let noise = NoiseProcess(
          levels: NoiseDistribution(kind), shape: .laplace, prediction: prediction)
        let data = try encoder.encode(noise)
        #expect(try JSONDecoder().decode(NoiseProcess.self, from: data) == noise)
      }
    }
    let old = #"{"logMean":-0.4,"logStandardDeviation":1.25}"#
    let noise = try JSONDecoder().decode(NoiseProcess.self, from: Data(old.utf8))
    #expect(noise == NoiseProcess(levels: .logNormal(mean: -0.4, standardDeviation: 1.25)))
    #expect(String(decoding: try encoder.encode(noise), as: UTF8.self) == old)
    for damaged in [
      #"{"logMean":-0.4}"#, #"{"levels":"laplace","mean":0}"#, #"{"levels":"magic"}"#,
      #"{"levels":"cosine","prediction":"magic"}"#,
    ] {
      #expect(throws: DecodingError.self) {
        try JSONDecoder().decode(NoiseProcess.self, from: Data(damaged.utf8))
      }
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
