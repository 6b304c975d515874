import Foundation

extension Spectrogram {
  /// Powers to decibels, `10 log10(max(power, floor) / reference)`, as `librosa.power_to_db`.
  ///
  /// - Parameters:
  ///   - reference: the power that is 0 dB.
  ///   - floor: the smallest power that is told from silence.
  ///   - range: decibels that are kept below the loudest value; nil keeps all.
  public func powerToDecibels(
    reference: Double = 1, floor: Double = 1e-10, range: Double? = 80
  ) -> Spectrogram {
    precondition(reference > 0 && floor > 0 && (range ?? 0) >= 0)
    let zero = Float(10 * log10(max(reference, floor)))
    let floor = Float(floor)
    var decibels = values.map { 10 * log10(max($0, floor)) - zero }
    if let range, let top = decibels.max() {
      decibels = decibels.map { max($0, top - Float(range)) }
    }
    return Spectrogram(values: decibels, frames: frames, bins: bins)
  }

  /// Magnitudes to decibels, `20 log10(max(magnitude, floor) / reference)`, as
  /// `librosa.amplitude_to_db`. The parameters are those of `powerToDecibels`, for magnitudes.
  public func amplitudeToDecibels(
    reference: Double = 1, floor: Double = 1e-5, range: Double? = 80
  ) -> Spectrogram {
    let powers = Spectrogram(values: values.map { $0 * $0 }, frames: frames, bins: bins)
    return powers.powerToDecibels(
      reference: reference * reference, floor: floor * floor, range: range)
  }
}
