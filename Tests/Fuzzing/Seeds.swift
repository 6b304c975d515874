import Foundation

extension Subject {
  /// All readers of the package.
  public static func all() throws -> [Subject] {
    try audio() + spectrograms() + models() + metadata()
  }

  /// The repository that this was built from, where the seeds lie.
  static let repository = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The files of a folder of reference values, in the order of their names.
  static func seeds(in folder: String) throws -> [(url: URL, bytes: [UInt8])] {
    let folder = repository.appendingPathComponent("Tests/" + folder)
    return try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil
    ).sorted { $0.path < $1.path }.map { (url: $0, bytes: [UInt8](try Data(contentsOf: $0))) }
  }

  /// The bytes that `write` leaves in a file.
  static func withTemporaryFile(
    _ name: String, _ write: (String) throws -> Void
  ) throws -> [UInt8] {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("fuzz-seed-" + UUID().uuidString, isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent(name)
    try write(file.path)
    return [UInt8](try Data(contentsOf: file))
  }
}
