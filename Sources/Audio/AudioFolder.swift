public import Foundation

/// The audio files below a folder, found by their extensions.
public struct AudioFolder: Sendable {
  /// What libsndfile reads, and what users take for audio: the latter are then named as unreadable.
  static let extensions: Set<String> = [
    "wav", "wave", "w64", "rf64", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc",
    "au", "snd", "caf", "m4a", "aac", "wma",
  ]

  public struct File: Sendable, Equatable {
    /// Relative to the folder.
    public var path: String
    /// The sub-folder the file lies in, with all its parents; nil at the top.
    public var label: String?
    public var bytes: Int
    public var modified: Date
    public var isReadable: Bool
  }

  public let path: String
  /// In the order of their paths.
  public let files: [File]

  /// Looks through `path` and all its sub-folders; hidden files, links to folders and links to
  /// nothing are left out.
  ///
  /// - Throws: `AudioError.noFolder`, `.emptyFolder` or `.noAudio`.
  public init(_ path: String) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
    else { throw AudioError.noFolder(path: path) }
    let root = URL(fileURLWithPath: path, isDirectory: true).resolvingSymlinksInPath()
    let keys: [URLResourceKey] = [.isRegularFileKey, .fileSizeKey, .contentModificationDateKey]
    let walk = FileManager.default.enumerator(
      at: root, includingPropertiesForKeys: keys, options: [.skipsHiddenFiles])
    var files: [File] = []
    var seen = 0
    while let url = walk?.nextObject() as? URL {
      seen += 1
      guard Self.extensions.contains(url.pathExtension.lowercased()) else { continue }
      let file = url.resolvingSymlinksInPath()
      guard let values = try? file.resourceValues(forKeys: Set(keys)), values.isRegularFile == true
      else { continue }
      let relative = String(url.path.dropFirst(root.path.count + (root.path == "/" ? 0 : 1)))
      let parents = relative.split(separator: "/").dropLast()
      files.append(
        File(
          path: relative, label: parents.isEmpty ? nil : parents.joined(separator: "/"),
          bytes: values.fileSize ?? 0,
          modified: values.contentModificationDate ?? .distantPast,
          isReadable: FileManager.default.isReadableFile(atPath: url.path)))
    }
    if seen == 0 { throw AudioError.emptyFolder(path: path) }
    if files.isEmpty { throw AudioError.noAudio(path: path) }
    self.path = root.path
    self.files = files.sorted { $0.path < $1.path }
  }

  public func fullPath(_ file: File) -> String { path + "/" + file.path }
}
