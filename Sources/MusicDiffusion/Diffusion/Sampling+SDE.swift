import Foundation
public import Torch

/// The samplers that remove more noise than they leave and add some anew.
///
/// The solvers of DPM-Solver++ step along lambda = −ln sigma. With `eta` the share of noise that is
/// added anew and D a polynomial in lambda, one step h of the reverse process is, exactly,
///
///     x' = e^(−k h) x + k ∫ e^(−k (h − s)) D(lambda + s) ds + sigma' sqrt(1 − e^(−2 eta h)) noise
///
/// with k = 1 + eta: Lu et al. 2022 (arXiv:2211.01095); k = 1 is the probability flow.
extension Sampling {
  /// DDIM: Song et al. 2020 (arXiv:2010.02502), equations 12 and 16. With `eta` 0 it is
  /// deterministic, and in these coordinates Euler's method; with 1 it is DDPM's ancestral sampling
  /// (Ho et al. 2020, arXiv:2006.11239, algorithm 2, with the variance of the posterior) and the
  /// ancestral Euler of k-diffusion.
  public static func ddim(
    _ x: Tensor, sigmas: [Double], eta: Double, denoise: Denoise, noise: (Int) throws -> Tensor,
    onStep: (Int) throws -> Void = { _ in }
  ) throws -> Tensor {
    var x = x
    for (step, (sigma, next)) in zip(sigmas, sigmas.dropFirst()).enumerated() {
      let denoised = try denoise(x, sigma)
      let posterior = next * next * (sigma * sigma - next * next) / (sigma * sigma)
      let fresh = eta * posterior.squareRoot()
      let kept = (next * next - fresh * fresh).squareRoot()
      x = try denoised + (x - denoised) * (kept / sigma)
      if fresh > 0 { x = try x + noise(step) * fresh }
      try onStep(step)
    }
    return x
  }

  /// SDE-DPM-Solver++(2M): Lu et al. 2022 (arXiv:2211.01095), for any `eta`,
  /// as k-diffusion's and diffusers' midpoint solvers have it. D is a straight line through its last
  /// two values, whose integral is taken at the step's middle.
  public static func dpmSolver2MSDE(
    _ x: Tensor, sigmas: [Double], eta: Double, denoise: Denoise, noise: (Int) throws -> Tensor,
    onStep: (Int) throws -> Void = { _ in }
  ) throws -> Tensor {
    var x = x
    var previous: (denoised: Tensor, stepSize: Double)?
    for (step, (sigma, next)) in zip(sigmas, sigmas.dropFirst()).enumerated() {
      let denoised = try denoise(x, sigma)
      if next == 0 {
        x = denoised
      } else {
        let stepSize = log(sigma / next)
        let decay = exp(-(1 + eta) * stepSize)
        var target = denoised
        if let previous {
          let slope = try (denoised - previous.denoised) / previous.stepSize
          target = try denoised + slope * (stepSize / 2)
        }
        x = try x * decay + target * (1 - decay)
        if eta > 0 { x = try x + noise(step) * fresh(eta, stepSize, next) }
        previous = (denoised, stepSize)
      }
      try onStep(step)
    }
    return x
  }

  /// k-diffusion's DPM-Solver++(3M) SDE: the multistep solver of third order of Lu et al. 2022
  /// (arXiv:2211.01095) with the noise of its SDE solvers. D is a parabola through its
  /// last three values.
  ///
  /// - Parameter curvature: how much of the parabola's curvature counts. The solver of that paper's
  ///   authors, k-diffusion's and diffusers' all take half of it, which leaves them of second order;
  ///   1 is what the integral above has, of third order without noise (`Docs/diffusion.md`).
  public static func dpmSolver3MSDE(
    _ x: Tensor, sigmas: [Double], eta: Double, curvature: Double = 0.5, denoise: Denoise,
    noise: (Int) throws -> Tensor, onStep: (Int) throws -> Void = { _ in }
  ) throws -> Tensor {
    var x = x
    var past: [(denoised: Tensor, stepSize: Double)] = []
    for (step, (sigma, next)) in zip(sigmas, sigmas.dropFirst()).enumerated() {
      let denoised = try denoise(x, sigma)
      if next == 0 {
        x = denoised
      } else {
        let stepSize = log(sigma / next)
        let exponent = (1 + eta) * stepSize
        let phi1 = -expm1(-exponent)
        let phi2 = 1 - phi1 / exponent
        let phi3 = 0.5 - phi2 / exponent
        x = try x * exp(-exponent) + denoised * phi1
        if let last = past.first {
          // Newton's divided differences over lambda.
          let first = try (denoised - last.denoised) / last.stepSize
          var slope = first
          if past.count == 2 {
            let before = try (last.denoised - past[1].denoised) / past[1].stepSize
            let second = try (first - before) / (last.stepSize + past[1].stepSize)
            slope = try first + second * last.stepSize
            x = try x + second * (2 * curvature * phi3 * stepSize * stepSize)
          }
          x = try x + slope * (phi2 * stepSize)
        }
        if eta > 0 { x = try x + noise(step) * fresh(eta, stepSize, next) }
        past = [(denoised, stepSize)] + past.prefix(1)
      }
      try onStep(step)
    }
    return x
  }

  /// The standard deviation of the noise that a step adds.
  private static func fresh(_ eta: Double, _ stepSize: Double, _ next: Double) -> Double {
    next * (-expm1(-2 * eta * stepSize)).squareRoot()
  }
}
