import Corpus
import Foundation
import Spectro
import Synchronization
package import Torch

/// Makes the spectrograms of windows from the samples of a prepared set.
///
/// Pitch and tempo are changed without resampling: filters that see every frequency as another one,
/// and frames that stand nearer or farther apart.
package final class WindowSpectrograms: Sendable {
  private let set: PreparedSet
  private let representation: Representation
  private let mel: MelSpectrogram
  private let scale, shift: [Float]
  /// The mean of each row's normalised values.
  let mean: [Float]
  /// Those that were needed so far, by cents.
  private let filterBanks = Mutex<[Int: MelFilterBank]>([:])

  /// - Parameter mean: of each row's normalised values; what is masked becomes that.
  init(
    _ set: PreparedSet, representation: Representation, normalization: Normalization,
    mean: [Float]
  ) throws {
    self.mean = mean
    self.set = set
    self.representation = representation
    let settings = representation.spectrogram
    mel = try MelSpectrogram(settings, threads: 1)
    (scale, shift) = (normalization.scale, normalization.shift)
  }

  /// What sees every frequency as another one, so many cents away; nil for 0.
  private func filterBank(pitch: Int) -> MelFilterBank? {
    guard pitch != 0 else { return nil }
    return filterBanks.withLock { banks in
      if let bank = banks[pitch] { return bank }
      let bank = MelFilterBank(representation.spectrogram, pitch: pow(2, Double(pitch) / 1200))
      banks[pitch] = bank
      return bank
    }
  }

  /// Samples from the middle of the first frame to that of the last.
  private func span(time: Double) -> Int { center(representation.windowFrames - 1, time: time) }

  private func center(_ frame: Int, time: Double) -> Int {
    Int((Double(frame * representation.spectrogram.hopLength) * (1 + time)).rounded())
  }

  /// Where a window starts in a clip of so many samples: at any of them where it fits. One that is too
  /// short for the change of tempo is left at its own.
  package func start(
    in samples: Int, _ variation: inout Variation, _ random: inout RandomGenerator
  ) -> Int {
    if samples < span(time: variation.time), !representation.padsShortClips { variation.time = 0 }
    let places = samples - span(time: variation.time) + 1
    return places > 1 ? random.integer(in: 0..<places) : 0
  }

  /// Writes normalised values, `[channels, mel bins, frames]`.
  package func write(
    clip: Int, start: Int, _ variation: Variation, partner: (clip: Int, start: Int)?,
    _ random: inout RandomGenerator, to destination: UnsafeMutablePointer<Float>
  ) throws {
    let (frames, half) = (representation.windowFrames, representation.spectrogram.fftSize / 2)
    let length = span(time: variation.time) + 2 * half
    var planes = [[Float]](
      repeating: [Float](repeating: 0, count: length), count: representation.channels)
    let gain = Float(pow(10, variation.gain / 20))
    try add(clip, from: start - half, gain, to: &planes)
    if let partner {
      try add(partner.clip, from: partner.start - half, gain * Float(variation.mix), to: &planes)
    }
    let centers = (0..<frames).map { half + center($0, time: variation.time) }
    let filterBank = filterBank(pitch: variation.pitch)
    let (transform, silence) = (representation.values, representation.silence)
    for (number, plane) in planes.enumerated() {
      let spectrogram = mel.logMel(around: centers, of: plane, filterBank: filterBank)
      let bins = spectrogram.bins
      spectrogram.values.withUnsafeBufferPointer { values in
        for bin in 0..<bins {
          let row = number * bins + bin
          let line = destination + row * frames
          let (a, b) = (scale[row], shift[row])
          if transform == .statistics {
            for frame in 0..<frames { line[frame] = values[frame * bins + bin] * a + b }
          } else {
            for frame in 0..<frames {
              line[frame] = transform.value(ofLogMel: values[frame * bins + bin], silence) * a + b
            }
          }
        }
      }
    }
    mask(variation, &random, destination)
  }

  /// Adds a part of a clip, as mono or as mid and side. Before its start and, unless short clips are
  /// filled up with silence, after its end it goes on by reflection, as the STFT has it.
  private func add(
    _ clip: Int, from first: Int, _ gain: Float, to planes: inout [[Float]]
  ) throws {
    let channels = representation.channels
    let length = planes[0].count
    // What lies beyond an end comes from as far on this side of it.
    let reached = first - length - 2..<first + 2 * length + 2
    try set.withSamples(of: clip, part: reached) { samples, scale in
      let total = samples.count / channels
      guard total > 0, let source = samples.baseAddress else { return }
      let period = max(1, 2 * (total - 1))
      let inside = (first..<first + length).clamped(to: 0..<total)
      let gain = channels == 2 ? gain * scale / 2 : gain * scale
      func add(_ index: Int, to position: Int) {
        if channels == 1 {
          planes[0][position] += Float(source[index]) * gain
        } else {
          let (left, right) = (Float(source[2 * index]), Float(source[2 * index + 1]))
          planes[0][position] += (left + right) * gain
          planes[1][position] += (left - right) * gain
        }
      }
      for index in inside { add(index, to: index - first) }
      for position in 0..<length where !inside.contains(first + position) {
        let index = first + position
        if index >= total, representation.padsShortClips { continue }
        let folded = ((index % period) + period) % period
        add(min(folded, period - folded), to: position)
      }
    }
  }

  private func mask(
    _ variation: Variation, _ random: inout RandomGenerator,
    _ values: UnsafeMutablePointer<Float>
  ) {
    let frames = representation.windowFrames
    let (rows, bins) = (scale.count, representation.spectrogram.melBins)
    func part(_ fraction: Double, of count: Int) -> Range<Int> {
      let length = Int((fraction * Double(count)).rounded())
      guard length > 0 else { return 0..<0 }
      let start = random.integer(in: 0..<count - length + 1)
      return start..<start + length
    }
    let stretch = part(variation.maskedFrames, of: frames)
    for row in 0..<rows { for frame in stretch { values[row * frames + frame] = mean[row] } }
    let band = part(variation.maskedBins, of: bins)
    for row in 0..<rows where band.contains(row % bins) {
      for frame in 0..<frames { values[row * frames + frame] = mean[row] }
    }
  }
}
