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

  /// The preset that it names.
  var preset: Preset? { (values["preset"] as? String).flatMap(Preset.init(rawValue:)) }

  /// What stands at a path of keys, `["network", "bottleneck"]`.
  func value(at keys: [String]) -> Any? {
    keys.reduce(values as Any?) { ($0 as? [String: Any])?[$1] }
  }

  /// - Parameter within: the path of keys of an object in it whose own keys are looked at, if it is there.
  /// - Throws: ``ModelError/unusableSettings(_:reason:)`` for a key that is not one of those known.
  func check(known: Set<String>, within keys: [String] = []) throws {
    let object = value(at: keys) as? [String: Any] ?? [:]
    guard let unknown = Set(object.keys).subtracting(known).min() else { return }
    let place = keys.isEmpty ? "" : " in \(keys.joined(separator: "."))"
    throw error(
      "unknown key \"\(unknown)\"\(place); known are \(known.sorted().joined(separator: ", "))")
  }

  /// - Parameters:
  ///   - isDeep: whether objects in it count by their own keys, not as a whole.
  ///   - except: keys that do not count.
  /// - Returns: the settings with all that stands in it.
  /// - Throws: ``ModelError/unusableSettings(_:reason:)`` for values of another kind.
  func applied<Settings: Codable>(
    to settings: Settings, isDeep: Bool = false, except: Set<String> = []
  ) throws -> Settings {
    func merged(_ old: [String: Any], _ new: [String: Any]) -> [String: Any] {
      old.merging(new) { old, new in
        if isDeep, let old = old as? [String: Any], let new = new as? [String: Any] {
          return merged(old, new)
        }
        return new
      }
    }
    do {
      let data = try JSONEncoder().encode(settings)
      let old = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
      let all = merged(old, values.filter { !except.contains($0.key) })
      return try JSONDecoder().decode(
        Settings.self, from: JSONSerialization.data(withJSONObject: all))
    } catch let error as DecodingError {
      throw self.error(error.summary)
    }
  }
}
