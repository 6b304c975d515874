import Foundation
public import Torch

/// The samplers themselves: here those that follow the probability flow and add no noise, but for
/// Heun's, which can go back a little before each step.
public enum Sampling {
  /// Euler's method on the probability flow dx/dsigma = (x − D(x; sigma)) / sigma.
  public static func euler(
    _ x: Tensor, sigmas: [Double], denoise: Denoise, onStep: (Int) throws -> Void = { _ in }
  ) throws -> Tensor {
    var x = x
    for (step, (sigma, next)) in zip(sigmas, sigmas.dropFirst()).enumerated() {
      let slope = try (x - denoise(x, sigma)) / sigma
      x = try x + slope * (next - sigma)
      try onStep(step)
    }
    return x
  }

  /// Noise added before each step of ``heun(_:sigmas:churn:denoise:noise:onStep:)``: the S_churn,
  /// S_tmin, S_tmax and S_noise of Karras et al. 2022 (arXiv:2206.00364), algorithm 2.
  public struct Churn: Codable, Sendable, Equatable {
    /// The sum over all steps of the relative growth of sigma.
    public var amount: Double
    /// The noise levels between which it is added.
    public var sigmaMin, sigmaMax: Double
    /// Standard deviation of the added noise; a little above 1 makes up for detail that a network
    /// tends to remove.
    public var noise: Double

    public init(
      amount: Double, sigmaMin: Double = 0, sigmaMax: Double = 1e6, noise: Double = 1
    ) {
      self.amount = amount
      self.sigmaMin = sigmaMin
      self.sigmaMax = sigmaMax
      self.noise = noise
    }

    public static let none = Churn(amount: 0)
  }

  /// Heun's second-order method: Karras et al. 2022 (arXiv:2206.00364), algorithm 2, which without
  /// churn is algorithm 1.
  public static func heun(
    _ x: Tensor, sigmas: [Double], churn: Churn = .none, denoise: Denoise,
    noise: (Int) throws -> Tensor, onStep: (Int) throws -> Void = { _ in }
  ) throws -> Tensor {
    var x = x
    let steps = Double(sigmas.count - 1)
    for (step, (level, next)) in zip(sigmas, sigmas.dropFirst()).enumerated() {
      let isChurned = churn.sigmaMin <= level && level <= churn.sigmaMax
      let gamma = isChurned ? min(churn.amount / steps, 2.0.squareRoot() - 1) : 0
      let sigma = level * (1 + gamma)
      if gamma > 0 {
        let added = (sigma * sigma - level * level).squareRoot()
        x = try x + noise(step) * (churn.noise * added)
      }
      let slope = try (x - denoise(x, sigma)) / sigma
      let euler = try x + slope * (next - sigma)
      if next == 0 {
        x = euler
      } else {
        let nextSlope = try (euler - denoise(euler, next)) / next
        x = try x + (slope + nextSlope) * ((next - sigma) / 2)
      }
      try onStep(step)
    }
    return x
  }

  /// DPM-Solver++(2M): Lu et al. 2022 (arXiv:2211.01095), algorithm 2, with alpha = 1 and so
  /// half-logSNR −ln sigma. The first and the last step are of first order.
  public static func dpmSolver2M(
    _ x: Tensor, sigmas: [Double], denoise: Denoise, onStep: (Int) throws -> Void = { _ in }
  ) throws -> Tensor {
    var x = x
    var previous: (denoised: Tensor, stepSize: Double)?
    for (step, (sigma, next)) in zip(sigmas, sigmas.dropFirst()).enumerated() {
      let denoised = try denoise(x, sigma)
      if next == 0 {
        x = denoised
      } else {
        let stepSize = log(sigma / next)
        var target = denoised
        if let previous {
          let extrapolation = stepSize / (2 * previous.stepSize)
          target = try denoised * (1 + extrapolation) - previous.denoised * extrapolation
        }
        x = try x * (next / sigma) - target * expm1(-stepSize)
        previous = (denoised, stepSize)
      }
      try onStep(step)
    }
    return x
  }

  /// Euler's method on rectified flow: Liu et al. 2022 (arXiv:2209.03003), algorithm 1, from noise to
  /// signal. x_t = (1 − t) signal + t · noise is x / (1 + sigma) with t = sigma / (1 + sigma), and its
  /// velocity noise − signal is (x_t − D) / t. A step is straight in both coordinates, so on the same
  /// sigmas this is ``euler(_:sigmas:denoise:onStep:)``, whatever deviation the data has in them; what
  /// makes it rectified flow's sampler are the steps of ``SigmaSchedule/flow(steps:max:shift:)``.
  public static func flow(
    _ x: Tensor, sigmas: [Double], denoise: Denoise, onStep: (Int) throws -> Void = { _ in }
  ) throws -> Tensor {
    let times = sigmas.map { $0 / (1 + $0) }
    var flowing = try x * (1 - times[0])
    for (step, (time, next)) in zip(times, times.dropFirst()).enumerated() {
      let denoised = try denoise(flowing * (1 / (1 - time)), sigmas[step])
      let velocity = try (flowing - denoised) / time
      flowing = try flowing + velocity * (next - time)
      try onStep(step)
    }
    return try flowing * (1 / (1 - times.last!))
  }
}
