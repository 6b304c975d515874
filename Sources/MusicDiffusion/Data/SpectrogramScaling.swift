import Spectro

/// Log-mel spectrograms to the values that a network sees, and back.
struct SpectrogramScaling {
  private let representation: Representation
  private let scale, shift: [Float]

  init(_ representation: Representation, _ normalization: Normalization) {
    self.representation = representation
    (scale, shift) = (normalization.scale, normalization.shift)
  }

  /// Normalised `[channels][bins, frames]` back to log-mel, `[frames, bins]` for each channel.
  func logMel(ofNormalized piece: [[Float]], frames: Int) -> [Spectrogram] {
    let bins = representation.spectrogram.melBins
    let (transform, silence) = (representation.values, representation.silence)
    return piece.enumerated().map { channel, values in
      let columns = values.count / bins
      var plane = Spectrogram(
        values: [Float](repeating: 0, count: frames * bins), frames: frames, bins: bins)
      for bin in 0..<bins {
        let row = channel * bins + bin
        for frame in 0..<frames {
          let value = (values[bin * columns + frame] - shift[row]) / scale[row]
          let logMel = transform.logMel(ofValue: value, silence)
          plane.values[frame * bins + bin] = max(min(logMel, Representation.ceiling), silence)
        }
      }
      return plane
    }
  }

  /// Log-mel, `[frames, bins]` for each channel, to normalised values, `[channels, bins, columns]`. Further
  /// columns go on by reflection or, for a model whose short clips were filled up with silence, with that.
  func normalized(_ planes: [Spectrogram], frames columns: Int) -> [Float] {
    let (transform, silence) = (representation.values, representation.silence)
    let frames = planes[0].frames
    let period = max(1, 2 * (frames - 1))
    let sources: [Int?] = (0..<columns).map { column in
      if column < frames { return column }
      if representation.padsShortClips { return nil }
      return min(column % period, period - column % period)
    }
    var values: [Float] = []
    values.reserveCapacity(planes.count * columns * representation.spectrogram.melBins)
    for (channel, plane) in planes.enumerated() {
      for bin in 0..<plane.bins {
        let row = channel * plane.bins + bin
        for source in sources {
          let logMel = source.map { plane[$0, bin] } ?? silence
          values.append(transform.value(ofLogMel: logMel, silence) * scale[row] + shift[row])
        }
      }
    }
    return values
  }
}
