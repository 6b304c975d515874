import Foundation

/// What a log-mel value is to the network, before the network's scale. All can be undone.
///
/// All but `statistics` look at a value alone, between silence and full scale, so that they keep the
/// balance of high and low; u is the value's place there, 0 at silence and 1 at full scale.
public enum ValueTransform: String, Codable, CaseIterable, Sendable {
  /// The value itself; each mel bin is then brought to the mean 0 by its statistics.
  case statistics
  /// 2 u − 1, cut off at −1 and 1.
  case linear
  /// tanh(3 (2 u − 1)) / tanh(3): the middle of the range is spread out, its ends are pressed together.
  case tanh
  /// ln(p / (1 − p)) / 4 with p = 0.01 + 0.98 u, u cut off at 0 and 1: the ends are spread out, within
  /// ±1.15.
  case logit

  /// - Parameter silence: the log-mel value of silence; full scale is 0.
  package func value(ofLogMel logMel: Float, _ silence: Float) -> Float {
    if self == .statistics { return logMel }
    let u = min(max(1 - logMel / silence, 0), 1)
    switch self {
    case .statistics, .linear: return 2 * u - 1
    case .tanh: return Foundation.tanh(3 * (2 * u - 1)) / Self.tanh3
    case .logit:
      let p = 0.01 + 0.98 * u
      return log(p / (1 - p)) / 4
    }
  }

  /// The inverse of ``value(ofLogMel:_:)``; what lies beyond the range of that becomes its end.
  package func logMel(ofValue value: Float, _ silence: Float) -> Float {
    let u: Float
    switch self {
    case .statistics: return value
    case .linear: u = (value + 1) / 2
    case .tanh: u = (atanh(min(max(value, -1), 1) * Self.tanh3) / 3 + 1) / 2
    case .logit: u = (1 / (1 + exp(-4 * value)) - 0.01) / 0.98
    }
    return silence * (1 - min(max(u, 0), 1))
  }

  private static let tanh3 = Foundation.tanh(Float(3))
}
