import Foundation

/// A picture in memory, and the little drawing that axes need.
package struct Canvas {
  package let width: Int
  package let height: Int
  /// Row-major `[height, width]`, the top row first.
  package var pixels: [Color]

  package init(width: Int, height: Int, background: Color) {
    (self.width, self.height) = (width, height)
    pixels = [Color](repeating: background, count: width * height)
  }

  /// Fills what of a rectangle lies on the canvas.
  package mutating func fill(x: Int, y: Int, width: Int, height: Int, _ color: Color) {
    let columns = max(0, x)..<max(0, x, min(self.width, x + width))
    for row in max(0, y)..<max(0, y, min(self.height, y + height)) {
      for column in columns { pixels[row * self.width + column] = color }
    }
  }

  /// Where a text stands beside its anchor.
  package enum Anchor {
    case left, middle, right
  }

  /// Pixels that a text takes.
  package static func width(of text: String) -> Int { Glyphs.width(text) }

  /// Draws a line of text, the middle of its capitals at height `y`.
  package mutating func draw(_ text: String, x: Int, y: Int, anchor: Anchor, color: Color) {
    var left = x
    switch anchor {
    case .left: break
    case .middle: left -= Glyphs.width(text) / 2
    case .right: left -= Glyphs.width(text)
    }
    for character in text {
      let cell = Glyphs.cell(of: character)
      for row in 0..<Glyphs.height {
        let line = y - GlyphAtlas.capitalMiddle + row
        guard (0..<height).contains(line) else { continue }
        for column in cell.columns {
          // A cell begins a column before its character.
          let x = left - 1 + column - cell.columns.lowerBound
          guard (0..<width).contains(x) else { continue }
          pixels[line * width + x].mix(with: color, Glyphs.ink[row * Glyphs.width + column])
        }
      }
      left += cell.advance
    }
  }
}

/// The characters that pictures can show.
enum Glyphs {
  /// `[height, width]`, from 0 for none to 255: all characters side by side.
  static let (ink, width, height) = {
    guard
      let data = Data(base64Encoded: GlyphAtlas.png),
      let (pixels, width, height) = try? PNGFile.decode(data), case .color(let colors) = pixels
    else { preconditionFailure("GlyphAtlas.swift is damaged: make it again with scripts/glyphs") }
    return (colors.map(\.red), width, height)
  }()

  struct Cell {
    /// Of the atlas.
    var columns: Range<Int>
    /// Pixels to the next character.
    var advance: Int
  }

  private static let cells: [Character: Cell] = {
    var cells: [Character: Cell] = [:]
    var left = 0
    for (character, advance) in zip(GlyphAtlas.characters, GlyphAtlas.advances) {
      let cell = Cell(columns: left..<left + Int(advance) + 2, advance: Int(advance))
      cells[character] = cell
      left = cell.columns.upperBound
    }
    return cells
  }()

  /// An empty box where there is no such character.
  static func cell(of character: Character) -> Cell {
    cells[character] ?? cells["□"] ?? Cell(columns: 0..<0, advance: 0)
  }

  /// Pixels.
  static func width(_ text: String) -> Int { text.reduce(0) { $0 + cell(of: $1).advance } }

  /// The text, without some of its middle where it would be wider.
  static func shortened(_ text: String, to limit: Int) -> String {
    if width(text) <= limit { return text }
    // Names tell most by how they begin and end.
    for kept in stride(from: text.count - 1, through: 2, by: -1) {
      let short = "\(text.prefix((kept + 1) / 2))…\(text.suffix(kept / 2))"
      if width(short) <= limit { return short }
    }
    return ""
  }
}
