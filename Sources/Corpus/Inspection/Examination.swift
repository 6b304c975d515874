import Audio
import Checksums
import Foundation
import Spectro

/// Decodes one file and measures it, in memory that does not grow with its length.
struct Examination {
  private(set) var report: FileReport
  /// Equal for the same samples, in whatever lossless format.
  private(set) var content: String
  private(set) var fingerprint: SpectralFingerprint
  /// Nil where it is too long for one.
  private(set) var sound: ShortSound?

  /// What is below is silence: -70 dB, over pieces of 50 ms.
  private static let silence = pow(10, -70.0 / 10)
  /// 32766 of 32768, since encoders write full scale as either.
  private static let fullScale: Float = 32766.0 / 32768

  /// - Parameter check: called with each block; what it throws ends the work.
  /// - Throws: `AudioError` for a file that cannot be read to its end.
  init(_ path: String, file: AudioFolder.File, check: () throws -> Void) throws {
    let reader = try AudioReader(path)
    let (rate, channels) = (reader.sampleRate, reader.channelCount)
    let meter =
      channels <= 64 ? try LoudnessMeter(sampleRate: rate, channelCount: channels) : nil
    var bandwidth = BandwidthMeter(sampleRate: rate)
    var fingerprint = try SpectralFingerprint.Maker(sampleRate: rate)
    var sound = try ShortSound.Maker(sampleRate: rate)
    var checksums = [CRC32C](repeating: CRC32C(), count: channels)
    var sums = [Double](repeating: 0, count: channels)
    var runs = [Int](repeating: 0, count: channels)
    var (samples, clippings, silentSamples) = (0, 0, 0)
    var (peak, isDualMono): (Float, Bool) = (0, channels == 2)
    let pieceLength = max(1, rate / 20)
    // Whole pieces, and enough windows for the bandwidth.
    let blockLength = pieceLength * max(1, (1 << 16) / pieceLength)
    while let block = try reader.read(upTo: blockLength) {
      try check()
      try meter?.add(block)
      let mono = block.mono().channels[0]
      bandwidth.add(mono)
      try fingerprint.add(mono)
      try sound.add(mono)
      peak = max(peak, block.peak)
      isDualMono = isDualMono && block.channels[0] == block.channels[1]
      for (channel, plane) in block.channels.enumerated() {
        plane.withUnsafeBytes { checksums[channel].add($0) }
        var (sum, run) = (0.0, runs[channel])
        for value in plane {
          sum += Double(value)
          if abs(value) >= Self.fullScale {
            run += 1
            if run == 3 { clippings += 1 }
          } else {
            run = 0
          }
        }
        sums[channel] += sum
        runs[channel] = run
      }
      for first in stride(from: 0, to: block.sampleCount, by: pieceLength) {
        let piece = first..<min(first + pieceLength, block.sampleCount)
        let loudest = block.channels.map { plane in
          plane[piece].reduce(0.0) { $0 + Double($1) * Double($1) } / Double(piece.count)
        }.max()!
        if loudest < Self.silence { silentSamples += piece.count }
      }
      samples += block.sampleCount
    }
    if samples == 0 { throw AudioError.empty(path: path) }
    let spread = bandwidth.finish()
    report = FileReport(
      path: file.path, label: file.label, format: reader.formatDescription, sampleRate: rate,
      channels: channels, seconds: Double(samples) / Double(rate),
      loudness: try meter?.finish().integrated.value,
      peak: peak > 0 ? 20 * log10(Double(peak)) : nil,
      silence: Double(silentSamples) / Double(rate), clippings: clippings,
      offset: sums.map { abs($0) / Double(samples) }.max()!, isDualMono: isDualMono,
      bandwidth: spread.top, wall: spread.wall)
    content = "\(rate) \(samples) " + checksums.map { String($0.value) }.joined(separator: " ")
    self.fingerprint = try fingerprint.finish()
    self.sound = try sound.finish()
  }
}
