import Audio
import Corpus
import Foundation
import MusicDiffusion
import Spectro
import Testing
import Torch

/// What a set of half a million clips takes of memory: little to open it, and nothing of its own that
/// grows with what is drawn.
@Suite(.serialized) struct LargeSetTests {
  private static let clips = 500_000
  private static let samples = 2000
  private static let perShard = 50_000

  /// A prepared set whose sound is holes in files; all else is real.
  private static func write(to folder: URL) throws {
    let representation = Representation.small()
    let source = folder / "source"
    try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
    try sound(seconds: 1).write(to: (source / "a.wav").path)
    let set = folder / "set"
    let made = try Preparation(
      folder: AudioFolder(source.path), channels: 1, settings: representation.spectrogram,
      output: set
    ).run().set
    let format = made.format
    var index = PreparedIndexWriter()
    for clip in 0..<clips {
      index.append(
        path: "label-\(clip % 10)/collection-\(clip / 1000)/a-clip-of-some-sound-\(clip).flac",
        label: "label-\(clip % 10)", samples: samples, scale: 1 / 32768)
      guard clip % perShard == perShard - 1 else { continue }
      let file = set / String(format: "shards/%06d.pcm", clip / perShard)
      try Data().write(to: file)
      try #require(truncate(file.path, perShard * samples * 2) == 0)
      index.endShard(checksum: 0)
    }
    try index.write(to: set, format: format, name: "large", key: "large", skipped: [])
  }

  /// Bytes of this process that are in memory: its own, and of files.
  private static func memory() throws -> (own: Double, files: Double) {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    func value(_ name: String) throws -> Double {
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(name) })
      return 1024 * (try #require(Double(line.split(whereSeparator: \.isWhitespace)[1])))
    }
    return (try value("RssAnon:"), try value("RssFile:"))
  }

  @Test func memoryDoesNotGrow() async {
    await #expect(processExitsWith: .success) {
      try withTemporaryFolder { folder in
        try Self.write(to: folder)
        // So that what the writing left free is not what the reading takes.
        releaseMemory()
        let bytes =
          try FileManager.default
          .attributesOfItem(atPath: (folder / "set/index.compose").path)[.size] as? Double
        #expect(try #require(bytes) > 35e6)
        let before = try Self.memory()
        let dataset = try Dataset(
          prepared: folder / "set", representation: .small(), heldOut: 0.05)
        let opened = try Self.memory()
        #expect(dataset.training.fileCount + (dataset.heldOut?.fileCount ?? 0) == Self.clips)
        // Sums over blocks of clips, 16 bytes for 1024 of them; not paths, lengths or labels. 2 bytes a clip
        // leave room for what the first use of things takes.
        let ownOfClip = (opened.own - before.own) / Double(Self.clips)
        #expect(ownOfClip < 2, "\(ownOfClip) bytes a clip")
        // The pages that have been read are given back on the way.
        #expect(opened.files - before.files < 8e6, "\((opened.files - before.files) / 1e6) MB")

        var random = RandomGenerator(seed: 1)
        let window = UnsafeMutablePointer<Float>.allocate(capacity: 16 * 16)
        defer { window.deallocate() }
        func draw(_ count: Int) throws {
          for number in 0..<count {
            let place = try dataset.training.random(&random)
            #expect(place.samples == Self.samples && place.label != nil)
            if number % 10 == 0 {
              try dataset.copyWindow(clip: place.clip, start: 0, to: window)
            }
          }
        }
        try draw(2000)
        let begun = try Self.memory()
        try draw(20_000)
        let drawn = try Self.memory()
        #expect(drawn.own - begun.own < 1e6, "\((drawn.own - begun.own) / 1e6) MB of its own")
      }
    }
  }
}
