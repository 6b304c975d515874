public import Foundation

/// Collects clips in the order of their samples and writes the index of a prepared set.
public struct PreparedIndexWriter {
  private var ends: [UInt64] = []
  private var nameEnds: [UInt64] = []
  private var scales: [Float] = []
  private var labels: [UInt32] = []
  private var hashes: [UInt64] = []
  private var paths: [UInt8] = []
  private var known: [String?: UInt32] = [:]
  private var names: [String?] = []
  private var shards: [PreparedIndex.Shard] = []
  private var fingerprint = FNV1a()
  private var firstClip = 0

  public init() {}

  public var clips: Int { ends.count }

  /// Ends a shard: the clips since the last one lie in it.
  public mutating func endShard(checksum: UInt32) {
    let first = shards.last.map { $0.firstSample + $0.samples } ?? 0
    let total = Int(ends.last ?? 0)
    shards.append(
      PreparedIndex.Shard(
        firstClip: firstClip, firstSample: first, samples: total - first, checksum: checksum))
    firstClip = ends.count
    fingerprint.add(Array("\(checksum)".utf8))
  }

  /// - Parameters:
  ///   - samples: per channel.
  ///   - scale: what its 16-bit samples are multiplied with.
  public mutating func append(path: String, label: String?, samples: Int, scale: Float) {
    let bytes = Array(path.utf8)
    ends.append((ends.last ?? 0) + UInt64(samples))
    paths += bytes
    nameEnds.append(UInt64(paths.count))
    scales.append(scale)
    let number: UInt32
    if let found = known[label] {
      number = found
    } else {
      number = UInt32(names.count)
      known[label] = number
      names.append(label)
    }
    labels.append(number)
    // Of the path within the label, so that it stays when the label is renamed.
    var hash = FNV1a()
    hash.add(bytes.dropFirst(label.map { $0.utf8.count + 1 } ?? 0))
    hashes.append(hash.value)
    fingerprint.add(bytes)
    fingerprint.add(Array("\(samples)".utf8))
  }

  /// Writes the index under its name, whole or not at all.
  ///
  /// - Parameter soundBlock: bytes of sound that each of the checksums beside the shards is of; nil where
  ///   there are none.
  /// - Throws: ``CorpusError/cannotWrite(_:reason:)``.
  public mutating func write(
    to folder: URL, format: SoundFormat, name: String, key: String, skipped: [Skipped],
    soundBlock: Int? = nil
  ) throws {
    let listed = names.indices.filter { names[$0] != nil }.sorted { names[$0]! < names[$1]! }
    var numbers = [UInt32](repeating: PreparedIndex.noLabel, count: names.count)
    for (number, index) in listed.enumerated() { numbers[index] = UInt32(number) }
    fingerprint.add(try sortedJSON(format))
    let skippedJSON = try sortedJSON(skipped)
    let counts = labels.reduce(into: [Int](repeating: 0, count: names.count)) { $0[Int($1)] += 1 }
    let header = PreparedIndex.Header(
      format: format, name: name, key: key, fingerprint: fingerprint.hexadecimal,
      clips: ends.count,
      labels: listed.map { PreparedIndex.Label(name: names[$0]!, clips: counts[$0]) },
      shards: shards, skippedBytes: skippedJSON.count, pathBytes: paths.count,
      soundBlock: soundBlock)
    var file = try CheckedFileWriter(
      folder.appendingPathComponent(PreparedIndex.fileName), magic: PreparedIndex.magic,
      header: header)
    do {
      func add<T>(_ values: [T]) throws {
        try file.append(values)
        try file.pad()
      }
      try add(ends)
      try add(nameEnds)
      try add(scales)
      try add(labels.map { numbers[Int($0)] })
      try add(ranks())
      try add(paths)
      try add([UInt8](skippedJSON))
      try file.finish()
    } catch {
      file.cancel()
      throw error
    }
  }

  /// Each clip's place among those of its label in the order of their hashes.
  private func ranks() -> [UInt32] {
    var ranks = [UInt32](repeating: 0, count: labels.count)
    let order = labels.indices.sorted {
      (labels[$0], hashes[$0], $0) < (labels[$1], hashes[$1], $1)
    }
    var (label, rank) = (UInt32.max, UInt32(0))
    for clip in order {
      if labels[clip] != label { (label, rank) = (labels[clip], 0) }
      ranks[clip] = rank
      rank += 1
    }
    return ranks
  }
}
