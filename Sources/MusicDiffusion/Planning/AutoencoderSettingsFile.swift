import Foundation

/// Settings of an autoencoder's run in a file that a person has written: a JSON object with any of the names of
/// ``AutoencoderTraining``; `network`, its `bottleneck`, `adversary` and `augmentation` are objects with any of theirs.
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
      known: names(standard.network).subtracting(["channels", "melBins"]), within: ["network"])
    try object.check(
      known: names(standard.network.bottleneck), within: ["network", "bottleneck"])
    try object.check(known: names(AdversaryConfiguration(.hinge)), within: ["adversary"])
    try object.check(known: SettingsFile.augmentationKeys, within: ["augmentation"])
  }

  /// - Parameters:
  ///   - preset: nil for that of the file, or else `standard`.
  ///   - bottleneck: nil for that of the file, or else `variational`; of another kind than the file's it has its own
  ///     weight.
  /// - Throws: ``ModelError/unusableSettings(_:reason:)`` for values of another kind, and those that nothing can be
  ///   trained with.
  public func settings(
    preset: Preset?, bottleneck: Bottleneck.Kind?
  ) throws -> AutoencoderTraining {
    let named = (object.value(at: ["network", "bottleneck", "kind"]) as? String)
      .flatMap(Bottleneck.Kind.init(rawValue:))
    let standard = AutoencoderTraining(
      preset: preset ?? object.preset ?? .standard,
      bottleneck: Bottleneck(bottleneck ?? named ?? .variational))
    var settings = try object.applied(
      to: standard, isDeep: true, except: preset == nil ? [] : ["preset"])
    if let bottleneck, bottleneck != settings.network.bottleneck.kind {
      settings.network.bottleneck = standard.network.bottleneck
    }
    var whole = settings
    // It may leave the length of the run open.
    if whole.steps == nil && whole.hours == nil { whole.hours = 1 }
    do {
      try whole.validate()
    } catch ModelError.invalidConfiguration(let reason) {
      throw object.error(reason)
    }
    return settings
  }

  /// Throws for what stands in it and would change nothing in a run with these settings, which are those of the file
  /// with what counts more than it.
  ///
  /// - Throws: ``ModelError/unusableSettings(_:reason:)``, which says what to do.
  public func checkEffects(in settings: AutoencoderTraining) throws {
    guard settings.adversary == nil else { return }
    let adversary = object.value(at: ["adversary"]) as? [String: Any] ?? [:]
    // Its loss is what an option has overruled.
    let names = adversary.filter { $0.key != "loss" && !($0.value is NSNull) }.keys
    guard let name = names.min() else { return }
    throw object.error(
      "adversary.\(name) means nothing where nobody judges: take it out, or leave out --adversary none"
    )
  }
}
