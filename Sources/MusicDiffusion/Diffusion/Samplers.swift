import Foundation
public import Torch

/// An estimate of the clean signal: D(x; sigma), shaped as x.
public typealias Denoise = (_ x: Tensor, _ sigma: Double) throws -> Tensor

/// The ways from noise to signal. Each is a function of a denoiser, noise and falling sigmas, in the
/// coordinates x = signal + sigma · noise; other papers' coordinates are these, scaled.
public enum Sampler: String, CaseIterable, Codable, Sendable {
  case euler, heun
  case dpmSolver2M = "dpm++2m"
  case ddim, ddpm

  /// Network evaluations that a list of `steps + 1` sigmas costs.
  public func evaluations(steps: Int) -> Int { self == .heun ? 2 * steps - 1 : steps }

  /// - Parameters:
  ///   - x: signal + sigmas[0] · noise, which is noise alone to start from nothing.
  ///   - sigmas: falling, ending in 0.
  ///   - noise: standard normal values shaped as x, for the step whose index it is given; asked for
  ///     by `ddpm` alone.
  ///   - onStep: called after each step with its index; what it throws ends the sampling.
  /// - Returns: the signal, shaped as `x`.
  public func sample(
    _ x: Tensor, sigmas: [Double], denoise: Denoise, noise: (_ step: Int) throws -> Tensor,
    onStep: (_ step: Int) throws -> Void = { _ in }
  ) throws -> Tensor {
    switch self {
    case .euler:
      try Sampling.euler(x, sigmas: sigmas, denoise: denoise, onStep: onStep)
    case .heun:
      try Sampling.heun(x, sigmas: sigmas, denoise: denoise, onStep: onStep)
    case .dpmSolver2M:
      try Sampling.dpmSolver2M(x, sigmas: sigmas, denoise: denoise, onStep: onStep)
    case .ddim:
      try Sampling.ddim(x, sigmas: sigmas, eta: 0, denoise: denoise, noise: noise, onStep: onStep)
    case .ddpm:
      try Sampling.ddim(x, sigmas: sigmas, eta: 1, denoise: denoise, noise: noise, onStep: onStep)
    }
  }
}

/// The samplers themselves.
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

  /// Heun's second-order method: Karras et al. 2022 (arXiv:2206.00364), algorithm 1.
  public static func heun(
    _ x: Tensor, sigmas: [Double], denoise: Denoise, onStep: (Int) throws -> Void = { _ in }
  ) throws -> Tensor {
    var x = x
    for (step, (sigma, next)) in zip(sigmas, sigmas.dropFirst()).enumerated() {
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

  /// DDIM: Song et al. 2020 (arXiv:2010.02502), equations 12 and 16. With `eta` 0 it is
  /// deterministic, and in these coordinates Euler's method; with 1 it is DDPM's ancestral sampling
  /// (Ho et al. 2020, arXiv:2006.11239, algorithm 2, with the variance of the posterior).
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
}
