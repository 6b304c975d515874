public import Torch

/// An estimate of the clean signal: D(x; sigma), shaped as x.
public typealias Denoise = (_ x: Tensor, _ sigma: Double) throws -> Tensor

/// The ways from noise to signal, by name; ``Sampling`` holds them. Each is a function of a denoiser,
/// noise and falling sigmas, in the coordinates x = signal + sigma · noise; other papers' coordinates
/// are these, scaled.
public enum Sampler: String, CaseIterable, Codable, Sendable {
  case euler
  case eulerAncestral = "euler-ancestral"
  case heun
  case dpmSolver2M = "dpm++2m"
  case dpmSolver2MSDE = "dpm++2m-sde"
  case dpmSolver3MSDE = "dpm++3m-sde"
  case ddim, ddpm, flow

  /// What some of them can be told.
  public struct Settings: Codable, Sendable, Equatable {
    /// How much noise is added anew: 0 none, 1 as much as the process of training would. Nil is 0
    /// for `ddim` and 1 for `euler-ancestral` and the SDE samplers; the others have no such choice.
    public var eta: Double?
    /// Of `heun`.
    public var churn: Sampling.Churn?

    public init(eta: Double? = nil, churn: Sampling.Churn? = nil) {
      self.eta = eta
      self.churn = churn
    }
  }

  /// Whether ``Settings/eta`` means anything to it.
  public var takesEta: Bool {
    switch self {
    case .ddim, .eulerAncestral, .dpmSolver2MSDE, .dpmSolver3MSDE: true
    case .euler, .heun, .dpmSolver2M, .ddpm, .flow: false
    }
  }

  /// Whether it adds noise anew between its steps.
  public func addsNoise(_ settings: Settings) -> Bool {
    switch self {
    case .ddim: (settings.eta ?? 0) > 0
    case .eulerAncestral, .dpmSolver2MSDE, .dpmSolver3MSDE: (settings.eta ?? 1) > 0
    case .ddpm: true
    case .heun: (settings.churn?.amount ?? 0) > 0
    case .euler, .dpmSolver2M, .flow: false
    }
  }

  /// The noise level, by its place among the sigmas, at which a step's new noise is added: Heun adds it before the
  /// step, the others behind.
  func noisePlace(ofStep step: Int) -> Int { self == .heun ? step : step + 1 }

  /// Network evaluations that a list of `steps + 1` sigmas costs.
  public func evaluations(steps: Int) -> Int { self == .heun ? 2 * steps - 1 : steps }

  /// - Parameters:
  ///   - x: signal + sigmas[0] · noise, which is noise alone to start from nothing.
  ///   - sigmas: falling, ending in 0.
  ///   - noise: standard normal values shaped as x, for the step whose index it is given; asked for
  ///     by those alone that add noise.
  ///   - onStep: called after each step with its index; what it throws ends the sampling.
  /// - Returns: the signal, shaped as `x`.
  public func sample(
    _ x: Tensor, sigmas: [Double], settings: Settings = Settings(), denoise: Denoise,
    noise: (_ step: Int) throws -> Tensor, onStep: (_ step: Int) throws -> Void = { _ in }
  ) throws -> Tensor {
    switch self {
    case .euler:
      try Sampling.euler(x, sigmas: sigmas, denoise: denoise, onStep: onStep)
    case .heun:
      try Sampling.heun(
        x, sigmas: sigmas, churn: settings.churn ?? Sampling.Churn.none, denoise: denoise,
        noise: noise, onStep: onStep)
    case .dpmSolver2M:
      try Sampling.dpmSolver2M(x, sigmas: sigmas, denoise: denoise, onStep: onStep)
    case .dpmSolver2MSDE:
      try Sampling.dpmSolver2MSDE(
        x, sigmas: sigmas, eta: settings.eta ?? 1, denoise: denoise, noise: noise, onStep: onStep)
    case .dpmSolver3MSDE:
      try Sampling.dpmSolver3MSDE(
        x, sigmas: sigmas, eta: settings.eta ?? 1, denoise: denoise, noise: noise, onStep: onStep)
    case .ddim:
      try Sampling.ddim(
        x, sigmas: sigmas, eta: settings.eta ?? 0, denoise: denoise, noise: noise, onStep: onStep)
    // In these coordinates Euler's ancestral step is DDIM's, and DDPM's the one with as much noise as
    // the posterior has.
    case .eulerAncestral:
      try Sampling.ddim(
        x, sigmas: sigmas, eta: settings.eta ?? 1, denoise: denoise, noise: noise, onStep: onStep)
    case .ddpm:
      try Sampling.ddim(x, sigmas: sigmas, eta: 1, denoise: denoise, noise: noise, onStep: onStep)
    case .flow:
      try Sampling.flow(x, sigmas: sigmas, denoise: denoise, onStep: onStep)
    }
  }
}
