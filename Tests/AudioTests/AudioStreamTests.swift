import Audio
import Foundation
import Testing

@Suite struct AudioStreamTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  @Test(
    arguments: [nil, .mono, .stereo, .midSide, .channels(3)] as [ChannelLayout?],
    [nil, 22050, 48000] as [Int?])
  func blocksEqualWhole(_ layout: ChannelLayout?, rate: Int?) throws {
    let path = folder("a.wav")
    let sound = noise(seed: 12, channelCount: 2, sampleCount: 50_001, sampleRate: 44100)
    try sound.write(to: path, encoding: .wavFloat)
    let whole = try sound.arranged(as: layout ?? .stereo).resampled(to: rate ?? 44100)
    for blockLength in [1, 1000, 16384, 100_000] {
      let stream = try AudioStream(
        path, layout: layout, sampleRate: rate, blockLength: blockLength)
      #expect(stream.sampleCount == whole.sampleCount)
      var channels = whole.channels.map { _ in [Float]() }
      var lengths: [Int] = []
      while let block = try stream.next() {
        #expect(block.sampleRate == stream.sampleRate)
        lengths.append(block.sampleCount)
        for c in channels.indices { channels[c] += block.channels[c] }
      }
      #expect(AudioBuffer(channels: channels, sampleRate: whole.sampleRate) == whole)
      #expect(lengths.dropLast().allSatisfy { $0 == blockLength })
      #expect(try stream.next() == nil)
    }
  }

  @Test func midAndSide() {
    let sound = AudioBuffer(channels: [[1, 0.5], [0, 0.5]], sampleRate: 8000)
    #expect(sound.arranged(as: .midSide).channels == [[0.5, 0.5], [0.5, 0]])
    let mono = AudioBuffer(channels: [[1]], sampleRate: 8000)
    #expect(mono.arranged(as: .midSide).channels == [[1], [0]])
  }

  /// What is left of a file that is cut comes first, then the error, again and again.
  @Test func cutFile() throws {
    let path = folder("a.wav")
    let sound = tone(sampleCount: 1000)
    try sound.write(to: path, encoding: .wavFloat)
    _ = try folder.write(bytes(of: path).dropLast(2000), to: "a.wav")
    let stream = try AudioStream(path, blockLength: 300)
    #expect(try stream.next() == sound[0..<300])
    #expect(try stream.next() == sound[300..<500])
    for _ in 0..<2 {
      #expect(throws: AudioError.truncated(path: path, found: 500, promised: 1000)) {
        try stream.next()
      }
    }
  }

  /// Three hours at 8 kHz, 170 MB of sound in a file of zeros that takes no room on the disk, go
  /// through in a few megabytes. In a process of its own, whose memory is nobody else's.
  @Test func threeHours() async throws {
    await #expect(processExitsWith: .success) {
      let folder = try TemporaryFolder()
      let path = folder("long.wav")
      try AudioBuffer(channels: [[0]], sampleRate: 8000).write(to: path)
      let sampleCount = 3 * 3600 * 8000
      let byteCount = UInt32(2 * sampleCount)
      var header = try Array(bytes(of: path)[..<44])
      for (position, size) in [(4, byteCount + 36), (40, byteCount)] {
        withUnsafeBytes(of: size.littleEndian) {
          header.replaceSubrange(position..<position + 4, with: $0)
        }
      }
      _ = try folder.write(header, to: "long.wav")
      try #require(truncate(path, 44 + Int(byteCount)) == 0)
      let before = try peakMemory()
      let stream = try AudioStream(path, layout: .stereo)
      var total = 0
      while let block = try stream.next() { total += block.sampleCount }
      #expect(total == sampleCount)
      #expect(try peakMemory() - before < 16_000_000)
    }
  }
}

/// The largest resident memory of this process so far, in bytes.
private func peakMemory() throws -> Int {
  let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
  let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
  return try #require(Int(line.split(separator: " ", omittingEmptySubsequences: true)[1])) * 1000
}
