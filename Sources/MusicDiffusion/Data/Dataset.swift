public import Audio
public import Foundation
import Spectro
package import Torch

/// A folder of audio as log-mel spectrograms, prepared once and kept in a memory-mapped file.
public final class Dataset: Sendable {
  /// One file's spectrogram.
  public struct Clip: Codable, Sendable, Equatable {
    public var path: String
    public var label: String?
    public var seconds: Double
    public var frames: Int
    /// Where its values start in the file of all frames, in values.
    var offset: Int
  }

  /// A file that is not used, and why.
  public struct Skipped: Codable, Sendable, Equatable {
    public var path: String
    public var reason: String
    /// Whether a preset that fills up short clips would take it.
    public var isTooShort = false
  }

  /// What the file of frames holds.
  struct Index: Codable {
    var clips: [Clip]
    var skipped: [Skipped]
    var normalization: Normalization
  }

  public let path: String
  public let representation: Representation
  /// The clips that are long enough, or are filled up.
  public let clips: [Clip]
  public let skipped: [Skipped]
  public let normalization: Normalization
  /// Distinct labels in alphabetical order.
  public let labels: [String]
  /// Equal for the same data, also in another place.
  public let fingerprint: String
  /// The name of the prepared data's folder in the cache.
  package let cacheKey: String
  private let frames: Data
  /// The number of places where a window can start, up to and with each clip.
  private let cumulativeStarts: [Int]

  public var seconds: Double { clips.reduce(0) { $0 + $1.seconds } }

