import Foundation
import Terminal

/// The folder of a pack, which grows under a hidden name beside its own and is renamed when it is whole;
/// let go before, it leaves nothing.
final class PackFolder {
  let path: String
  private let partial: String
  private var isWhole = false

  /// - Throws: `CommandError.folderInUse` for a folder that holds something; `.cannotWrite`.
  init(_ path: String) throws {
    var trimmed = path
    while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
    let url = URL(fileURLWithPath: trimmed)
    self.path = url.path
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) {
      let names = try? FileManager.default.contentsOfDirectory(atPath: url.path)
      guard isFolder.boolValue, names?.isEmpty == true else {
        throw CommandError.folderInUse(path)
      }
    }
    partial =
      url.deletingLastPathComponent()
      .appendingPathComponent(".\(url.lastPathComponent).compose-\(getpid())").path
    try makeFolder(of: partial + "/recipes/x")
    try makeFolder(of: partial + "/candidates/x")
  }

  deinit { if !isWhole { try? FileManager.default.removeItem(atPath: partial) } }

  func file(_ name: String) -> String { "\(partial)/\(name)" }

  func candidate(_ seed: UInt64) -> String { file("candidates/\(seed).wav") }

  /// Puts the pack in its place.
  func commit() throws {
    try? FileManager.default.removeItem(atPath: file("candidates"))
    guard rename(partial, path) == 0 else {
      throw CommandError.cannotWrite(path, reason: String(cString: strerror(errno)))
    }
    isWhole = true
  }
}
