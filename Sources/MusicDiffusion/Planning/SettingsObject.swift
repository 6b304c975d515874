import Foundation

/// A JSON object in a file that a person may have written: settings that count more than those it is read over.
struct SettingsObject {
  let values: [String: Any]
  private let path: String

  /// - Throws: ``ModelError/unusableSettings(_:reason:)``.
  init(_ path: String) throws {
    self.path = path
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ModelError.unusableSettings(
        path, reason: "there is no such file, or it is not readable")
    }
    guard let values = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw ModelError.unusableSettings(path, reason: "it is not a JSON object")
    }
    self.values = values
  }

  func error(_ reason: String) -> ModelError { .unusableSettings(path, reason: reason) }

  /// - Parameter name: of the object in it whose keys are looked at, if it is there; nil for its own.
  /// - Throws: ``ModelError/unusableSettings(_:reason:)`` for a key that is not one of those known.
  func check(known: Set<String>, within name: String? = nil) throws {
    let keys = name.map { (values[$0] as? [String: Any] ?? [:]).keys } ?? values.keys
    guard let unknown = Set(keys).subtracting(known).min() else { return }
    throw error("unknown key \"\(unknown)\"; known are \(known.sorted().joined(separator: ", "))")
  }

  /// - Parameter objectsToMerge: what counts by its own keys, not as a whole.
  /// - Returns: the settings with all that stands in it.
  /// - Throws: ``ModelError/unusableSettings(_:reason:)`` for values of another kind.
  func applied<Settings: Codable>(
    to settings: Settings, merging objectsToMerge: Set<String> = []
  ) throws -> Settings {
    do {
      let data = try JSONEncoder().encode(settings)
      var merged = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
      for (key, value) in values {
        if objectsToMerge.contains(key), let new = value as? [String: Any],
          let old = merged[key] as? [String: Any]
        {
          merged[key] = old.merging(new) { $1 }
        } else {
          merged[key] = value
        }
      }
      return try JSONDecoder().decode(
        Settings.self, from: JSONSerialization.data(withJSONObject: merged))
    } catch let error as DecodingError {
      throw self.error(error.summary)
    }
  }
}
