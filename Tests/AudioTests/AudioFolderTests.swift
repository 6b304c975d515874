import Audio
import Foundation
import Testing

@Suite struct AudioFolderTests {
  @Test func findsAudioAndLabels() throws {
    try withTemporaryFolder { folder in
      for name in [
        "b.wav", "A.FLAC", "kicks/2.wav", "kicks/10.wav", "kicks/soft/1.ogg", "bücher/é.mp3",
        "two words/a b.aiff", "unreadable.m4a",
      ] {
        try folder.write("x", to: name)
      }
      for name in [
        "notes.txt", "README", ".hidden.wav", ".git/x.wav", "kicks/.x.wav", "cover.jpg", "wav",
      ] {
        try folder.write("x", to: name)
      }
      try FileManager.default.createDirectory(
        at: folder / "folder.wav", withIntermediateDirectories: true)
      let files = try AudioFolder(folder.path).files
      #expect(
        files.map(\.path) == [
          "A.FLAC", "b.wav", "bücher/é.mp3", "kicks/10.wav", "kicks/2.wav", "kicks/soft/1.ogg",
          "two words/a b.aiff", "unreadable.m4a",
        ])
      #expect(
        files.map(\.label) == [
          nil, nil, "bücher", "kicks", "kicks", "kicks/soft", "two words", nil,
        ])
    }
  }

  /// A link to a file is that file; a link to a folder could lead round in circles.
  @Test func followsLinksToFilesOnly() throws {
    try withTemporaryFolder { folder in
      try folder.write("x", to: "data/a.wav")
      try folder.write("x", to: "elsewhere/b.wav")
      for (link, target) in [
        ("data/link.wav", "../elsewhere/b.wav"), ("data/loop", "."), ("data/loop.wav", "."),
        ("data/other", "../elsewhere"), ("data/dead.wav", "nothing.wav"),
        ("data/itself.wav", "itself.wav"),
      ] {
        try FileManager.default.createSymbolicLink(
          atPath: (folder / link).path, withDestinationPath: target)
      }
      let files = try AudioFolder((folder / "data").path).files
      #expect(files.map(\.path) == ["a.wav", "link.wav"])
    }
  }

  /// However the folder is named, its files have the same relative paths.
  @Test func takesAnyNameOfTheFolder() throws {
    try withTemporaryFolder { folder in
      try folder.write("x", to: "data/kicks/a.wav")
      try FileManager.default.createSymbolicLink(
        atPath: (folder / "link").path, withDestinationPath: "data")
      let expected = try AudioFolder((folder / "data").path)
      for name in ["data/", "data/.", "data/kicks/..", "link", "link/", "./data//"] {
        let found = try AudioFolder(folder.path + "/" + name)
        #expect(found.files.map(\.path) == expected.files.map(\.path), "\(name)")
        #expect(found.files.map(\.label) == ["kicks"], "\(name)")
        #expect(found.path == expected.path, "\(name)")
      }
    }
  }

  @Test func saysWhatIsMissing() throws {
    try withTemporaryFolder { folder in
      let path = folder.path
      #expect(throws: AudioError.emptyFolder(path: path)) { try AudioFolder(path) }
      try folder.write("x", to: ".hidden.wav")
      #expect(throws: AudioError.emptyFolder(path: path)) { try AudioFolder(path) }
      try folder.write("x", to: "notes.txt")
      #expect(throws: AudioError.noAudio(path: path)) { try AudioFolder(path) }
      #expect(throws: AudioError.noFolder(path: path + "/absent")) {
        try AudioFolder(path + "/absent")
      }
      #expect(throws: AudioError.notAFolder(path: path + "/notes.txt")) {
        try AudioFolder(path + "/notes.txt")
      }
    }
  }
}

private func withTemporaryFolder<R>(_ body: (URL) throws -> R) throws -> R {
  let folder = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
    .appendingPathComponent(UUID().uuidString, isDirectory: true)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

extension URL {
  fileprivate static func / (folder: URL, name: String) -> URL {
    folder.appendingPathComponent(name)
  }

  /// Writes a file below this folder, making the folders that it lies in.
  fileprivate func write(_ text: String, to name: String) throws {
    let file = self / name
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }
}
