import Foundation
import MusicDiffusion

/// The run that a folder holds, and that is gone on with as it began.
struct SavedRun {
  let folder: URL

  /// Throws ``ModelError/otherRun(_:reason:)`` for an option that would make another run of it.
  func keep<T: Equatable>(_ option: String, _ given: T?, _ saved: T) throws {
    guard let given, given != saved else { return }
    throw ModelError.otherRun(
      folder.relativePath, reason: "\(option) was \(saved) and cannot become \(given)")
  }
}
