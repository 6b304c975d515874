public import Audio
import Checksums
public import Foundation
import Glibc
public import Spectro
import Synchronization

/// Decodes every file of a folder once and writes a prepared set.
///
/// Files go to shards by their places in the list alone, and shards are made one by one on every
/// processor, in the memory of a block of sound each. A shard is whole once its record stands beside
/// it: a preparation that was killed goes on with the shards that are missing, and the set is whole
/// once its index is written.
public struct Preparation: Sendable {
  public let folder: AudioFolder
  public let format: SoundFormat
  /// Of what statistics are made on the way; those of other settings are made when they are needed.
  public let settings: SpectrogramSettings
  public let output: URL

  static let planFile = "plan.json"

  /// What the shards of a folder were made of.
  private struct Plan: Codable {
    var key: String
    var settings: SpectrogramSettings
  }

  public init(
    folder: AudioFolder, channels: Int, settings: SpectrogramSettings, output: URL
  ) throws {
    try settings.validate()
    self.folder = folder
    format = SoundFormat(sampleRate: settings.sampleRate, channels: channels)
    self.settings = settings
    self.output = output
  }

  /// Of all that could make the prepared data another: the files' place, sizes and times, and whether
  /// they may be read.
  public static func key(_ folder: AudioFolder, _ format: SoundFormat) throws -> String {
    var hash = FNV1a()
    hash.add(try sortedJSON(format))
    hash.add(Array(folder.path.utf8))
    for file in folder.files {
      let time = file.modified.timeIntervalSince1970
      hash.add(Array("\(file.path)|\(file.bytes)|\(time)|\(file.isReadable)".utf8))
    }
    return hash.hexadecimal
  }

