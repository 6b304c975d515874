/// Settings of an autoencoder's run in a file that a person has written: a JSON object with any of the names of
/// ``AutoencoderTraining``; `network` and `adversary` are objects with any of theirs.
///
///     { "preset": "studio", "network": { "patchBins": 2, "patchFrames": 8, "widths": [96, 160] },
///       "adversary": { "loss": "hinge", "start": 0.5 } }
public struct AutoencoderSettingsFile {
  private let object: SettingsObject

  /// - Throws: ``ModelError/unusableSettings(_:reason:)``.
  public init(_ path: String) throws {
    object = try SettingsObject(path)
    func names(_ settings: Any) -> Set<String> {
      Set(Mirror(reflecting: settings).children.compactMap(\.label))
    }
    let standard = AutoencoderTraining(preset: .standard, bottleneck: Bottleneck(.variational))
    try object.check(known: names(standard))
    // What is coded, the preset says.
    try object.check(
      known: names(standard.network).subtracting(["channels", "melBins"]), within: "network")
    try object.check(known: names(AdversaryConfiguration(.hinge)), within: "adversary")
    try object.check(known: SettingsFile.augmentationKeys, within: "augmentation")
  }

  /// - Parameters:
  ///   - preset: nil for that of the file, or else `standard`.
  ///   - bottleneck: nil for that of the file, or else `variational`.
  /// - Throws: ``ModelError/unusableSettings(_:reason:)`` for values of another kind.
  public func settings(
    preset: Preset?, bottleneck: Bottleneck.Kind?
  ) throws -> AutoencoderTraining {
    let named = (object.values["preset"] as? String).flatMap(Preset.init(rawValue:))
    let standard = AutoencoderTraining(
      preset: preset ?? named ?? .standard, bottleneck: Bottleneck(bottleneck ?? .variational))
    var settings = try object.applied(to: standard, merging: ["network", "adversary"])
    settings.preset = standard.preset
    if bottleneck != nil { settings.network.bottleneck = standard.network.bottleneck }
    return settings
  }
}
