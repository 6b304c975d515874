import Audio
import Testing

@Suite struct AudioBufferTests {
  @Test func levels() {
    let buffer = AudioBuffer(channels: [[0, 0.5, -1], [0, 0.5, 0.5]], sampleRate: 3)
    #expect(buffer.channelCount == 2)
    #expect(buffer.sampleCount == 3)
    #expect(buffer.duration == 1)
    #expect(buffer.peak == 1)
    #expect(abs(buffer.rms - (1.75 / 6).squareRoot()) < 1e-7)
    #expect(abs(tone(sampleCount: 4800).rms - 0.9 / Float(2).squareRoot()) < 1e-6)
  }

  @Test func levelsOfNothing() {
    let buffer = AudioBuffer(channels: [[]], sampleRate: 8000)
    #expect(buffer.duration == 0 && buffer.peak == 0 && buffer.rms == 0)
  }

  @Test func limitsSoundsAlike() {
    let (loud, soft) = (
      AudioBuffer(channels: [[2, -1]], sampleRate: 8000),
      AudioBuffer(channels: [[0.5, 0]], sampleRate: 8000)
    )
    let limited = AudioBuffer.limited([soft, loud], toPeak: 1)
    #expect(limited.map(\.channels) == [[[0.25, 0]], [[1, -0.5]]])
    #expect(AudioBuffer.limited([soft, soft], toPeak: 1) == [soft, soft])
    #expect(AudioBuffer.limited([], toPeak: 1).isEmpty)
  }

  @Test func tellsTheEnergyThatMixingLoses() {
    // The mean of 1 and 0 gives back a half on both: half of the energy.
    let left = AudioBuffer(channels: [[1, -1], [0, 0]], sampleRate: 8000)
    #expect(abs(left.energyLost(mixedToChannels: 1) - 0.5) < 1e-6)
    #expect(left.energyLost(mixedToChannels: 2) == 0)
    let against = AudioBuffer(channels: [[1, -1], [-1, 1]], sampleRate: 8000)
    #expect(against.energyLost(mixedToChannels: 1) == 1)
    let silence = AudioBuffer(channels: [[0], [0]], sampleRate: 8000)
    #expect(silence.energyLost(mixedToChannels: 1) == 0)
  }

  @Test func part() {
    let buffer = AudioBuffer(channels: [[1, 2, 3, 4], [5, 6, 7, 8]], sampleRate: 8000)
    #expect(buffer[1..<3] == AudioBuffer(channels: [[2, 3], [6, 7]], sampleRate: 8000))
  }

  @Test func monoIsTheMean() {
    let buffer = AudioBuffer(channels: [[1, 0], [0, 1], [0.5, 0.5]], sampleRate: 8000)
    #expect(difference(buffer.mono().channels[0], [0.5, 0.5]) < 1e-6)
  }

  @Test(arguments: 1...10, 1...10)
  func mixing(from inputs: Int, to outputs: Int) {
    // What is the same on all channels stays the same on all, whatever the layout.
    let samples: [Float] = [0.5, -1, 0.25]
    let buffer = AudioBuffer(channels: .init(repeating: samples, count: inputs), sampleRate: 8000)
    let mixed = buffer.mixed(toChannels: outputs)
    #expect(mixed.channelCount == outputs)
    for channel in mixed.channels { #expect(difference(channel, samples) < 1e-6) }
  }

  @Test func surroundToStereo() {
    // 5.1: left, right, centre, low frequencies, surround left, surround right.
    let gains = (0..<6).map { speaker in
      let channels = (0..<6).map { [Float($0 == speaker ? 1 : 0)] }
      let stereo = AudioBuffer(channels: channels, sampleRate: 8000).mixed(toChannels: 2)
      return stereo.channels.map { $0[0] }
    }
    let minus3 = Float(0.5).squareRoot()
    let scale = 1 + 2 * minus3
    let expected: [[Float]] = [
      [1, 0], [0, 1], [minus3, minus3], [0, 0], [minus3, 0], [0, minus3],
    ]
    for (gain, expected) in zip(gains, expected) {
      #expect(difference(gain, expected.map { $0 / scale }) < 1e-6)
    }
  }
}
