import Glibc

extension AudioBuffer {
  /// New sound in place of a part, joined to what stands around it without a step.
  ///
  /// At each border that has sound behind it, the sound as it would have gone on there, by
  /// ``LinearPrediction``, fades into the new one within the part; outside of it not a bit changes. Tones
  /// can be foretold and fade slowly; noise cannot, and would leave a hole if it did.
  ///
  /// - Parameters:
  ///   - part: samples, which may reach or begin at the end of the sound.
  ///   - sound: `part.count` samples of as many channels, at the same rate.
  ///   - fade: length of a cross-fade of tones, seconds; that of noise has a ninth of it. At most half the
  ///     part, or all of it where it has one border.
  public func replacing(
    _ part: Range<Int>, with sound: AudioBuffer, fade: Double = 0.045
  ) -> AudioBuffer {
    precondition(sound.sampleCount == part.count && sound.channelCount == channelCount)
    precondition(sound.sampleRate == sampleRate && (0...sampleCount).contains(part.lowerBound))
    let rest = sampleCount > part.upperBound ? part.upperBound..<sampleCount : 0..<0
    let borders = (part.lowerBound > 0 ? 1 : 0) + (rest.isEmpty ? 0 : 1)
    let longest = min(Int(fade * Double(sampleRate)), part.count / max(1, borders))
    let joined = zip(channels, sound.channels).map { old, new in
      var new = new
      if part.lowerBound > 0 {
        let before = Array(old[..<part.lowerBound].suffix(sampleRate / 5))
        let going = goingOn(before, for: longest)
        for (step, value) in going.enumerated() {
          new[step] += fadeOut(step, of: going.count) * (value - new[step])
        }
      }
      if !rest.isEmpty {
        let after = Array(old[rest].prefix(sampleRate / 5).reversed())
        let coming = goingOn(after, for: longest)
        for (step, value) in coming.enumerated() {
          let place = part.count - 1 - step
          new[place] += fadeOut(step, of: coming.count) * (value - new[place])
        }
      }
      return Array(old[..<part.lowerBound] + new + old[rest])
    }
    return AudioBuffer(channels: joined, sampleRate: sampleRate)
  }

  /// How samples would go on, for as long as that can be told.
  private func goingOn(_ samples: [Float], for longest: Int) -> [Float] {
    // Weights over 20 ms: enough for the partials of a chord.
    let prediction = LinearPrediction(samples, order: sampleRate / 50)
      .continuation(of: samples, count: longest)
    func power(_ values: ArraySlice<Float>) -> Float {
      values.isEmpty ? 0 : values.reduce(0) { $0 + $1 * $1 } / Float(values.count)
    }
    let (before, behind) = (
      power(samples.suffix(longest / 2)), power(prediction[(longest / 2)...])
    )
    // What has half its amplitude left at the end is certain; tones beat.
    let certainty = before > 0 ? min(1, 4 * behind / before) : 1
    return Array(prediction.prefix(Int(Float(longest) * (1 + 8 * certainty) / 9)))
  }

  private func fadeOut(_ step: Int, of count: Int) -> Float {
    Float(0.5 + 0.5 * cos(.pi * (Double(step) + 0.5) / Double(count)))
  }

  /// The same sound, turned down around its peaks alone, so that none is louder than `peak`: smoothly,
  /// from `reach` seconds before to as much behind each.
  public func limitedAround(peak: Float, reach: Double = 0.02) -> AudioBuffer {
    guard self.peak > peak else { return self }
    let needed = (0..<sampleCount).map { index in
      channels.reduce(Float(1)) { min($0, peak / max(abs($1[index]), peak)) }
    }
    let gains = smoothGains(needed, width: Int(reach * Double(sampleRate)))
    return AudioBuffer(
      channels: channels.map { samples in
        zip(samples, gains).map { min(max($0 * $1, -peak), peak) }
      }, sampleRate: sampleRate)
  }

  /// The sum with another one, which is turned down, as in ``limitedAround(peak:reach:)``, where the sum
  /// would be louder than `peak` and than this sound alone.
  func adding(_ other: AudioBuffer, peak: Float, reach: Double = 0.02) -> AudioBuffer {
    let needed = (0..<sampleCount).map { index in
      zip(channels, other.channels).reduce(Float(1)) { gain, pair in
        let (own, added) = (pair.0[index], pair.1[index])
        guard abs(own + added) > max(peak, abs(own)) else { return gain }
        return min(gain, max(0, (peak - abs(own)) / abs(added)))
      }
    }
    let gains = smoothGains(needed, width: Int(reach * Double(sampleRate)))
    let sums = zip(channels, other.channels).map { own, added in
      own.indices.map { own[$0] + gains[$0] * added[$0] }
    }
    return AudioBuffer(channels: sums, sampleRate: sampleRate)
  }
}

/// Gains at no place above what is needed there, 0 to 1, that change slowly: the least within `width`
/// samples on both sides, and the mean of that over as many.
private func smoothGains(_ needed: [Float], width: Int) -> [Float] {
  var least = [Float](repeating: 1, count: needed.count)
  func around(_ index: Int) -> Range<Int> {
    max(0, index - width)..<min(needed.count, index + width + 1)
  }
  for (index, gain) in needed.enumerated() where gain < 1 {
    for place in around(index) { least[place] = min(least[place], gain) }
  }
  var sums = [0.0]
  sums.reserveCapacity(needed.count + 1)
  for gain in least { sums.append(sums[sums.count - 1] + Double(gain)) }
  return needed.indices.map { index in
    let part = around(index)
    return Float((sums[part.upperBound] - sums[part.lowerBound]) / Double(part.count))
  }
}
