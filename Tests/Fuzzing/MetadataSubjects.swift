import Audio
import Corpus
import Foundation
import Spectro

extension Subject {
  /// The readers of captions and numbers: the table, and what a prepared set holds of it.
  static func metadata() throws -> [Subject] {
    let set = try DescribedSet()
    let tables = [
      "file,tempo,caption\none.wav,120,\"dry, \"\"fast\"\" drums\"\ntwo.wav,,warm pad\n",
      "\u{FEFF}path;text;x\r\ntwo.wav;\"leise\r\nund dunkel\";1,5\r\n",
    ]
    return [
      Subject(
        "table", fileName: "metadata.csv", structure: .wholeText,
        seeds: tables.map { Array($0.utf8) }
      ) { path in try set.readTable(path) },
      Subject("metadata", structure: .preparedIndex, seeds: [set.metadata]) { path in
        try set.read(metadata: path)
      },
    ]
  }
}

/// A prepared set of two short sounds with captions and numbers, in a folder that goes with it.
private final class DescribedSet: Sendable {
  let metadata: [UInt8]
  private let home, data, set: URL

  init() throws {
    home = FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
      .appendingPathComponent("fuzz-metadata-" + UUID().uuidString, isDirectory: true)
    data = home.appendingPathComponent("data", isDirectory: true)
    set = home.appendingPathComponent("set", isDirectory: true)
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    for name in ["one", "two"] {
      try AudioBuffer(channels: [[Float](repeating: 0.1, count: 800)], sampleRate: 8000).write(
        to: data.appendingPathComponent(name + ".wav").path, encoding: .wav16)
    }
    try Data("file,tempo,x,caption\none.wav,120,1,dry drums\ntwo.wav,,2,dry pad\n".utf8).write(
      to: data.appendingPathComponent("metadata.csv"))
    _ = try Preparation(
      folder: AudioFolder(data.path), channels: 1,
      settings: SpectrogramSettings(sampleRate: 8000, fftSize: 256, hopLength: 64, melBins: 16),
      output: set
    ).run()
    metadata = [UInt8](
      try Data(contentsOf: set.appendingPathComponent("metadata.compose")))
  }

  deinit { try? FileManager.default.removeItem(at: home) }

  func readTable(_ path: String) throws {
    try Data(contentsOf: URL(fileURLWithPath: path)).write(
      to: data.appendingPathComponent("metadata.csv"))
    guard let found = try FolderMetadata(of: AudioFolder(data.path))?.summary else { return }
    for number in found.numbers
    where !(number.minimum <= number.maximum) || !(1...2).contains(number.known) {
      throw Defect("\(number.name) has the range \(number.minimum) to \(number.maximum)")
    }
    guard found.captions <= 2 else { throw Defect("there are \(found.captions) captions") }
  }

  func read(metadata path: String) throws {
    try Data(contentsOf: URL(fileURLWithPath: path)).write(
      to: set.appendingPathComponent("metadata.compose"))
    let prepared = try PreparedSet(set)
    for clip in 0..<prepared.clipCount {
      _ = try prepared.numbers(of: clip)
      guard let caption = try prepared.caption(of: clip), let tokenizer = prepared.tokenizer else {
        continue
      }
      let tokens = tokenizer.tokens(of: caption).tokens
      guard tokens.allSatisfy({ (0..<tokenizer.vocabularySize).contains($0) }) else {
        throw Defect("a token is not in the vocabulary")
      }
    }
  }
}
