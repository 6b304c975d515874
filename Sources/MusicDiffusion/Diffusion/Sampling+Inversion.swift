import Foundation
public import Torch

extension Sampling {
  /// What a signal comes from along the probability flow: Heun's method on it, run backwards (Song et
  /// al. 2021, arXiv:2011.13456, appendix D.1; with Euler's method it is the inversion of DDIM, Song et
  /// al. 2020, arXiv:2010.02502, section 4.3).
  ///
  /// Below the smallest level that is not 0 nothing is taken to change.
  ///
  /// - Parameters:
  ///   - x: the signal.
  ///   - sigmas: falling, ending in 0, as for a sampler; gone through from the end.
  /// - Returns: signal + sigmas[0] · noise, shaped as `x`.
  public static func inverted(
    _ x: Tensor, sigmas: [Double], denoise: Denoise
  ) throws -> Tensor {
    let rising = Array(sigmas.dropLast().reversed())
    var x = x
    for (sigma, next) in zip(rising, rising.dropFirst()) {
      let slope = try (x - denoise(x, sigma)) / sigma
      let euler = try x + slope * (next - sigma)
      let nextSlope = try (euler - denoise(euler, next)) / next
      x = try x + (slope + nextSlope) * ((next - sigma) / 2)
    }
    return x
  }

  /// Network evaluations of ``inverted(_:sigmas:denoise:)`` over `steps + 1` sigmas.
  public static func invertedEvaluations(steps: Int) -> Int { 2 * (steps - 1) }

  /// On the great circle from one noise to another: Shoemake 1985, "Animating rotation with quaternion
  /// curves". What is between two noises is as strong as they are; their mean is not.
  ///
  /// - Parameters:
  ///   - x, y: of one shape.
  ///   - part: 0 for `x`, 1 for `y`.
  public static func spherical(_ x: Tensor, _ y: Tensor, part: Double) throws -> Tensor {
    let product = try (x * y).sum().item()
    let norms = try (x.square().sum().item() * y.square().sum().item()).squareRoot()
    let angle = acos(min(max(norms > 0 ? product / norms : 1, -1), 1))
    // Of one direction, or of opposite ones, between which there is no shortest way.
    guard sin(angle) > 1e-4 else { return try x * (1 - part) + y * part }
    let (near, far) = (sin((1 - part) * angle) / sin(angle), sin(part * angle) / sin(angle))
    return try x * near + y * far
  }
}

extension SigmaSchedule {
  /// The end of a way through noise levels, from where a strength says on: of `n` steps the last
  /// `n · strength`, rounded to whole ones of nearly the same size.
  ///
  /// - Parameters:
  ///   - sigmas: falling, ending in 0.
  ///   - strength: 1 for all of them, 0 for none.
  ///   - keepsLevels: whether all but the first are to be among `sigmas`, as a model for few steps needs it,
  ///     which knows the way from anywhere to these alone.
  /// - Returns: falling, ending in 0; that alone for none.
  public static func end(
    of sigmas: [Double], strength: Double, keepsLevels: Bool = false
  ) -> [Double] {
    let levels = sigmas.dropLast()
    let first = (1 - strength) * Double(levels.count)
    let last = Double(levels.count - 1)
    // The level at a place between two of them, where ln sigma is straight.
    func level(at place: Double) -> Double {
      if place >= last { return levels[levels.count - 1] * (Double(levels.count) - place) }
      let (high, low) = (levels[Int(place)], levels[Int(place) + 1])
      return high * pow(low / high, place - Double(Int(place)))
    }
    guard strength > 0 else { return [0] }
    if keepsLevels {
      let start = level(at: first)
      // Half a percent is rounding.
      return [start] + sigmas.filter { $0 < 0.995 * start }
    }
    let count = max(1, Int((Double(levels.count) - first).rounded()))
    guard count > 1, first < last else { return [level(at: first), 0] }
    return (0..<count).map {
      level(at: first + (last - first) * Double($0) / Double(count - 1))
    } + [0]
  }
}
