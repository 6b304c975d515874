public import Foundation

/// What is in a sample pack: `manifest.json` in its folder.
public struct PackManifest: Codable, Sendable, Equatable {
  public struct Sound: Codable, Sendable, Equatable {
    /// In the pack's folder.
    public var file: String
    /// How it was made, in the pack's folder: for `compose generate --from`.
    public var recipe: String
    /// nil for none.
    public var label: String?
    public var seed: UInt64
    public var seconds: Double
    /// The loudest 400 ms, in LUFS, and the true peak, in dBTP.
    public var loudness: Double
    public var truePeak: Double
    public var figures: SoundFigures
    /// To the collection that the pack was to be like; nil without one.
    public var distance: Double?

    public init(
      file: String, recipe: String, label: String?, seed: UInt64, seconds: Double, loudness: Double,
      truePeak: Double, figures: SoundFigures, distance: Double?
    ) {
      (self.file, self.recipe, self.label, self.seed) = (file, recipe, label, seed)
      (self.seconds, self.loudness, self.truePeak) = (seconds, loudness, truePeak)
      (self.figures, self.distance) = (figures, distance)
    }
  }

  public var version = 1
  /// What made it, such as `compose 0.1.0`.
  public var program: String
  /// As recipes have it, and the data that it was trained on.
  public var modelFingerprint: String
  public var dataset: String
  /// Of the first sound; each that was made had the next one.
  public var firstSeed: UInt64
  /// How many were asked for, were made, and were left out, by reason.
  public var asked: Int
  public var made: Int
  public var leftOut: [String: Int]
  /// The tempo that loops were asked for, in beats a minute; nil for single sounds, and for loops by
  /// seconds.
  public var beatsPerMinute: Double?
  /// What the order of the sounds of a label, the best first, goes by.
  public var ranking: String
  /// What the sounds were matched to, as `-14.0 LUFS in the loudest 400 ms`.
  public var matchedTo: String
  /// By label, the best first.
  public var sounds: [Sound]

  public init(
    program: String, modelFingerprint: String, dataset: String, firstSeed: UInt64, asked: Int,
    made: Int, leftOut: [String: Int], beatsPerMinute: Double? = nil, ranking: String,
    matchedTo: String, sounds: [Sound]
  ) {
    (self.program, self.modelFingerprint) = (program, modelFingerprint)
    (self.dataset, self.firstSeed) = (dataset, firstSeed)
    (self.asked, self.made, self.leftOut) = (asked, made, leftOut)
    self.beatsPerMinute = beatsPerMinute
    (self.ranking, self.matchedTo, self.sounds) = (ranking, matchedTo, sounds)
  }

  /// As `manifest.json` has it.
  public func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self) + Data("\n".utf8)
  }
}
