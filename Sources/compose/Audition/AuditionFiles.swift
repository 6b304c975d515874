import Audio
import Foundation
import Terminal

/// What an audition reads, and where it writes.
struct AuditionFiles {
  let inputs: [String]
  /// Of each input.
  let outputs: [Outputs]
  let folder: String

  /// Where one file's results go.
  struct Outputs {
    let original, copy, picture: String
    var all: [String] { [original, copy, picture] }

    init(folder: String, name: String) {
      original = "\(folder)/\(name)-original.wav"
      copy = "\(folder)/\(name)-round-trip.wav"
      picture = "\(folder)/\(name).png"
    }
  }

  /// - Parameters:
  ///   - paths: at least one. Files are taken as they are named, and of each folder some, spread
  ///     evenly over it.
  ///   - count: files to take of each folder.
  ///   - output: the folder to write to; nil for one named after the first path.
  init(_ paths: [String], ofEachFolder count: Int, output: String?) throws {
    inputs = try paths.flatMap { path -> [String] in
      guard Self.isFolder(path) else { return [path] }
      let all = try AudioFolder(path).files.map {
        "\(path.hasSuffix("/") ? path : path + "/")\($0.path)"
      }
      let taken = min(count, all.count)
      if taken < all.count {
        Terminal.note("\(path): \(taken) of \(all.count) files; --files takes more")
      }
      return (0..<taken).map { all[$0 * all.count / taken] }
    }
    let first = URL(fileURLWithPath: paths[0]).standardizedFileURL
    // What looks like an extension of a folder is none.
    let stem = Self.isFolder(paths[0]) ? first : first.deletingPathExtension()
    let folder = output ?? stem.lastPathComponent + "-audition"
    var taken: Set<String> = []
    outputs = inputs.map { file in
      let base = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
      var (name, number) = (base, 1)
      while !taken.insert(name).inserted {
        number += 1
        name = "\(base)-\(number)"
      }
      return Outputs(folder: folder, name: name)
    }
    self.folder = folder
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }
}
