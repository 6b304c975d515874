import Foundation

/// The attacks of a sound, and what a copy of it makes of them.
///
/// A spectrogram knows when something happens only to within a window, and phases made up for it
/// spread an attack over that window: part of its energy comes early (pre-echo) and it takes longer to
/// rise. Both are measured on the energy in windows of a millisecond.
public struct Attacks: Sendable {
  /// Samples at which the attacks begin.
  public var positions: [Int] { milliseconds.map { $0 * sampleRate / 1000 } }
  private let milliseconds: [Int]
  private let sampleRate: Int
  /// Energy of each millisecond of the original.
  private let energies: [Float]

  /// What a copy does to the attacks, in the median over them.
  public struct Smear: Sendable, Equatable {
    public var count: Int
    /// Seconds from a tenth of an attack's peak to nine tenths, in amplitude.
    public var riseTime: Double
    /// The same in the copy.
    public var copiedRiseTime: Double
    /// By how much the energy of the 40 ms before an attack grew against that of the 40 ms after it,
    /// dB; 0 is no pre-echo.
    public var preEcho: Double

    /// Whether attacks take at most 3 ms longer, with less than 3 dB of pre-echo.
    public var isKept: Bool { copiedRiseTime - riseTime < 0.0035 && preEcho < 3 }
  }

  // In milliseconds, the windows' unit.
  private static let before = 40
  private static let after = 40
  /// Left out right before an attack: where it begins is known no better.
  private static let gap = 3
  private static let spacing = 80
  /// The energy of the 10 ms from an attack on against that of the 20 ms before.
  private static let jump: Float = 10  // 10 dB
  /// Quieter than the loudest 10 ms by more than this is no attack.
  private static let range: Float = 1e-4  // 40 dB
  /// Pre-echo below this against the attack itself is not heard, and not told apart.
  private static let inaudible = 1e-6  // 60 dB

  /// Finds the attacks: where the energy of 10 ms is ten times that of the 20 ms before, the greatest
  /// jump within 80 ms, and no quieter than 40 dB below the loudest 10 ms.
  ///
  /// - Parameters:
  ///   - samples: one channel.
  ///   - sampleRate: Hz.
  public init(of samples: [Float], sampleRate: Int) {
    self.sampleRate = sampleRate
    let energies = Self.energies(of: samples, sampleRate: sampleRate)
    self.energies = energies
    func sum(_ range: Range<Int>) -> Float {
      energies[range.clamped(to: energies.indices)].reduce(0, +)
    }
    let following = energies.indices.map { sum($0..<$0 + 10) }
    let floor = max(1e-12, (following.max() ?? 0) * Self.range)
    let jumps = energies.indices.map { t in
      following[t] < floor ? 0 : following[t] / max(sum(t - 20..<t) / 2, floor * 1e-2)
    }
    var found: [Int] = []
    // The greatest jump of its neighbourhood; the first 20 ms have nothing to rise from.
    for t in energies.indices.dropFirst(20) where jumps[t] >= Self.jump {
      let around = max(0, t - Self.spacing / 2)..<min(jumps.count, t + Self.spacing / 2)
      if jumps[around].max() == jumps[t], (found.last.map { t - $0 >= Self.spacing }) ?? true {
        found.append(t)
      }
    }
    milliseconds = found
  }

  /// Compares a copy that is aligned with the original; nil where there are no attacks.
  public func smear(of copy: [Float]) -> Smear? {
    let copied = Self.energies(of: copy, sampleRate: sampleRate)
    // A copy may end a few samples early.
    let usable = milliseconds.filter { $0 + Self.after <= min(energies.count, copied.count) }
    guard !usable.isEmpty else { return nil }
    func median(_ value: (Int) -> Double) -> Double {
      let sorted = usable.map(value).sorted()
      return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
    return Smear(
      count: usable.count, riseTime: median { Self.riseTime(energies, at: $0) },
      copiedRiseTime: median { Self.riseTime(copied, at: $0) },
      preEcho: median {
        10 * log10(Self.earlyEnergy(copied, at: $0) / Self.earlyEnergy(energies, at: $0))
      })
  }

  /// Energy before an attack over the energy after it.
  private static func earlyEnergy(_ energies: [Float], at t: Int) -> Double {
    func sum(_ range: Range<Int>) -> Double {
      energies[range.clamped(to: energies.indices)].reduce(0) { $0 + Double($1) }
    }
    return max(sum(t - before..<t - gap) / max(sum(t..<t + after), 1e-12), inaudible)
  }

  /// Seconds from a tenth to nine tenths of the peak's amplitude.
  private static func riseTime(_ energies: [Float], at t: Int) -> Double {
    let window = max(0, t - before)..<min(energies.count, t + after)
    guard let peak = window.max(by: { energies[$0] < energies[$1] }) else { return 0 }
    let high = window.first { energies[$0] >= 0.81 * energies[peak] } ?? peak
    let low = (window.lowerBound...high).last { energies[$0] < 0.01 * energies[peak] }
    return Double(high - (low ?? window.lowerBound)) / 1000
  }

  /// Of each millisecond, smoothed over three.
  private static func energies(of samples: [Float], sampleRate: Int) -> [Float] {
    let count = samples.count * 1000 / sampleRate
    let raw = (0..<count).map { t in
      (t * sampleRate / 1000..<(t + 1) * sampleRate / 1000).reduce(Float(0)) {
        $0 + samples[$1] * samples[$1]
      }
    }
    return raw.indices.map { t in
      0.25 * raw[max(0, t - 1)] + 0.5 * raw[t] + 0.25 * raw[min(count - 1, t + 1)]
    }
  }
}
