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
    filterBank = MelFilterBank(settings)
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

  /// `ln(max(mel, floor))` around any samples of a signal, `[centers.count, melBins]`, in one thread.
  ///
  /// - Parameters:
  ///   - centers: samples in the middle of each frame's window.
  ///   - samples: one channel; what lies beyond its ends is as `boundary` says.
  ///   - filterBank: in place of the spectrogram's own, as one that shifts the pitch.
  public func logMel(
    around centers: [Int], of samples: [Float], filterBank: MelFilterBank? = nil
  ) -> Spectrogram {
    let filterBank = filterBank ?? self.filterBank
    precondition(
      filterBank.melBins == settings.melBins && filterBank.fftBins == stft.bins && !samples.isEmpty)
    let melBins = settings.melBins
    let scratch = RealFFT.Scratch(size: stft.fftSize)
    let values = [Float](unsafeUninitializedCapacity: centers.count * melBins) { output, count in
      samples.withUnsafeBufferPointer { samples in
        let excerpt = STFT.Excerpt(whole: samples)
        for (frame, center) in centers.enumerated() {
          stft.analyze(excerpt, center: center, scratch)
          write(scratch, filterBank, to: output.baseAddress.unsafelyUnwrapped + frame * melBins)
        }
      }
      count = centers.count * melBins
    }
    return Spectrogram(values: values, frames: centers.count, bins: melBins)
  }

  /// Some frames, of a signal of which what they need is at hand.
  func logMel(of excerpt: STFT.Excerpt, frames: Range<Int>) -> Spectrogram {
    let melBins = settings.melBins
    let values = [Float](unsafeUninitializedCapacity: frames.count * melBins) { output, count in
      let output = output.baseAddress
      stft.forEachFrame(frames, of: excerpt) { frame, scratch in
        write(
          scratch, filterBank,
          to: output.unsafelyUnwrapped + (frame - frames.lowerBound) * melBins)
      }
      count = frames.count * melBins
    }
    return Spectrogram(values: values, frames: frames.count, bins: melBins)
  }

  /// The log-mel of a packed transform, `[melBins]`.
  private func write(
    _ scratch: RealFFT.Scratch, _ filterBank: MelFilterBank, to row: UnsafeMutablePointer<Float>
  ) {
    stft.magnitudes(scratch, power: settings.power, into: scratch.magnitudes)
    filterBank.product(scratch.magnitudes, into: row)
    sp_log(
      row, Float(pow(magnitudeScale, settings.power)), Float(settings.floor), settings.melBins)
  }
}
