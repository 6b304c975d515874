import Foundation
package import Torch

/// What may be done to a window before it is learned from.
///
/// The network is told what was done, as in EDM (Karras et al. 2022, arXiv:2206.00364, appendix F.2),
/// and that nothing was when it draws: so what is made is not detuned, though more was seen than
/// there is. A shift in time needs no word here: every window starts at another sample. Nor does
/// swapping left and right: mid and side have the same magnitudes either way.
public struct Augmentation: Codable, Sendable, Equatable {
  public enum Kind: String, Codable, CaseIterable, Sendable {
    /// Louder or softer, by up to 6 dB.
    case gain
    /// Up or down by up to ``Augmentation/pitchRange``.
    case pitch
    /// Slower or faster by up to ``Augmentation/timeRange``, at the same pitch.
    case time
    /// A band of frequencies and a stretch of time become the mean (Park et al. 2019, SpecAugment,
    /// arXiv:1904.08779).
    case mask
    /// The sum with another window of the same label, 0 to 6 dB softer.
    case mix
  }

  /// In the order of `Kind`.
  public let kinds: [Kind]
  /// How often each of them is done; EDM's best were 0.12 to 0.15.
  public let probability: Double
  /// In semitones; nil for half of one. More makes other music of the same: other keys, and with them
  /// other timbres.
  public let pitchRange: Double?
  /// 0.05 for 5 %, which nil stands for.
  public let timeRange: Double?

  public static let none = Augmentation([])

  /// - Parameter kinds: those that are done, in any order.
  public init(
    _ kinds: some Sequence<Kind>, probability: Double = 0.15, pitchRange: Double? = nil,
    timeRange: Double? = nil
  ) {
    let wanted = Set(kinds)
    self.kinds = Kind.allCases.filter(wanted.contains)
    self.probability = probability
    self.pitchRange = pitchRange
    self.timeRange = timeRange
  }

  /// The conservative choice of a preset: what the same music could have been recorded as.
  public init(for preset: Preset) {
    switch preset {
    case .standard, .studio, .oneshots: self.init([.gain, .pitch, .time])
    case .draft: self.init([.gain])
    }
  }

  static let maximumGain = 6.0
  /// In cents.
  static let pitchStep = 10
  /// In cents and as ``timeRange``: where not more is asked for, and what the network is told as 1.
  static let usualPitch = 50
  static let usualTime = 0.05
  static let maximumMask = 0.125

  /// Numbers that tell what was done to a window.
  public static let vectorWidth = 6

  func validate() throws {
    guard (0...1).contains(probability) else {
      throw ModelError.invalidConfiguration("training.augmentation.probability must be 0 to 1")
    }
    guard (0...12).contains(pitchRange ?? 0) else {
      throw ModelError.invalidConfiguration(
        "training.augmentation.pitchRange must be 0 to 12 semitones")
    }
    guard (0...0.5).contains(timeRange ?? 0) else {
      throw ModelError.invalidConfiguration("training.augmentation.timeRange must be 0 to 0.5")
    }
  }

  /// What is done to one window.
  package func variation(_ random: inout RandomGenerator) -> Variation {
    var variation = Variation()
    for kind in kinds where random.uniform() < probability {
      let position = 2 * random.uniform() - 1
      switch kind {
      case .gain: variation.gain = Self.maximumGain * position
      case .pitch:
        let reach = pitchRange.map { 100 * $0 } ?? Double(Self.usualPitch)
        let steps = (reach / Double(Self.pitchStep)).rounded(.down)
        variation.pitch = Self.pitchStep * Int((steps * position).rounded())
      case .time: variation.time = (timeRange ?? Self.usualTime) * position
      case .mask:
        variation.maskedFrames = Self.maximumMask * abs(position)
        variation.maskedBins = Self.maximumMask * random.uniform()
      case .mix: variation.mix = pow(10, -6 * abs(position) / 20)
      }
    }
    return variation
  }
}

/// What is done to a window; by default nothing.
package struct Variation: Equatable, Sendable {
  package init() {}

  /// In decibels.
  package var gain = 0.0
  /// In cents.
  package var pitch = 0
  /// 0.05 is 5 % faster.
  package var time = 0.0
  /// Parts of the window.
  package var maskedFrames = 0.0
  package var maskedBins = 0.0
  /// What another window is multiplied with before it is added.
  package var mix = 0.0

  /// What the network is told: 0 for nothing, up to about 1 in magnitude by the usual ranges.
  package var vector: [Float] {
    [
      Float(gain / Augmentation.maximumGain), Float(pitch) / Float(Augmentation.usualPitch),
      Float(time / Augmentation.usualTime), Float(maskedFrames / Augmentation.maximumMask),
      Float(maskedBins / Augmentation.maximumMask), Float(mix),
    ]
  }
}
