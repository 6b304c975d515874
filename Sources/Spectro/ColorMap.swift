import Foundation

/// A perceptual colour map: lightness rises evenly from low to high.
///
/// `magma`, `inferno` and `viridis` are those of matplotlib (van der Walt and Smith 2015), here as
/// the polynomials of degree 6 that Matt Zucker fitted to them (shadertoy.com/view/WlfXRN, CC0).
public enum ColorMap: String, Codable, Sendable, CaseIterable {
  case magma, inferno, viridis, grey

  /// Shades a picture tells apart; neighbours may share an 8-bit colour.
  static let shades = 1024

  /// `[shades]`, the lowest first.
  package var colors: [Color] {
    (0..<Self.shades).map { color(Double($0) / Double(Self.shades - 1)) }
  }

  /// - Parameter x: from 0 to 1.
  package func color(_ x: Double) -> Color {
    let rgb = coefficients.reversed().reduce(SIMD3<Double>.zero) { $0 * x + $1 }
    func byte(_ value: Double) -> UInt8 { UInt8((min(max(value, 0), 1) * 255).rounded()) }
    return Color(red: byte(rgb.x), green: byte(rgb.y), blue: byte(rgb.z))
  }

  /// Of rising powers; red, green and blue from 0 to 1.
  private var coefficients: [SIMD3<Double>] {
    switch self {
    case .magma:
      [
        [-0.002136485053939582, -0.000749655052795221, -0.005386127855323933],
        [0.2516605407371642, 0.6775232436837668, 2.494026599312351],
        [8.353717279216625, -3.577719514958484, 0.3144679030132573],
        [-27.66873308576866, 14.26473078096533, -13.64921318813922],
        [52.17613981234068, -27.94360607168351, 12.94416944238394],
        [-50.76852536473588, 29.04658282127291, 4.23415299384598],
        [18.65570506591883, -11.48977351997711, -5.601961508734096],
      ]
    case .inferno:
      [
        [0.0002189403691192265, 0.001651004631001012, -0.01948089843709184],
        [0.1065134194856116, 0.5639564367884091, 3.932712388889277],
        [11.60249308247187, -3.972853965665698, -15.9423941062914],
        [-41.70399613139459, 17.43639888205313, 44.35414519872813],
        [77.162935699427, -33.40235894210092, -81.80730925738993],
        [-71.31942824499214, 32.62606426397723, 73.20951985803202],
        [25.13112622477341, -12.24266895238567, -23.07032500287172],
      ]
    case .viridis:
      [
        [0.2777273272234177, 0.005407344544966578, 0.3340998053353061],
        [0.1050930431085774, 1.404613529898575, 1.384590162594685],
        [-0.3308618287255563, 0.214847559468213, 0.09509516302823659],
        [-4.634230498983486, -5.799100973351585, -19.33244095627987],
        [6.228269936347081, 14.17993336680509, 56.69055260068105],
        [4.776384997670288, -13.74514537774601, -65.35303263337234],
        [-5.435455855934631, 4.645852612178535, 26.3124352495832],
      ]
    case .grey:
      [.zero, .one]
    }
  }
}

/// An 8-bit colour.
package struct Color: Hashable, Sendable {
  package var red, green, blue: UInt8

  package init(red: UInt8, green: UInt8, blue: UInt8) {
    (self.red, self.green, self.blue) = (red, green, blue)
  }

  /// Draws over it, from not at all at 0 to wholly at 255.
  mutating func mix(with other: Color, _ opacity: UInt8) {
    func mixed(_ a: UInt8, _ b: UInt8) -> UInt8 {
      let opacity = Int(opacity)
      return UInt8((Int(a) * (255 - opacity) + Int(b) * opacity + 127) / 255)
    }
    red = mixed(red, other.red)
    green = mixed(green, other.green)
    blue = mixed(blue, other.blue)
  }

  /// Square of the distance in RGB.
  func distance(to other: Color) -> Int {
    func square(_ a: UInt8, _ b: UInt8) -> Int { (Int(a) - Int(b)) * (Int(a) - Int(b)) }
    return square(red, other.red) + square(green, other.green) + square(blue, other.blue)
  }
}
