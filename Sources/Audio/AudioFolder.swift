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
  /// Sub-folders that the system refuses to list, relative to the folder.
  public let unreadable: [String]

  /// Looks through `path` and all its sub-folders; hidden files, links to folders and links to
  /// nothing are left out.
  ///
  /// - Throws: `AudioError.noFolder`, `.notAFolder`, `.emptyFolder` or `.noAudio`; `.unreadable` for a folder that the
  ///   system refuses to list.
  public init(_ path: String) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw AudioError.noFolder(path: path)
    }
    guard isFolder.boolValue else { throw AudioError.notAFolder(path: path) }
    let root = URL(fileURLWithPath: path, isDirectory: true).resolvingSymlinksInPath()
    let keys: [URLResourceKey] = [.isRegularFileKey, .fileSizeKey, .contentModificationDateKey]
    try Self.requireListable(root.path, as: path)
    let prefix = root.path.count + (root.path == "/" ? 0 : 1)
    var (files, unreadable): ([File], [String]) = ([], [])
    let walk = FileManager.default.enumerator(
      at: root, includingPropertiesForKeys: keys, options: [.skipsHiddenFiles]
    ) { url, _ in
      unreadable.append(String(url.path.dropFirst(prefix)))
      return true
    }
    var seen = 0
    while let url = walk?.nextObject() as? URL {
      seen += 1
      guard Self.extensions.contains(url.pathExtension.lowercased()) else { continue }
      let file = url.resolvingSymlinksInPath()
      guard let values = try? file.resourceValues(forKeys: Set(keys)), values.isRegularFile == true
      else { continue }
      let relative = String(url.path.dropFirst(prefix))
      let parents = relative.split(separator: "/").dropLast()
      files.append(
        File(
          path: relative, label: parents.isEmpty ? nil : parents.joined(separator: "/"),
          bytes: values.fileSize ?? 0,
          modified: values.contentModificationDate ?? .distantPast,
          isReadable: FileManager.default.isReadableFile(atPath: url.path)))
    }
    if seen == 0 { throw AudioError.emptyFolder(path: path) }
    if files.isEmpty {
      if let first = unreadable.first { try Self.requireListable(root.path + "/" + first) }
      throw AudioError.noAudio(path: path)
    }
    self.unreadable = unreadable.sorted()
    self.path = root.path
    self.files = files.sorted { $0.path < $1.path }
  }

  private static func requireListable(_ folder: String, as name: String? = nil) throws {
    guard let handle = opendir(folder) else {
      throw AudioError.unreadable(path: name ?? folder, reason: String(cString: strerror(errno)))
    }
    closedir(handle)
  }

  public func fullPath(_ file: File) -> String { path + "/" + file.path }
}
