import Audio
import Checksums
import Foundation
import Glibc
import Spectro

/// One file of a prepared set: the sound of some files, one after another, as 16-bit samples, little
/// endian, of which those of all channels at one time stand together.
enum Shard {
  /// What is known of a shard once it is written; kept beside it until the set is whole.
  struct Record: Codable {
    struct Clip: Codable {
      var path: String
      var label: String?
      var samples: Int
      var scale: Float
    }
    var clips: [Clip] = []
    var skipped: [Skipped] = []
    var checksum: UInt32 = 0
    var statistics: RowStatistics
  }

  static func soundFile(_ number: Int, in folder: URL) -> URL {
    folder.appendingPathComponent(String(format: "shards/%06d.pcm", number))
  }

  /// See ``BlockChecksums``.
  static func checksumFile(_ number: Int, in folder: URL) -> URL {
    folder.appendingPathComponent(String(format: "shards/%06d.crc", number))
  }

  static func recordFile(_ number: Int, in folder: URL) -> URL {
    folder.appendingPathComponent(String(format: "shards/%06d.json", number))
  }

  /// What a sample of full scale is stored as.
  static let fullScale: Float = 32768
}

/// Writes the sound of files to a shard.
final class ShardWriter {
  private let path: String
  private let file: Int32
  private var checksum = CRC32C()
  private(set) var blockChecksums = BlockChecksums()
  private var pending: [Int16] = []
  /// Values written and pending.
  private var count = 0

  private static let bufferLength = 1 << 18

  init(_ url: URL) throws {
    path = url.path
    file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    if file < 0 { throw failure }
  }

  deinit { close(file) }

  private var failure: CorpusError {
    .cannotWrite(path, reason: String(cString: strerror(errno)))
  }

  /// Appends a file's sound, decoded in blocks.
  ///
  /// - Parameter check: called with each block; what it throws ends the work.
  /// - Returns: samples per channel, and what they are to be multiplied with.
  /// - Throws: `AudioError` for a file that cannot be used, of which nothing is kept.
  func append(
    _ path: String, format: SoundFormat, check: () throws -> Void
  ) throws -> (samples: Int, scale: Float) {
    let start = (count: count, checksum: checksum, blocks: blockChecksums)
    // Sound of 16 bits is kept to the bit; where samples pass full scale, as of a loud MP3, all of
    // the file once more and softer.
    var scale = 1 / Shard.fullScale
    while true {
      var (samples, peak): (Int, Float) = (0, 0)
      do {
        let stream = try AudioStream(
          path, layout: .channels(format.channels), sampleRate: format.sampleRate)
        while let block = try stream.next() {
          try check()
          peak = max(peak, block.peak)
          try append(block, scale: scale)
          samples += block.sampleCount
        }
      } catch {
        try rewind(to: start)
        throw error
      }
      if samples == 0 { throw AudioError.empty(path: path) }
      if peak <= scale * (Shard.fullScale - 0.5) { return (samples, scale) }
      try rewind(to: start)
      scale = peak / (Shard.fullScale - 1)
    }
  }

  private func append(_ block: AudioBuffer, scale: Float) throws {
    let gain = 1 / scale
    let channels = block.channels
    for index in 0..<block.sampleCount {
      for channel in channels {
        pending.append(Int16(max(-32768, min(32767, (channel[index] * gain).rounded()))))
      }
    }
    count += block.sampleCount * channels.count
    if pending.count >= Self.bufferLength { try flush() }
  }

  /// Forgets what came after a place that all was flushed at.
  private func rewind(
    to start: (count: Int, checksum: CRC32C, blocks: BlockChecksums)
  ) throws {
    pending.removeAll(keepingCapacity: true)
    (count, checksum, blockChecksums) = start
    let end = count * MemoryLayout<Int16>.size
    guard ftruncate(file, end) == 0, lseek(file, 0, SEEK_END) == end else { throw failure }
  }

  func flush() throws {
    try pending.withUnsafeBytes { bytes in
      checksum.add(bytes)
      blockChecksums.add(bytes)
      guard writeAll(bytes, to: file) else { throw failure }
    }
    pending.removeAll(keepingCapacity: true)
  }

  /// Brings all to the disk.
  ///
  /// - Returns: the CRC-32C of the file.
  func finish() throws -> UInt32 {
    try flush()
    guard fsync(file) == 0 else { throw failure }
    return checksum.value
  }
}

extension MelSpectrogram {
  /// The statistics of a clip, frames being those of the whole, in memory that does not grow with it.
  func addStatistics(
    of samples: UnsafeBufferPointer<Int16>, scale: Float, channels: Int,
    to statistics: inout RowStatistics, check: () throws -> Void
  ) throws {
    let length = 1 << 16
    let total = samples.count / channels
    var streams = (0..<channels).map { _ in MelStream(self) }
    for start in stride(from: 0, to: total, by: length) {
      try check()
      let range = start..<min(start + length, total)
      let planes = samples.planes(range, scale: scale, channels: channels)
      statistics.add(streams.indices.map { streams[$0].append(planes[$0]) })
    }
    statistics.add(streams.map { $0.finish() })
  }
}

extension UnsafeBufferPointer<Int16> {
  /// Samples in a range, per channel, as a spectrogram is made of: mono, or mid and side.
  func planes(_ range: Range<Int>, scale: Float, channels: Int) -> [[Float]] {
    if channels == 1 { return [range.map { Float(self[$0]) * scale }] }
    let half = scale / 2
    return [
      range.map { (Float(self[2 * $0]) + Float(self[2 * $0 + 1])) * half },
      range.map { (Float(self[2 * $0]) - Float(self[2 * $0 + 1])) * half },
    ]
  }
}
