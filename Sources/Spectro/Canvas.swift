/// A picture in memory, and the little drawing that axes need.
struct Canvas {
  let width: Int
  let height: Int
  /// Row-major `[height, width]`, the top row first.
  var pixels: [Color]

  init(width: Int, height: Int, background: Color) {
    (self.width, self.height) = (width, height)
    pixels = [Color](repeating: background, count: width * height)
  }

  /// Fills what of a rectangle lies on the canvas.
  mutating func fill(x: Int, y: Int, width: Int, height: Int, _ color: Color) {
    for row in max(0, y)..<max(0, y, min(self.height, y + height)) {
      for column in max(0, x)..<max(0, x, min(self.width, x + width)) {
        pixels[row * self.width + column] = color
      }
    }
  }

  /// Where a text stands beside its anchor.
  enum Anchor {
    case left, middle, right
  }

  /// Draws a line of text, its middle at height `y`.
  mutating func draw(
    _ text: String, x: Int, y: Int, anchor: Anchor, color: Color, scale: Int = 2
  ) {
    var left = x
    switch anchor {
    case .left: break
    case .middle: left -= Glyph.width(text, scale: scale) / 2
    case .right: left -= Glyph.width(text, scale: scale)
    }
    for character in text {
      for (row, bits) in Glyph.rows(of: character).enumerated() {
        for column in 0..<Glyph.columns where bits >> (Glyph.columns - 1 - column) & 1 == 1 {
          fill(
            x: left + column * scale, y: y + row * scale - Glyph.height * scale / 2,
            width: scale, height: scale, color)
        }
      }
      left += Glyph.advance * scale
    }
  }
}

/// The characters of an axis, drawn for this package on a grid of five by seven dots.
enum Glyph {
  static let columns = 5
  static let height = 7
  static let advance = 6

  static func width(_ text: String, scale: Int) -> Int { (text.count * advance - 1) * scale }

  /// Seven rows from the top, five bits each, the leftmost the highest. Blank where there is none.
  static func rows(of character: Character) -> [UInt8] { drawn[character] ?? [] }

  private static let drawn: [Character: [UInt8]] = [
    "0": [0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110],
    "1": [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
    "2": [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111],
    "3": [0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110],
    "4": [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
    "5": [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
    "6": [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
    "7": [0b11111, 0b00001, 0b00010, 0b00100, 0b00100, 0b01000, 0b01000],
    "8": [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
    "9": [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
    ".": [0b00000, 0b00000, 0b00000, 0b00000, 0b00000, 0b01100, 0b01100],
    ":": [0b00000, 0b01100, 0b01100, 0b00000, 0b01100, 0b01100, 0b00000],
    "-": [0b00000, 0b00000, 0b00000, 0b01110, 0b00000, 0b00000, 0b00000],
    "k": [0b10000, 0b10000, 0b10010, 0b10100, 0b11000, 0b10100, 0b10010],
    "s": [0b00000, 0b00000, 0b01111, 0b10000, 0b01110, 0b00001, 0b11110],
    "d": [0b00001, 0b00001, 0b01101, 0b10011, 0b10001, 0b10011, 0b01101],
    "z": [0b00000, 0b00000, 0b11111, 0b00010, 0b00100, 0b01000, 0b11111],
    "B": [0b11110, 0b10001, 0b10001, 0b11110, 0b10001, 0b10001, 0b11110],
    "H": [0b10001, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
  ]
}