  /// Makes the set, or what is missing of it.
  ///
  /// - Parameters:
  ///   - progress: called with the number of files done, of all files, one call at a time.
  ///   - check: called now and then on every thread; what it throws ends the work.
  /// - Returns: the set, and whether it was whole already.
  /// - Throws: ``CorpusError``.
  public func run(
    progress: @Sendable (_ done: Int, _ of: Int) -> Void = { _, _ in },
    check: @Sendable () throws -> Void = {}
  ) throws -> (set: PreparedSet, wasWhole: Bool) {
    let plan = Plan(key: try Self.key(folder, format), settings: settings)
    try makeFolder()
    // One process at a time; the system takes the lock from one that is killed.
    let lock = open(
      output.appendingPathComponent(".lock").path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard lock >= 0 else {
      throw CorpusError.cannotWrite(output.path, reason: String(cString: strerror(errno)))
    }
    defer { close(lock) }
    while flock(lock, LOCK_EX | LOCK_NB) != 0 {
      try check()
      usleep(100_000)
    }
    if PreparedSet.isWhole(output) {
      let set = try PreparedSet(output)
      guard set.key == plan.key else {
        throw CorpusError.occupied(
          output.path,
          reason: "it holds a set of other files, of these as they were, or for another preset")
      }
      let key = FolderMetadata.key(folder)
      if set.metadataKey == key { return (set, true) }
      let metadata = try key == nil ? nil : FolderMetadata(of: folder)
      return (try write(metadata, key, to: set, check: check), true)
    }
    // First, so that a table that cannot be read does not show after hours of decoding.
    let key = FolderMetadata.key(folder)
    let metadata = try key == nil ? nil : FolderMetadata(of: folder)
    let settings = try start(plan)
    try make(settings, progress: progress, check: check)
    return (try write(metadata, key, to: PreparedSet(output), check: check), false)
  }

  /// Writes captions and numbers, or takes them away; the sound stays as it is.
  ///
  /// - Returns: the set with them.
  private func write(
    _ metadata: FolderMetadata?, _ key: String?, to set: PreparedSet, check: () throws -> Void
  ) throws -> PreparedSet {
    if let key, let metadata {
      try set.writeMetadata(
        metadata.summary, key: key, of: { try metadata.entry(of: set.path(of: $0)) }, check: check)
    } else {
      let file = output.appendingPathComponent(PreparedMetadata.fileName)
      guard FileManager.default.fileExists(atPath: file.path) else { return set }
      do {
        try FileManager.default.removeItem(at: file)
      } catch {
        throw CorpusError.cannotWrite(file.path, reason: error.localizedDescription)
      }
    }
    return try PreparedSet(output)
  }

  private func makeFolder() throws {
    let manager = FileManager.default
    do {
      var isFolder: ObjCBool = true
      if manager.fileExists(atPath: output.path, isDirectory: &isFolder), !isFolder.boolValue {
        throw CorpusError.occupied(output.path, reason: "it is a file")
      }
      if !PreparedSet.isPrepared(output), manager.fileExists(atPath: output.path),
        try !holdsOnlyOurs(output)
      {
        throw CorpusError.occupied(output.path, reason: "it holds something else")
      }
      try manager.createDirectory(at: output, withIntermediateDirectories: true)
    } catch let error where !(error is CorpusError) {
      throw CorpusError.cannotWrite(output.path, reason: error.localizedDescription)
    }
  }

  /// Whether all in a folder is what a preparation that ended before its plan stood may have left.
  private func holdsOnlyOurs(_ folder: URL) throws -> Bool {
    let manager = FileManager.default
    return try manager.contentsOfDirectory(atPath: folder.path).allSatisfy { name in
      if name == ".lock" || isTemporary(name) { return true }
      guard name == "shards" else { return false }
      return try manager.contentsOfDirectory(atPath: folder.appendingPathComponent(name).path)
        .allSatisfy { isTemporary($0) || $0.wholeMatch(of: /\d{6}\.(pcm|crc|json)/) != nil }
    }
  }

  /// Goes on with what a killed preparation of the same files has left, or starts anew.
  ///
  /// - Returns: the settings that its statistics are of.
  private func start(_ plan: Plan) throws -> SpectrogramSettings {
    let file = output.appendingPathComponent(Self.planFile)
    let shards = output.appendingPathComponent("shards")
    let manager = FileManager.default
    func makeShards() throws {
      do {
        try manager.createDirectory(at: shards, withIntermediateDirectories: true)
      } catch {
        throw CorpusError.cannotWrite(output.path, reason: error.localizedDescription)
      }
    }
    if let data = try? Data(contentsOf: file),
      let found = try? JSONDecoder().decode(Plan.self, from: data), found.key == plan.key
    {
      try makeShards()
      return found.settings
    }
    // Shards of another plan, or of none, go before this one stands; its own come after it.
    if manager.fileExists(atPath: shards.path) {
      do {
        try manager.removeItem(at: shards)
      } catch {
        throw CorpusError.cannotWrite(output.path, reason: error.localizedDescription)
      }
    }
    try writeWhole([sortedJSON(plan)], to: file)
    try makeShards()
    return plan.settings
  }

  /// Which files go to which shard: about a sixty-fourth of the bytes, within limits that keep every
  /// processor busy and what is lost by a kill small.
  static func shards(of bytes: [Int]) -> [Range<Int>] {
    let total = bytes.reduce(0, +)
    let target = min(max(total / 64, 1 << 20), 1 << 28)
    var shards: [Range<Int>] = []
    var (first, size) = (0, 0)
    for (index, count) in bytes.enumerated() {
      size += count
      if size >= target || index - first >= 4095 {
        shards.append(first..<index + 1)
        (first, size) = (index + 1, 0)
      }
    }
    if first < bytes.count { shards.append(first..<bytes.count) }
    return shards
  }

  private func make(
    _ settings: SpectrogramSettings, progress: @Sendable (_ done: Int, _ of: Int) -> Void,
    check: @Sendable () throws -> Void
  ) throws {
    let ranges = Self.shards(of: folder.files.map(\.bytes))
    let present = ranges.indices.filter { record($0) != nil }
    let missing = ranges.indices.filter { !present.contains($0) }
    let done = Mutex(present.reduce(0) { $0 + ranges[$1].count })
    let all = folder.files.count
    if done.withLock({ $0 }) > 0 { progress(done.withLock { $0 }, all) }
    let mel = try MelSpectrogram(settings, threads: 1)
    try withoutActuallyEscaping(progress) { progress in
      try withoutActuallyEscaping(check) { check in
        try forEachInParallel(missing.count) { number in
          let shard = missing[number]
          try write(shard, folder.files[ranges[shard]], mel, check: check) {
            done.withLock {
              $0 += 1
              progress($0, all)
            }
          }
        }
      }
    }
    try finish(ranges.count, settings)
  }

  /// Of a shard that is whole.
  private func record(_ shard: Int) -> Shard.Record? {
    // Without checksums it is of an older version.
    let checksums = Shard.checksumFile(shard, in: output).path
    guard FileManager.default.fileExists(atPath: checksums),
      let data = try? Data(contentsOf: Shard.recordFile(shard, in: output))
    else { return nil }
    return try? JSONDecoder().decode(Shard.Record.self, from: data)
  }

  private func write(
    _ number: Int, _ files: ArraySlice<AudioFolder.File>, _ mel: MelSpectrogram,
    check: () throws -> Void, fileDone: () -> Void
  ) throws {
    let sound = Shard.soundFile(number, in: output)
    let writer = try ShardWriter(sound)
    var record = Shard.Record(
      statistics: RowStatistics(rows: format.channels * mel.settings.melBins))
    for file in files {
      try check()
      let path = folder.fullPath(file)
      do {
        let (samples, scale) = try writer.append(path, format: format, check: check)
        try writer.flush()
        record.clips.append(
          Shard.Record.Clip(path: file.path, label: file.label, samples: samples, scale: scale))
      } catch let error as AudioError {
        record.skipped.append(Skipped(path: file.path, error, in: folder))
      }
      fileDone()
    }
    record.checksum = try writer.finish()
    try writeWhole([writer.blockChecksums.data], to: Shard.checksumFile(number, in: output))
    try addStatistics(to: &record, sound, mel, check: check)
    try writeWhole([sortedJSON(record)], to: Shard.recordFile(number, in: output))
  }

  private func addStatistics(
    to record: inout Shard.Record, _ sound: URL, _ mel: MelSpectrogram, check: () throws -> Void
  ) throws {
    let file = try MappedFile(sound.path)
    let samples = file.bytes.bindMemory(to: Int16.self)
    // What has been read is given back, so that a long file takes no more memory than a short one.
    var (start, blocks) = (0, 0)
    func checkAndDrop() throws {
      try check()
      blocks += 1
      if blocks % 64 == 0 { file.drop() }
    }
    for clip in record.clips {
      let end = start + clip.samples * format.channels
      try mel.addStatistics(
        of: UnsafeBufferPointer(rebasing: samples[start..<end]), scale: clip.scale,
        channels: format.channels, to: &record.statistics, check: checkAndDrop)
      start = end
    }
  }

  /// The statistics and the index, and no records any more.
  private func finish(_ shards: Int, _ settings: SpectrogramSettings) throws {
    var index = PreparedIndexWriter()
    var skipped: [Skipped] = []
    var statistics = RowStatistics(rows: format.channels * settings.melBins)
    for shard in 0..<shards {
      guard let record = record(shard) else {
        throw CorpusError.damaged(output.path, reason: "shard \(shard) has lost its record")
      }
      for clip in record.clips {
        index.append(
          path: clip.path, label: clip.label, samples: clip.samples, scale: clip.scale)
      }
      index.endShard(checksum: record.checksum)
      skipped += record.skipped
      statistics.add(record.statistics)
    }
    if index.clips == 0, let first = skipped.first {
      try? FileManager.default.removeItem(at: output)
      throw CorpusError.noneReadable(folder.path, count: skipped.count, first: first)
    }
    try writeWhole(
      [SealedJSON.encode(statistics)], to: PreparedSet.statisticsFile(settings, in: output))
    try index.write(
      to: output, format: format, name: URL(fileURLWithPath: folder.path).lastPathComponent,
      key: try Self.key(folder, format), skipped: skipped, soundBlock: BlockChecksums.length)
    let manager = FileManager.default
    for shard in 0..<shards { try? manager.removeItem(at: Shard.recordFile(shard, in: output)) }
    try? manager.removeItem(at: output.appendingPathComponent(Self.planFile))
  }
}
