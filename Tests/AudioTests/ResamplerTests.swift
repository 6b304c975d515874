import Audio
import Foundation
import Testing

@Suite struct ResamplerTests {
  private struct Golden: Decodable {
    let inputRate, outputRate: Int
    let input, output: [Float]
  }

  /// Reference: scripts/goldens/audio.py. Differs by at most 2e-7, of values up to 1.
  @Test(arguments: ["44100-22050", "48000-22050", "16000-22050", "8000-48000"])
  func matchesLibrosa(_ rates: String) throws {
    let json = try Data(contentsOf: URL(fileURLWithPath: golden("resample-\(rates).json")))
    let golden = try JSONDecoder().decode(Golden.self, from: json)
    let input = AudioBuffer(channels: [golden.input], sampleRate: golden.inputRate)
    let output = try input.resampled(to: golden.outputRate)
    #expect(output.sampleCount == golden.output.count)
    #expect(difference(output.channels[0], golden.output) < 1e-6)
  }

  @Test(arguments: [8000, 11025, 16000, 22050, 44100, 48000, 96000, 192_000], [22050, 48000])
  func sineStaysSine(from inputRate: Int, to outputRate: Int) throws {
    let output = try tone(1000, sampleCount: inputRate, sampleRate: inputRate)
      .resampled(to: outputRate)
    let expected = tone(1000, sampleCount: outputRate, sampleRate: outputRate)
    // Away from the ends, where the sine begins and stops and so is none.
    let inner = outputRate / 10..<outputRate * 9 / 10
    let error = zip(output.channels[0][inner], expected.channels[0][inner]).map { $0 - $1 }
    let ratio =
      expected[inner].rms / AudioBuffer(channels: [error], sampleRate: outputRate).rms
    #expect(20 * log10(ratio) > 100)
  }

  /// Nothing above the new Nyquist frequency comes back as something else.
  @Test func noAliases() throws {
    let output = try tone(15000, sampleCount: 44100, sampleRate: 44100).resampled(to: 22050)
    #expect(20 * log10(output[2205..<19845].rms) < -100)
  }

  @Test(arguments: [1, 2, 3, 100, 999, 44100, 44101])
  func lengthIsExact(_ count: Int) throws {
    for (from, to) in [
      (44100, 22050), (22050, 44100), (48000, 22050), (8000, 192_000), (7000, 3000),
    ] {
      let sound = noise(seed: 1, sampleCount: count, sampleRate: from)
      let expected = Int((Double(count) * Double(to) / Double(from)).rounded())
      #expect(try sound.resampled(to: to).sampleCount == expected)
    }
  }

  @Test(arguments: [1, 441, 1000, 65536])
  func blocksEqualWhole(blockLength: Int) throws {
    let sound = noise(seed: 2, channelCount: 2, sampleCount: 100_000, sampleRate: 48000)
    let resampler = try Resampler(from: 48000, to: 22050, channelCount: 2)
    var output: [[Float]] = [[], []]
    for start in stride(from: 0, to: sound.sampleCount, by: blockLength) {
      let block = sound[start..<min(start + blockLength, sound.sampleCount)]
      for (c, samples) in try resampler.process(block.channels).enumerated() {
        output[c] += samples
      }
    }
    for (c, samples) in try resampler.finish().enumerated() { output[c] += samples }
    let whole = try sound.resampled(to: 22050)
    #expect(AudioBuffer(channels: output, sampleRate: 22050) == whole)
  }

  @Test func channelsKeepApart() throws {
    let both = try tone(channelCount: 2).resampled(to: 44100)
    #expect(both.channels[0] == (try tone(440).resampled(to: 44100)).channels[0])
    #expect(both.channels[1] == (try tone(880).resampled(to: 44100)).channels[0])
  }

  @Test func sameRateIsTheSame() throws {
    let sound = noise(seed: 3, sampleCount: 100, sampleRate: 8000)
    #expect(try sound.resampled(to: 8000) == sound)
  }

  @Test(arguments: [0, -1, 999, 768_001, .max])
  func refuses(rate: Int) {
    #expect(
      throws: AudioError.resampling(
        from: 48000, to: rate, reason: "sample rates are from 1000 to 768000 Hz")
    ) { try tone().resampled(to: rate) }
    if rate > 0 {
      let sound = AudioBuffer(channels: [[0]], sampleRate: rate)
      #expect(throws: AudioError.self) { try sound.resampled(to: 48000) }
    }
  }

  /// The largest ratio, in blocks that do not fit what comes out of them.
  @Test func farthestRates() throws {
    let (lowest, highest) = (1000, 768_000)
    let up = try tone(100, sampleCount: 1000, sampleRate: lowest).resampled(to: highest)
    #expect(up.sampleCount == highest)
    let inner = highest / 4..<highest * 3 / 4
    #expect(
      difference(up[inner], tone(100, sampleCount: highest, sampleRate: highest)[inner]) < 1e-4)
    let down = try up.resampled(to: lowest)
    #expect(down.sampleCount == 1000)
    #expect(
      difference(down[250..<750], tone(100, sampleCount: 1000, sampleRate: lowest)[250..<750])
        < 1e-4)
  }
}
