public import Audio
import Foundation

/// Decides which of many generated sounds a pack is made of: leaves out what is silent, too short or
/// nearly the same as one that it has, and ranks the others.
public final class PackJudge {
  /// A sound that a pack may have.
  public struct Candidate: Sendable {
    /// The part that is kept; nil for all, as of a loop.
    public let trim: Trim?
    public let figures: SoundFigures
    /// Of ``SoundCollection/distance(of:)``; nil without a collection.
    public let distance: Double?
    /// Of what is kept, in LUFS, by ``AudioBuffer/momentaryLoudness()``.
    public let loudness: Double
    /// Its peaks.
    public let level: Loudness
    /// The higher the better.
    public var rank: Double { distance.map { -$0 } ?? figures.score }

    /// Decibels that bring the loudest 400 ms to a loudness, or the largest sample to a peak, as near as
    /// no peak clips.
    public func gain(to target: NormalizationTarget) -> Double {
      switch target {
      case .loudness(let wanted, let limit): min(wanted - loudness, limit - level.truePeak)
      case .peak(let peak): min(peak, -0.01) - level.samplePeak
      }
    }
  }

  /// Why a sound is left out.
  public enum Fault: String, Codable, Sendable, CaseIterable {
    case silent, tooShort, nearDuplicate
  }

  /// Decibels of ``SoundPrint/distance(to:)`` within which two sounds are nearly the same: Docs/packs.md
  /// has what it was chosen by.
  static let sameness = 2.0
  /// Seconds of the shortest sound.
  static let shortest = 0.02
  /// Peak in dB below which a sound is silent.
  static let silence = -50.0

  private let prints: SoundPrint.Maker
  private let collection: SoundCollection?
  /// nil where single sounds are judged.
  private let loops: Loops?

  /// What sounds are that are loops.
  public struct Loops: Sendable {
    /// Beats a minute; nil for an unknown tempo.
    public var beatsPerMinute: Double?

    public init(beatsPerMinute: Double?) { self.beatsPerMinute = beatsPerMinute }
  }
  private var kept: [SoundPrint] = []

  /// - Parameters:
  ///   - sampleRate: of the sounds, Hz.
  ///   - collection: what they are to be like; nil to go by ``SoundFigures/score``.
  ///   - loops: of loops, of which nothing is cut off; nil for single sounds.
  /// - Throws: `SpectroError.invalidSettings` for a rate that no spectrogram has.
  public init(sampleRate: Int, collection: SoundCollection? = nil, loops: Loops? = nil) throws {
    prints = try SoundPrint.Maker(sampleRate: sampleRate)
    self.collection = collection
    self.loops = loops
  }

  /// - Parameter sound: as it was generated.
  /// - Returns: what to keep of it, or why it is left out.
  /// - Throws: `AudioError.loudness`, `.resampling`.
  public func judge(_ sound: AudioBuffer) throws -> Result<Candidate, Fault> {
    // A noise that goes on to the end is none of the sound.
    let tail = max(-60, sound.endingNoise.map { $0 + 1 } ?? -60)
    guard 20 * log10(Double(sound.peak)) > Self.silence, let sounding = sound.trim(tail: tail)
    else { return .failure(.silent) }
    let trim = loops == nil ? sounding : nil
    let part = trim.map(sound.trimmed) ?? sound
    if part.duration < Self.shortest { return .failure(.tooShort) }
    let print = prints.print(of: part.mono().channels[0])
    if kept.contains(where: { $0.distance(to: print) < Self.sameness }) {
      return .failure(.nearDuplicate)
    }
    let loudness = try part.momentaryLoudness()
    guard loudness.isFinite else { return .failure(.silent) }
    kept.append(print)
    return .success(
      Candidate(
        trim: trim, figures: try figures(of: part), distance: try collection?.distance(of: part),
        loudness: loudness, level: try part.loudness()))
  }

  private func figures(of part: AudioBuffer) throws -> SoundFigures {
    guard let loops else { return SoundFigures(of: part) }
    return SoundFigures(
      of: part,
      regularity: try Pulse.regularity(
        of: part.mono().channels[0], sampleRate: part.sampleRate,
        beatsPerMinute: loops.beatsPerMinute))
  }

  /// The loudness that a pack is matched to where none is asked for: what nine of ten of its sounds reach
  /// without a true peak above `ceiling`, in tenths, and at most -14 LUFS.
  public static func commonLoudness(of candidates: [Candidate], ceiling: Double = -1) -> Double {
    let reachable = candidates.map { $0.loudness + ceiling - $0.level.truePeak }.sorted()
    let common = reachable.isEmpty ? -14 : reachable[reachable.count / 10]
    return min(-14, (10 * common).rounded(.down) / 10)
  }
}

extension PackJudge.Fault: Error {
  /// In words, of some sounds.
  public var words: String {
    switch self {
    case .silent: "silent"
    case .tooShort: "too short"
    case .nearDuplicate: "near-duplicates"
    }
  }
}
