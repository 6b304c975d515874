import Audio
import Foundation
import Testing

/// What scripts/demo has made, in the folder that COMPOSE_DEMO names; .ci/run sets it.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["COMPOSE_DEMO"] != nil))
struct DemoTests {
  private let folder = ProcessInfo.processInfo.environment["COMPOSE_DEMO"] ?? ""

  /// Ten seconds to within a hop, no clipping, no silent second. That the file is whole and every
  /// sample a finite number, reading it shows.
  @Test func soundIsTenSecondsOfMusic() throws {
    let sound = try AudioBuffer(contentsOf: folder + "/demo.wav")
    let hop = 512 / Double(sound.sampleRate)
    #expect(abs(sound.duration - 10) <= hop)
    #expect(sound.peak < 1)
    #expect(longestClip(sound) < 3)
    // None of the ten is quieter than -60 dB of full scale.
    for second in 0..<10 {
      let start = second * sound.sampleRate
      let end = min(start + sound.sampleRate, sound.sampleCount)
      #expect(sound[start..<end].rms > 0.001, "second \(second + 1)")
    }
  }

  @Test func pictureIsAPNG() throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/demo.png"))
    #expect(bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))
    #expect(bytes.count > 10_000)
  }

  /// The longest run of samples at full scale, as clipping leaves them.
  private func longestClip(_ sound: AudioBuffer) -> Int {
    var (longest, run) = (0, 0)
    for sample in sound.channels.joined() {
      run = abs(sample) >= 0.999 ? run + 1 : 0
      longest = max(longest, run)
    }
    return longest
  }
}
