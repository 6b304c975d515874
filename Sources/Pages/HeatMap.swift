import Foundation
package import Spectro

extension Canvas {
  /// Draws a matrix over time and frequency, the lowest frequency at the bottom.
  ///
  /// - Parameters:
  ///   - x, y: the upper left corner.
  ///   - cell: pixels a frame is wide and a bin is high.
  ///   - range: values of the darkest and the brightest colour.
  package mutating func draw(
    _ map: Spectrogram, x: Int, y: Int, cell: (width: Int, height: Int),
    range: ClosedRange<Float>, colorMap: ColorMap = .magma
  ) {
    let colors = colorMap.colors
    let scale = Float(colors.count - 1) / max(range.upperBound - range.lowerBound, 1e-9)
    for bin in 0..<map.bins {
      let top = y + (map.bins - 1 - bin) * cell.height
      for frame in 0..<map.frames {
        let level = (map[frame, bin] - range.lowerBound) * scale
        let shade = level > 0 ? Int(min(level, Float(colors.count - 1))) : 0
        fill(
          x: x + frame * cell.width, y: top, width: cell.width, height: cell.height, colors[shade])
      }
    }
  }

  package init(
    of map: Spectrogram, range: ClosedRange<Float>, cell: (width: Int, height: Int) = (1, 1)
  ) {
    self.init(
      width: map.frames * cell.width, height: map.bins * cell.height,
      background: Color(red: 0, green: 0, blue: 0))
    draw(map, x: 0, y: 0, cell: cell, range: range)
  }
}

extension Spectrogram {
  /// From its loudest value 80 dB down.
  package func pictureRange(_ settings: SpectrogramSettings) -> ClosedRange<Float> {
    let high = values.max() ?? 0
    return high - Float(80 / settings.decibelsPerNeper)...high
  }
}