  /// Prepares a folder, or finds it prepared.
  ///
  /// - Parameters:
  ///   - cache: where prepared data is kept; by default `compose` in the user's cache folder.
  ///   - progress: called with the number of files done, of all files, and whether this one was
  ///     skipped. From several threads, one at a time.
  /// - Throws: ``ModelError`` when there is nothing to train on.
  public init(
    folder: AudioFolder, representation: Representation, cache: URL = Dataset.defaultCache,
    progress: @Sendable (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws {
    try representation.validate()
    self.path = folder.path
    self.representation = representation
    cacheKey = try Self.cacheKey(folder, representation)
    let home = cache.appendingPathComponent(cacheKey, isDirectory: true)
    let indexFile = home.appendingPathComponent("index.json")
    if !FileManager.default.fileExists(atPath: indexFile.path) {
      try DatasetPreparation(folder: folder, representation: representation)
        .write(to: home, progress: progress)
    }
    let index: Index
    let frames: Data
    do {
      index = try JSONDecoder().decode(Index.self, from: Data(contentsOf: indexFile))
      frames = try Data(
        contentsOf: home.appendingPathComponent("frames.f16"), options: .alwaysMapped)
    } catch {
      throw ModelError.damagedCache(home.path)
    }
    let width = representation.channels * representation.spectrogram.melBins
    let values = frames.count / MemoryLayout<Float16>.size
    guard (try? index.normalization.validate(rows: width)) != nil,
      index.clips.allSatisfy({
        $0.frames > 0 && (0...values).contains($0.offset)
          && $0.frames <= (values - $0.offset) / width
      })
    else {
      throw ModelError.damagedCache(home.path)
    }
    let window = representation.windowFrames
    let long = index.clips.filter { representation.padsShortClips || $0.frames >= window }
    let short = index.clips.filter { !(representation.padsShortClips || $0.frames >= window) }
    skipped =
      index.skipped
      + short.map {
        Skipped(
          path: $0.path,
          reason: String(
            format: "%.2f s, shorter than the window of %.2f s", $0.seconds,
            representation.windowSeconds),
          isTooShort: true)
      }
    if index.clips.isEmpty, let first = skipped.first {
      throw ModelError.noneReadable(path, count: skipped.count, first: first)
    }
    if long.isEmpty {
      throw ModelError.allTooShort(
        path, longest: short.map(\.seconds).max() ?? 0, window: representation.windowSeconds)
    }
    self.frames = frames
    clips = long
    normalization = index.normalization
    fingerprint = try Self.fingerprint(representation, index)
    labels = Set(long.compactMap(\.label)).sorted()
    var starts = 0
    cumulativeStarts = long.map { clip in
      starts += max(1, clip.frames - window + 1)
      return starts
    }
  }

  /// `compose/datasets` in `$XDG_CACHE_HOME` or `~/.cache`.
  public static var defaultCache: URL {
    let environment = ProcessInfo.processInfo.environment
    let base =
      environment["XDG_CACHE_HOME"].map { URL(fileURLWithPath: $0, isDirectory: true) }
      ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache")
    return base.appendingPathComponent("compose/datasets", isDirectory: true)
  }

  /// A window somewhere in the data: every place where one can start is equally likely.
  package func randomWindow(_ random: inout RandomGenerator) -> (clip: Int, start: Int) {
    let place = random.integer(in: 0..<cumulativeStarts.last!)
    var (low, high) = (0, cumulativeStarts.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if cumulativeStarts[middle] > place { high = middle } else { low = middle + 1 }
    }
    return (low, place - (low == 0 ? 0 : cumulativeStarts[low - 1]))
  }

  /// Writes a window's normalised values, `[channels, mel bins, frames]`, silence past the end.
  package func copyWindow(
    clip: Int, start: Int, to destination: UnsafeMutablePointer<Float>
  ) {
    let (channels, bins) = (representation.channels, representation.spectrogram.melBins)
    let (window, width) = (representation.windowFrames, representation.channels * bins)
    let clip = clips[clip]
    let present = min(window, clip.frames - start)
    let (values, floor) = (representation.values, representation.silence)
    let scale = normalization.scale
    let shift = normalization.shift
    frames.withUnsafeBytes { bytes in
      let source = bytes.bindMemory(to: Float16.self).baseAddress! + clip.offset + start * width
      for row in 0..<channels * bins {
        let line = destination + row * window
        let (a, b) = (scale[row], shift[row])
        if values == .statistics {
          for frame in 0..<present { line[frame] = Float(source[frame * width + row]) * a + b }
        } else {
          for frame in 0..<present {
            line[frame] = values.value(ofLogMel: Float(source[frame * width + row]), floor) * a + b
          }
        }
        let silence = values.value(ofLogMel: floor, floor) * a + b
        for frame in present..<max(present, window) { line[frame] = silence }
      }
    }
  }

  /// Of the files' names, lengths and statistics, wherever they lie: other sound has others.
  private static func fingerprint(
    _ representation: Representation, _ index: Index
  ) throws -> String {
    var hash = FNV1a()
    hash.add(try sortedJSON(ignoringWindow(representation)))
    hash.add(try sortedJSON(index.normalization))
    for clip in index.clips { hash.add(Data("\(clip.path)|\(clip.frames)".utf8)) }
    return hash.hexadecimal
  }

  /// Of all that could make the prepared data another: the files' place, sizes and times, and
  /// whether they may be read.
  private static func cacheKey(
    _ folder: AudioFolder, _ representation: Representation
  ) throws -> String {
    var hash = FNV1a()
    hash.add(try sortedJSON(ignoringWindow(representation)))
    hash.add(Data(folder.path.utf8))
    for file in folder.files {
      let time = file.modified.timeIntervalSince1970
      hash.add(Data("\(file.path)|\(file.bytes)|\(time)|\(file.isReadable)".utf8))
    }
    return hash.hexadecimal
  }

  /// The window decides what is cut from the frames, not what they are.
  private static func ignoringWindow(_ representation: Representation) -> Representation {
    var frames = representation
    (frames.windowFrames, frames.padsShortClips) = (0, false)
    return frames
  }

  private static func sortedJSON(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return try encoder.encode(value)
  }
}

/// The 64-bit FNV-1a hash (Fowler, Noll and Vo): a name for a cache entry, not a signature.
struct FNV1a {
  private var state: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ data: Data) {
    for byte in data { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    // Ends each part, so that parts cannot run together.
    state = (state ^ UInt64(data.count)) &* 0x0000_0100_0000_01b3
  }

  var hexadecimal: String { String(format: "%016llx", state) }
}
