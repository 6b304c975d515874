import Foundation
import MusicDiffusion
import Testing
import Torch

/// The samplers on a mixture of two normal distributions, whose exact denoiser is known, as the steps
/// become more. The tables in Docs/diffusion.md are these:
///
///     COMPOSE_CONVERGENCE=tables.md swift test -c release --filter ConvergenceTests
@Suite(.serialized) struct ConvergenceTests {
  private let mixture: Mixture
  private let steps = [16, 32, 64, 128, 256, 512]

  init() throws { mixture = try SamplersTests.golden.get().mixture }

  // MARK: - Trajectories

  /// A sampler that adds no noise, and the order that it is shown to have.
  private struct Flow {
    var name: String
    var order: ClosedRange<Double>
    var inTime = false
    var sample: (Tensor, [Double], @escaping Denoise) throws -> Tensor
  }

  private let flows = [
    Flow(name: "euler, ddim", order: 0.9...1.1) {
      try Sampling.euler($0, sigmas: $1, denoise: $2)
    },
    Flow(name: "flow (equal steps of t)", order: 0.9...1.1, inTime: true) {
      try Sampling.flow($0, sigmas: $1, denoise: $2)
    },
    Flow(name: "heun", order: 1.9...2.1) {
      try Sampling.heun($0, sigmas: $1, denoise: $2, noise: { _ in throw NoNoise() })
    },
    Flow(name: "dpm++2m", order: 1.9...2.1) {
      try Sampling.dpmSolver2M($0, sigmas: $1, denoise: $2)
    },
    Flow(name: "dpm++3m-sde, eta 0", order: 1.9...2.3) {
      try Sampling.dpmSolver3MSDE(
        $0, sigmas: $1, eta: 0, denoise: $2, noise: { _ in throw NoNoise() })
    },
    Flow(name: "the same, curvature 1", order: 2.85...3.15) {
      try Sampling.dpmSolver3MSDE(
        $0, sigmas: $1, eta: 0, curvature: 1, denoise: $2, noise: { _ in throw NoNoise() })
    },
  ]

  private struct NoNoise: Error {}

  /// The root mean square distance to where 16,384 of Heun's steps lead, from noise of deviation 80
  /// down to 0.1, at which the parts of the mixture have formed. The last steps' order is asserted.
  @Test func trajectoriesConverge() throws {
    let (high, low) = (80.0, 0.1)
    // The middles of 64 equally likely ranges, so that the whole of the distribution is followed.
    let quantiles = NoiseDistribution(logMean: 0, logStandardDeviation: 1)
      .stratifiedSigmas(count: 64, offset: 0.5).map { Float(log($0) * high) }
    let start = try Tensor(quantiles, shape: [64]).to(.float64)
    func equalSteps(_ count: Int) -> [Double] {
      Array(SigmaSchedule.exponential(steps: count + 1, min: low, max: high).dropLast())
    }
    func equalTimes(_ count: Int) -> [Double] {
      let (first, last) = (high / (1 + high), low / (1 + low))
      return (0...count).map { step in
        let time = first + (last - first) * Double(step) / Double(count)
        return time / (1 - time)
      }
    }
    let truth = try Sampling.heun(
      start, sigmas: equalSteps(16_384), denoise: mixture.denoised,
      noise: { _ in throw NoNoise() })
    var rows: [Row] = []
    for flow in flows {
      let errors = try steps.map { count in
        let sigmas = flow.inTime ? equalTimes(count) : equalSteps(count)
        let distance = try flow.sample(start, sigmas, mixture.denoised) - truth
        return try distance.square().mean().item().squareRoot()
      }
      let row = Row(name: flow.name, errors: errors)
      #expect(flow.order.contains(row.order), "\(flow.name): \(errors)")
      rows.append(row)
    }
    try report("Trajectories", steps: steps, rows)
  }

  // MARK: - Distributions, exactly

  /// A sampler that adds noise, and the order that it is shown to have in the distribution.
  private struct Random {
    var name: String
    var order: ClosedRange<Double>
    var sample: (Tensor, [Double], @escaping Denoise, (Int) throws -> Tensor) throws -> Tensor
  }

  private let randoms = [
    Random(name: "ddpm, euler-ancestral, ddim eta 1", order: 0.9...1.1) {
      try Sampling.ddim($0, sigmas: $1, eta: 1, denoise: $2, noise: $3)
    },
    Random(name: "ddim, eta 0.5", order: 0.9...1.1) {
      try Sampling.ddim($0, sigmas: $1, eta: 0.5, denoise: $2, noise: $3)
    },
    Random(name: "heun, churn 20", order: 1.8...2.2) {
      try Sampling.heun($0, sigmas: $1, churn: .init(amount: 20), denoise: $2, noise: $3)
    },
    Random(name: "dpm++2m-sde", order: 1.9...2.1) {
      try Sampling.dpmSolver2MSDE($0, sigmas: $1, eta: 1, denoise: $2, noise: $3)
    },
    Random(name: "dpm++3m-sde", order: 1.9...2.1) {
      try Sampling.dpmSolver3MSDE($0, sigmas: $1, eta: 1, denoise: $2, noise: $3)
    },
  ]

