import CEBUR128

extension AudioBuffer {
  /// The loudest 400 ms, in LUFS: the maximum momentary loudness of EBU Tech 3341. A shorter sound has
  /// silence around it, so that its energy counts over 400 ms all the same: a loudness by which a click
  /// and a long note can be compared. -infinity for silence.
  ///
  /// - Throws: as ``loudness()``.
  public func momentaryLoudness() throws -> Double {
    let sound = sampleRate < LoudnessMeter.lowestRate ? try resampled(to: 48000) : self
    guard Self.sampleRates.contains(sampleRate), (1...64).contains(channelCount),
      let state = ebur128_init(
        UInt32(channelCount), UInt(sound.sampleRate), Int32(EBUR128_MODE_M.rawValue))
    else { throw AudioError.loudness(channelCount: channelCount, sampleRate: sampleRate) }
    defer {
      var state: UnsafeMutablePointer<ebur128_state>? = state
      ebur128_destroy(&state)
    }
    for (c, channel) in LoudnessMeter.channelMap(channelCount).enumerated() {
      ebur128_set_channel(state, UInt32(c), Int32(channel.rawValue))
    }
    var loudest = -Double.infinity
    // Before anything is added, the last 400 ms are silent.
    let step = sound.sampleRate / 100
    for start in stride(from: 0, to: sound.sampleCount, by: step) {
      let end = min(start + step, sound.sampleCount)
      let interleaved = (start..<end).flatMap { index in sound.channels.map { $0[index] } }
      var now = 0.0
      guard ebur128_add_frames_float(state, interleaved, end - start) == EBUR128_SUCCESS.rawValue,
        ebur128_loudness_momentary(state, &now) == EBUR128_SUCCESS.rawValue
      else { throw AudioError.loudness(channelCount: channelCount, sampleRate: sampleRate) }
      loudest = max(loudest, now)
    }
    return loudest
  }
}
