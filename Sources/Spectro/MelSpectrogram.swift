import CSpectro
public import Foundation

/// Sound to log-mel spectrogram.
///
/// The reference is fixed: magnitudes are divided by half the sum of the window, so that a
/// full-scale sine peaks at 1 before the mel filters. Loudness is kept, whatever the clip.
public final class MelSpectrogram: Sendable {
  public let settings: SpectrogramSettings
  public let stft: STFT
  public let filterBank: MelFilterBank
  /// What a magnitude of the STFT is multiplied with to make a full-scale sine 1.
  public let magnitudeScale: Double

  /// - Parameters:
  ///   - boundary: what stands before the first sample and after the last; `.circular` for a loop.
  ///   - threads: threads used by one call; 1 where the caller works on many clips at once.
  /// - Throws: `SpectroError.invalidSettings`.
  public init(
    _ settings: SpectrogramSettings, boundary: STFT.Boundary = .reflection,
    threads: Int = ProcessInfo.processInfo.activeProcessorCount
  ) throws {
    try settings.validate()
    self.settings = settings
    stft = STFT(
      fftSize: settings.fftSize, hopLength: settings.hopLength, boundary: boundary, threads: threads
    )
    filterBank = MelFilterBank(
      sampleRate: settings.sampleRate, fftSize: settings.fftSize, melBins: settings.melBins,
      minFrequency: settings.minFrequency, maxFrequency: settings.maxFrequency,
      scale: settings.melScale)
    magnitudeScale = 2 / stft.window.reduce(0) { $0 + Double($1) }
  }

  /// `ln(max(mel, floor))`, `[frames, melBins]`, the frames being those of the STFT.
  ///
  /// - Parameter samples: one channel at `settings.sampleRate`, full scale 1.
  public func logMel(of samples: [Float]) -> Spectrogram {
    samples.withUnsafeBufferPointer {
      logMel(of: STFT.Excerpt(whole: $0), frames: 0..<stft.frames(sampleCount: samples.count))
    }
  }

  /// Some frames, of a signal of which what they need is at hand.
  func logMel(of excerpt: STFT.Excerpt, frames: Range<Int>) -> Spectrogram {
    let melBins = settings.melBins
    let (power, floor) = (settings.power, Float(settings.floor))
    let scale = Float(pow(magnitudeScale, power))
    let values = [Float](unsafeUninitializedCapacity: frames.count * melBins) { output, count in
      let output = output.baseAddress
      stft.forEachFrame(frames, of: excerpt) { frame, scratch in
        stft.magnitudes(scratch, power: power, into: scratch.magnitudes)
        let row = output.unsafelyUnwrapped + (frame - frames.lowerBound) * melBins
        filterBank.product(scratch.magnitudes, into: row)
        sp_log(row, scale, floor, melBins)
      }
      count = frames.count * melBins
    }
    return Spectrogram(values: values, frames: frames.count, bins: melBins)
  }
}
