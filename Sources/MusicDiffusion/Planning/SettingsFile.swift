import Foundation

/// Settings of a run in a file that a person or `compose tune` has written: a JSON object with any of
/// the names of ``TrainingConfiguration``.
///
///     { "preset": "draft", "learningRate": 0.0012, "widths": [64, 88, 128],
///       "noise": { "levels": "log-normal", "logMean": -1.2, "logStandardDeviation": 1.4 } }
public struct SettingsFile {
  /// What stands in it.
  public let keys: Set<String>
  private let object: SettingsObject

  /// Keys of the objects that stand in it.
  private static let keysWithin: [String: Set<String>] = [
    "noise": [
      "levels", "logMean", "logStandardDeviation", "mean", "standardDeviation", "scale", "shape",
      "prediction",
    ],
    "guidance": ["scale", "rescale", "interval"],
    "augmentation": augmentationKeys,
  ]

  static let augmentationKeys: Set<String> = ["kinds", "probability", "pitchRange", "timeRange"]

  /// - Throws: ``ModelError/unusableSettings(_:reason:)``.
  public init(_ path: String) throws {
    object = try SettingsObject(path)
    keys = Set(object.values.keys)
    let known = Mirror(reflecting: TrainingConfiguration(preset: .standard)).children
      .compactMap(\.label)
      // What is learned from a model, compose distill says.
      .filter { $0 != "distillation" }
    try object.check(known: Set(known))
    for (name, known) in Self.keysWithin { try object.check(known: known, within: [name]) }
  }

  /// The settings of the preset that it names, or else of the one given, with all that stands in it.
  ///
  /// - Throws: ``ModelError/unusableSettings(_:reason:)`` for values of another kind.
  public func configuration(preset: Preset?) throws -> TrainingConfiguration {
    try object.applied(
      to: TrainingConfiguration(preset: preset ?? object.preset ?? .standard),
      except: preset == nil ? [] : ["preset"])
  }

  /// Throws for what stands in it and would change nothing in a run with these settings, which are those
  /// of the file with what counts more than it.
  ///
  /// - Throws: ``ModelError/unusableSettings(_:reason:)``, which says what to do.
  public func checkEffects(in settings: TrainingConfiguration) throws {
    func check(_ holds: Bool, _ name: String, _ reason: String, _ remedy: String) throws {
      if holds { return }
      throw object.error(
        "\(name) means nothing \(reason): take it out, or \(remedy)")
    }
    func names(in object: String) -> [String] {
      let inner = self.object.values[object] as? [String: Any] ?? [:]
      return inner.filter { !($1 is NSNull) }.keys.sorted()
    }
    let kind = settings.noise.levels.kind
    for name in names(in: "noise") {
      let kinds = NoiseDistribution.Kind.allCases.filter { $0.parameters.contains(name) }
      try check(
        kinds.isEmpty || kinds.contains(kind), "noise.\(name)",
        "to noise levels \(kind.rawValue)",
        "choose \(kinds.map(\.rawValue).joined(separator: " or "))")
    }
    let done = settings.augmentation ?? .none
    for name in names(in: "augmentation") {
      let kind: Augmentation.Kind? =
        switch name {
        case "pitchRange": .pitch
        case "timeRange": .time
        default: nil
        }
      if let kind {
        try check(
          done.kinds.contains(kind), "augmentation.\(name)",
          "where \(kind.rawValue) is not augmented", "add \(kind.rawValue) to the kinds")
      }
      try check(
        name != "probability" || !done.kinds.isEmpty
          || done.probability == Augmentation.none.probability,
        "augmentation.\(name)", "where nothing is augmented", "name kinds")
    }
  }

  /// Throws if it says how long a run is to be, which a budget chooses.
  ///
  /// - Throws: ``ModelError/unusableSettings(_:reason:)``.
  public func checkLeavesLengthOpen() throws {
    guard let name = ["hours", "steps"].first(where: keys.contains) else { return }
    throw object.error(
      "\(name) means nothing to --budget, which chooses the length of the run: take it out, "
        + "or leave out --budget")
  }

  /// Writes settings that ``init(_:)`` reads.
  ///
  /// - Parameter keys: those that the file is to have.
  /// - Throws: ``ModelError/cannotWrite(_:reason:)``.
  public static func write(
    _ configuration: TrainingConfiguration, keys: Set<String>, to path: String
  ) throws {
    let data = try JSONEncoder().encode(configuration)
    let all = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    var text = try JSONSerialization.data(
      withJSONObject: all.filter { keys.contains($0.key) }, options: [.prettyPrinted, .sortedKeys])
    text.append(0x0A)
    try writeAtomically(text, to: URL(fileURLWithPath: path))
  }
}
