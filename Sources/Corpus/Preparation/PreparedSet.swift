import Checksums
public import Foundation
import Glibc
public import Spectro
import Synchronization

/// A folder of sound made ready to train on: 16-bit samples at one rate in memory-mapped shards, and
/// an index that is opened at once whatever the number of clips.
///
///     index.compose           see `PreparedIndex`
///     metadata.compose        see `PreparedMetadata`; only where there are captions or numbers
///     shards/000000.pcm ...   see `Shard`
///     statistics-HASH.json    means and deviations of mel bins, for each kind of spectrogram asked for
public final class PreparedSet: Sendable {
  public let folder: URL
  private let index: PreparedIndex
  private let metadata: PreparedMetadata?
  /// Of the shards that something was asked of.
  private let sounds = Mutex<[Int: CheckedSound]>([:])

  public var format: SoundFormat { index.header.format }
  /// The name of the folder that it was made of.
  public var name: String { index.header.name }
  /// Of what the source was when it was prepared.
  public var key: String { index.header.key }
  /// Equal for the same sound under the same names, wherever it lies.
  public var fingerprint: String {
    index.header.fingerprint + (metadata.map { "-" + $0.fingerprint } ?? "")
  }
  public var clipCount: Int { index.header.clips }
  public var shardCount: Int { index.header.shards.count }
  /// Samples per channel of all clips.
  public var sampleCount: Int { index.samples }
  public var seconds: Double { Double(sampleCount) / Double(format.sampleRate) }
  /// In alphabetical order, with the number of their clips.
  public var labels: [(name: String, clips: Int)] {
    index.header.labels.map { ($0.name, $0.clips) }
  }

