import Audio
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

/// What stands in a folder and is no file: nothing waits for it or reads it without end.
@Suite struct SpecialFileTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
      .appendingPathComponent("special-" + UUID().uuidString, isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  /// A link of this name to `target`, in a folder for this test.
  private func link(_ name: String, to target: String) throws -> String {
    let path = folder.appendingPathComponent(name).path
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
    return path
  }

  private static let readers: [(name: String, read: @Sendable (String) throws -> Void)] = [
    ("a.wav", { _ = try AudioReader($0) }),
    ("a.mp3", { _ = try AudioBuffer(contentsOf: $0) }),
    ("a.png", { _ = try Spectrogram.readPNG(from: $0) }),
    ("a.npy", { _ = try Spectrogram.readNPY(from: $0) }),
    ("a.csv", { _ = try CSVReader($0) }),
    ("a.safetensors", { _ = try SafeTensors.read($0) }),
    (
      "config.json",
      { path in
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        _ = try Model.readConfiguration(in: folder)
      }
    ),
  ]

  private func expectRefusal(of target: String) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, read) in Self.readers {
      let path = try link(name, to: target)
      #expect(throws: (any Error).self, "\(name)") {
        do {
          try read(path)
        } catch {
          // A line that names the file or its folder.
          #expect("\(error)".contains(folder.lastPathComponent), "\(name): \(error)")
          #expect(!"\(error)".contains("\n"), "\(name): \(error)")
          throw error
        }
      }
    }
  }

  @Test func endlessDevice() throws { try expectRefusal(of: "/dev/zero") }

  @Test func emptyDevice() throws { try expectRefusal(of: "/dev/null") }

  @Test func directory() throws { try expectRefusal(of: "/") }

  @Test func nothing() throws { try expectRefusal(of: "/nonexistent/file") }

  @Test func circleOfLinks() throws {
    _ = try link("first", to: "second")
    try expectRefusal(of: link("second", to: "first"))
  }

  /// A folder with links to itself and a pipe that nobody writes to.
  @Test func folderOfTraps() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    _ = try link("circle.wav", to: "circle.wav")
    _ = try link("self", to: folder.path)
    #expect(mkfifo(folder.appendingPathComponent("pipe.wav").path, 0o600) == 0)
    #expect(throws: AudioError.noAudio(path: folder.path)) { try AudioFolder(folder.path) }
  }
}
