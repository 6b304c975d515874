/// What of a sound lies where the mel filters of a spectrogram see nothing: above the highest, which
/// is lost, and below the lowest, 0 Hz and its neighbourhood, which inversion makes up.
public struct UnseenBands: Sendable, Equatable {
  /// Hz: below, and above, no filter sees.
  public var bottom, top: Double
  /// Hz: where the sound ends, see `Bandwidth.top`; 0 for silence.
  public var end: Double
  /// The part of the energy that lies below `bottom`, and above `top`, from 0 to 1.
  public var below, above: Double
  /// Whether the sound goes on beyond `top`.
  public var losesTop: Bool { end > top * 1.02 }
  /// Whether what is made up below `bottom` is more than a trace of the sound, 0.5 % of the energy.
  public var losesBottom: Bool { below > 5e-3 }

  /// - Parameters:
  ///   - channels: `[channels][samples]`.
  ///   - sampleRate: of the channels, Hz; it may differ from that of the settings.
  ///   - settings: of the spectrogram, whose power, floor and hop do not matter here.
  public init(of channels: [[Float]], sampleRate: Int, settings: SpectrogramSettings) {
    let lowest = MelFilterBank(settings).bands.filter { !$0.isEmpty }.map(\.lowerBound).min() ?? 0
    // Half way to the first bin that is seen.
    bottom =
      max(0, Double(lowest) - 0.5) * Double(settings.sampleRate) / Double(settings.fftSize)
    top = settings.topFrequency
    var meter = BandwidthMeter(sampleRate: sampleRate)
    // A second or more, which tells 0 Hz from the lowest notes.
    var slowMeter = BandwidthMeter(
      sampleRate: sampleRate, fftSize: 1 << (Int.bitWidth - sampleRate.leadingZeroBitCount))
    for samples in channels {
      for start in stride(from: 0, to: samples.count, by: 1 << 21) {
        let block = Array(samples[start..<min(start + 1 << 21, samples.count)])
        meter.add(block)
        slowMeter.add(block)
      }
    }
    let bandwidth = meter.finish()
    end = bandwidth.top
    above = bandwidth.energy(above: top)
    below = slowMeter.finish().energy(below: bottom)
  }
}