  /// Whether a folder is one that was prepared, whole or not.
  public static func isPrepared(_ folder: URL) -> Bool {
    [PreparedIndex.fileName, Preparation.planFile].contains {
      FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path)
    }
  }

  static func isWhole(_ folder: URL) -> Bool {
    FileManager.default.fileExists(
      atPath: folder.appendingPathComponent(PreparedIndex.fileName).path)
  }

  /// Opens a prepared folder.
  ///
  /// - Throws: ``CorpusError/notPrepared(_:)``, ``CorpusError/damaged(_:reason:)``.
  public init(_ folder: URL) throws {
    guard Self.isWhole(folder) else { throw CorpusError.notPrepared(folder.path) }
    self.folder = folder
    index = try PreparedIndex(in: folder)
    let hasMetadata = FileManager.default.fileExists(
      atPath: folder.appendingPathComponent(PreparedMetadata.fileName).path)
    metadata =
      hasMetadata ? try PreparedMetadata(in: folder, clips: index.header.clips) : nil
    let header = index.header
    for (number, shard) in header.shards.enumerated() {
      var status = stat()
      guard stat(Shard.soundFile(number, in: folder).path, &status) == 0,
        Int(status.st_size) == 2 * header.format.channels * shard.samples
      else { throw CorpusError.damaged(folder.path, reason: "shard \(number) is missing or cut") }
    }
  }

  public func path(of clip: Int) throws -> String { try index.path(of: clip) }

  /// A position in ``labels``, or nil.
  public func label(of clip: Int) throws -> Int? {
    let label = try index.label(of: clip)
    return Int(label) < index.header.labels.count ? Int(label) : nil
  }

  /// Samples per channel.
  public func samples(of clip: Int) throws -> Int { try index.samples(of: clip).count }

  public func skipped() throws -> [Skipped] { try index.skipped() }

  /// Calls `body` with the samples per channel, the label and the rank of each clip; see
  /// `PreparedIndex.forEach`.
  package func forEachClip(
    in clips: Range<Int>,
    _ body: (_ clip: Int, _ samples: Int, _ label: UInt32, _ rank: UInt32) -> Void
  ) throws {
    try index.forEach(in: clips, body)
  }

  /// Gives back the memory of what has been read of the index and the metadata.
  package func dropIndex() {
    index.drop()
    metadata?.drop()
  }

  /// Calls `body` with a clip's samples, those of all channels at one time together, and what they
  /// are to be multiplied with.
  ///
  /// - Parameter part: what of the clip is read, in samples per channel; nil for all. It is compared with
  ///   its checksums where it has not been.
  /// - Throws: ``CorpusError/damaged(_:reason:)``, and what `body` throws.
  package func withSamples<R>(
    of clip: Int, part: Range<Int>? = nil,
    _ body: (UnsafeBufferPointer<Int16>, _ scale: Float) throws -> R
  ) throws -> R {
    let range = try index.samples(of: clip)
    let scale = try index.scale(of: clip)
    let (number, shard) = try shard(of: range.lowerBound)
    guard range.upperBound <= shard.firstSample + shard.samples, scale.isFinite else {
      throw CorpusError.damaged(folder.path, reason: "its index has clips that lie elsewhere")
    }
    let sound = try sound(number)
    let width = 2 * format.channels
    let first = width * (range.lowerBound - shard.firstSample)
    let bytes = sound.file.bytes[first..<width * (range.upperBound - shard.firstSample)]
    let read = part?.clamped(to: 0..<range.count) ?? 0..<range.count
    try sound.check(first + width * read.lowerBound..<first + width * read.upperBound)
    return try withExtendedLifetime(sound) {
      try body(UnsafeRawBufferPointer(rebasing: bytes).bindMemory(to: Int16.self), scale)
    }
  }

  private func shard(of sample: Int) throws -> (Int, PreparedIndex.Shard) {
    let shards = index.header.shards
    var (low, high) = (0, shards.count)
    while low < high {
      let middle = (low + high) / 2
      if shards[middle].firstSample + shards[middle].samples > sample {
        high = middle
      } else {
        low = middle + 1
      }
    }
    guard low < shards.count else {
      throw CorpusError.damaged(folder.path, reason: "its index has clips that lie elsewhere")
    }
    return (low, shards[low])
  }

  private func sound(_ number: Int) throws -> CheckedSound {
    if let sound = sounds.withLock({ $0[number] }) { return sound }
    let sound = try CheckedSound(
      number, in: folder, size: 2 * format.channels * index.header.shards[number].samples,
      blockLength: index.header.soundBlock)
    // Of two that were opened at once one stays.
    return sounds.withLock { sounds in
      let kept = sounds[number] ?? sound
      sounds[number] = kept
      return kept
    }
  }

  private func verify(_ number: Int, _ file: MappedFile) throws {
    var checksum = CRC32C()
    for start in stride(from: 0, to: file.bytes.count, by: 1 << 24) {
      let end = min(start + (1 << 24), file.bytes.count)
      checksum.add(UnsafeRawBufferPointer(rebasing: file.bytes[start..<end]))
      if end < file.bytes.count { file.drop() }
    }
    guard checksum.value == index.header.shards[number].checksum else {
      throw CorpusError.damaged(folder.path, reason: "shard \(number) has a wrong checksum")
    }
  }

  /// Reads all sound and all statistics and compares their checksums.
  ///
  /// - Throws: ``CorpusError/damaged(_:reason:)``.
  public func verify(progress: @Sendable (_ done: Int, _ of: Int) -> Void = { _, _ in }) throws {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    for name in names where name.hasPrefix("statistics-") && name.hasSuffix(".json") {
      guard let data = try? Data(contentsOf: folder.appendingPathComponent(name)),
        SealedJSON.isIntact(data)
      else { throw CorpusError.damaged(folder.path, reason: "\(name) is damaged") }
    }
    try forEachInParallel(shardCount, progress: progress) { number in
      let file = try MappedFile(Shard.soundFile(number, in: self.folder).path)
      try self.verify(number, file)
      file.drop()
    }
  }

  // MARK: - Metadata

  /// What is said about the clips beside their labels; nil where nothing is.
  public var metadataSummary: MetadataSummary? { metadata?.header.summary }
  /// Of what the metadata's source was when it was read.
  var metadataKey: String? { metadata?.header.key }
  /// Made of the captions; nil where there are none.
  public var tokenizer: TextTokenizer? { metadata?.header.tokenizer }

  public func caption(of clip: Int) throws -> String? { try metadata?.caption(of: clip) }

  /// A clip's numbers, in the order of ``metadataSummary``; NaN where unknown.
  public func numbers(of clip: Int) throws -> [Float] { try numbers(of: clip..<clip + 1) }

  /// Those of some clips, those of one together.
  package func numbers(of clips: Range<Int>) throws -> [Float] {
    try metadata.map { Array(try $0.numbers(of: clips)) } ?? []
  }

  // MARK: - Statistics

  static func statisticsFile(_ settings: SpectrogramSettings, in folder: URL) throws -> URL {
    var hash = FNV1a()
    hash.add(try sortedJSON(settings))
    return folder.appendingPathComponent("statistics-\(hash.hexadecimal).json")
  }

  /// Of the log-mel spectrograms of all clips, a row for each mel bin of each channel: read where they
  /// have been made for these settings, or made and kept.
  public func statistics(
    for settings: SpectrogramSettings,
    progress: @Sendable (_ done: Int, _ of: Int) -> Void = { _, _ in }
  ) throws -> RowStatistics {
    let file = try Self.statisticsFile(settings, in: folder)
    let rows = format.channels * settings.melBins
    if FileManager.default.fileExists(atPath: file.path) {
      guard let data = try? Data(contentsOf: file), SealedJSON.isIntact(data),
        let saved = try? JSONDecoder().decode(RowStatistics.self, from: data),
        saved.isValid(rows: rows)
      else {
        throw CorpusError.damaged(folder.path, reason: "\(file.lastPathComponent) is damaged")
      }
      // Those of older versions, which nothing vouches for, are made anew.
      if SealedJSON.isSealed(data) { return saved }
    }
    let mel = try MelSpectrogram(settings, threads: 1)
    let parts = Mutex([RowStatistics?](repeating: nil, count: shardCount))
    try forEachInParallel(shardCount, progress: progress) { number in
      var sum = RowStatistics(rows: rows)
      for clip in self.clips(inShard: number) {
        try self.withSamples(of: clip) { samples, scale in
          try mel.addStatistics(
            of: samples, scale: scale, channels: self.format.channels, to: &sum
          ) {}
        }
        try self.sound(number).file.drop()
      }
      parts.withLock { $0[number] = sum }
    }
    var total = RowStatistics(rows: rows)
    for case let part? in parts.withLock({ $0 }) { total.add(part) }
    try writeWhole([SealedJSON.encode(total)], to: file)
    return total
  }

  private func clips(inShard number: Int) -> Range<Int> {
    let shards = index.header.shards
    let end = number + 1 < shards.count ? shards[number + 1].firstClip : clipCount
    return shards[number].firstClip..<max(shards[number].firstClip, end)
  }
}

/// Runs `body` for each number on all processors; the first error ends the work and is thrown.
///
/// - Parameter progress: called after each, one at a time.
package func forEachInParallel(
  _ count: Int, progress: @Sendable (_ done: Int, _ of: Int) -> Void = { _, _ in },
  _ body: @escaping @Sendable (Int) throws -> Void
) throws {
  struct State {
    var next = 0
    var done = 0
    var error: (any Error)?
  }
  let state = Mutex(State())
  let workers = min(count, ProcessInfo.processInfo.activeProcessorCount)
  withoutActuallyEscaping(progress) { progress in
    DispatchQueue.concurrentPerform(iterations: workers) { _ in
      while true {
        let number = state.withLock { state in
          defer { state.next += 1 }
          return state.error == nil ? state.next : count
        }
        guard number < count else { return }
        do {
          try body(number)
          state.withLock {
            $0.done += 1
            progress($0.done, count)
          }
        } catch {
          state.withLock { $0.error = $0.error ?? error }
        }
      }
    }
  }
  if let error = state.withLock({ $0.error }) { throw error }
}