  /// For data of one normal distribution the denoiser is linear, and so is a sampler: its result is a
  /// sum of the start and each step's noise with weights. Started on the start alone and on each
  /// noise alone, as elements of one tensor, it tells the weights, and their squares' sum is the exact
  /// variance of what it draws. The error of that is the table.
  @Test func variancesConverge() throws {
    let (high, low, deviation) = (20.0, 0.02, 0.5)
    let denoise: Denoise = { x, sigma in
      try x * (deviation * deviation / (deviation * deviation + sigma * sigma))
    }
    let truth = deviation * deviation + low * low
    var rows: [Row] = []
    for random in randoms {
      let errors = try steps.map { count in
        func unit(_ index: Int, _ value: Double = 1) throws -> Tensor {
          var values = [Float](repeating: 0, count: count + 1)
          values[index] = 1
          return try Tensor(values, shape: [count + 1]).to(.float64) * value
        }
        let sigmas = SigmaSchedule.exponential(steps: count + 1, min: low, max: high).dropLast()
        let scale = (deviation * deviation + high * high).squareRoot()
        let weights = try random.sample(
          unit(0, scale), Array(sigmas), denoise, { try unit($0 + 1) })
        return try abs(weights.square().sum().item() - truth)
      }
      let row = Row(name: random.name, errors: errors)
      #expect(random.order.contains(row.order), "\(random.name): \(errors)")
      rows.append(row)
    }
    try report("Variances", steps: steps, rows)
  }

  // MARK: - Distributions, drawn

  /// Wasserstein's distance between 32,768 drawn values and the mixture, on Karras' sigmas from 20 to
  /// 0 (for `flow` on its own), comes down to that of as many values of the mixture itself; for the
  /// samplers of first order, which need more steps for that, it falls as these grow.
  @Test func samplesBecomeTheMixture() throws {
    let counts = [4, 8, 16, 32, 64, 128]
    let draws = 32_768
    let quantiles = mixture.quantiles(draws)
    func distance(_ values: [Float]) -> Double {
      zip(values.sorted(), quantiles).reduce(0) { $0 + abs(Double($1.0) - $1.1) } / Double(draws)
    }
    func signal(_ seed: UInt64) throws -> [Float] {
      var random = RandomGenerator(seed: seed)
      return (0..<draws).map { _ in
        let part = random.uniform() < mixture.weights[0] ? 0 : 1
        return Float(mixture.means[part] + mixture.deviations[part] * random.normal())
      }
    }
    let floors = try (0..<32).map { distance(try signal(UInt64(1000 + $0))) }.sorted()
    let start = try Tensor(signal(1), shape: [draws]) + normal([draws], seed: 2) * 20
    let settings: [(name: String, Sampler, Sampler.Settings, firstOrder: Bool)] =
      Sampler.allCases.map {
        ($0.rawValue, $0, .init(), [.euler, .eulerAncestral, .ddim, .ddpm, .flow].contains($0))
      } + [
        ("heun, churn 20", .heun, .init(churn: .init(amount: 20)), false),
        ("ddim, eta 0.5", .ddim, .init(eta: 0.5), true),
      ]
    var rows: [Row] = []
    for (name, sampler, settings, isOfFirstOrder) in settings {
      let errors = try counts.map { count in
        let sigmas =
          sampler == .flow
          ? SigmaSchedule.flow(steps: count, max: 20)
          : SigmaSchedule.karras(steps: count, min: 0.002, max: 20)
        let drawn = try sampler.sample(
          start.to(.float64), sigmas: sigmas, settings: settings, denoise: mixture.denoised,
          noise: { try normal([draws], seed: UInt64(100 + $0)).to(.float64) })
        return distance(try drawn.floats())
      }
      if isOfFirstOrder {
        #expect(errors[5] < errors[3] / 2.5 && errors[5] < 0.012, "\(name): \(errors)")
      } else {
        #expect(errors[5] <= floors.last!, "\(name): \(errors)")
      }
      rows.append(Row(name: name, errors: errors, showsOrder: false))
    }
    for (name, floor) in [
      ("32 draws of the mixture itself, mean", floors.reduce(0, +) / 32),
      ("and largest", floors.last!),
    ] {
      let errors = [Double](repeating: floor, count: counts.count)
      rows.append(Row(name: name, errors: errors, showsOrder: false))
    }
    try report("Wasserstein", steps: counts, rows)
  }

  // MARK: - The tables

  private struct Row {
    var name: String
    var errors: [Double]
    var showsOrder = true
    /// By the last halving of the steps.
    var order: Double { log2(errors[errors.count - 2] / errors[errors.count - 1]) }
  }

  /// Adds a table to the file that COMPOSE_CONVERGENCE names.
  private func report(_ title: String, steps: [Int], _ rows: [Row]) throws {
    guard let path = ProcessInfo.processInfo.environment["COMPOSE_CONVERGENCE"] else { return }
    let order = rows[0].showsOrder ? ["order"] : []
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
    var text = "\(title)\n\n" + line(["steps"] + steps.map(String.init) + order)
    text += line((0...steps.count + order.count - 1).map { _ in "---" } + ["---"])
    for row in rows {
      let errors = row.errors.map { String(format: "%.2g", $0) }
      text += line(
        [row.name] + errors + (row.showsOrder ? [String(format: "%.2f", row.order)] : []))
    }
    let old = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    try (old + text + "\n").write(toFile: path, atomically: true, encoding: .utf8)
  }
}

extension Mixture {
  /// The middles of `count` equally likely ranges, by bisection on the cumulative distribution.
  fileprivate func quantiles(_ count: Int) -> [Double] {
    func cumulative(_ x: Double) -> Double {
      weights.indices.reduce(0) { sum, part in
        sum + weights[part] * 0.5
          * erfc((means[part] - x) / deviations[part] / 2.0.squareRoot())
      }
    }
    var low = -5.0
    return (0..<count).map { index in
      let probability = (Double(index) + 0.5) / Double(count)
      var (from, to) = (low, 5.0)
      for _ in 0..<50 {
        let middle = (from + to) / 2
        if cumulative(middle) < probability { from = middle } else { to = middle }
      }
      low = from
      return from
    }
  }
}
