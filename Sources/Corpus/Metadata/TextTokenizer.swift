import Foundation

/// Captions to tokens: byte pairs (Sennrich et al. 2016, arXiv:1508.07909, over bytes as in GPT-2), with
/// the pairs that the captions of a data set have most of. Whatever is written has tokens, in any
/// script: what was never seen falls apart into bytes.
///
/// Text is made lower case and composed (Unicode's NFC) first, and cut into words, numbers and single
/// signs; a byte 32 at the beginning of one tells that a space was before it.
public struct TextTokenizer: Sendable, Equatable {
  /// Two tokens that become one.
  package struct Pair: Hashable, Sendable {
    package var first, second: Int

    package init(first: Int, second: Int) { (self.first, self.second) = (first, second) }
  }

  /// The n-th of these becomes token 256 + n, the one learned first before all others.
  package let merges: [Pair]
  /// Tokens of a text that are read.
  public let length: Int
  private let ranks: [Pair: Int]

  public static let defaultLength = 128
  static let mergeLimit = 1 << 16

  init(merges: [Pair], length: Int = Self.defaultLength) {
    (self.merges, self.length) = (merges, length)
    ranks = Dictionary(
      zip(merges, merges.indices), uniquingKeysWith: { first, _ in first })
  }

  /// Tokens are less than this.
  public var vocabularySize: Int { 256 + merges.count }

  /// - Returns: at most ``length`` tokens, and whether there would be more.
  public func tokens(of text: String) -> (tokens: [Int], isCut: Bool) {
    var tokens: [Int] = []
    // A word has a token at least.
    for word in Self.words(of: text, limit: length + 1) {
      tokens += pieces(of: word)
      if tokens.count > length { return (Array(tokens.prefix(length)), true) }
    }
    return (tokens, false)
  }

  /// A word's bytes, joined as far as the pairs go, the earliest pair first.
  private func pieces(of word: [UInt8]) -> [Int] {
    var pieces = word.map(Int.init)
    while pieces.count > 1 {
      var best: (rank: Int, place: Int)?
      for place in 0..<pieces.count - 1 {
        if let rank = ranks[Pair(first: pieces[place], second: pieces[place + 1])],
          rank < best?.rank ?? .max
        {
          best = (rank, place)
        }
      }
      guard let best else { break }
      pieces[best.place] = 256 + best.rank
      pieces.remove(at: best.place + 1)
    }
    return pieces
  }

  // MARK: - Words

  private enum Kind { case letter, digit, other }

  /// The bytes of a word at most: longer ones are cut, so that no pair spans what is hardly a word.
  private static let longestWord = 48

  /// The words of a text as bytes, with a space before those that had one, at most `limit` of them.
  static func words(of text: String, limit: Int = .max) -> [[UInt8]] {
    // A character is 64 bytes at most of what can still matter.
    let text = limit < 1 << 20 ? String(text.prefix(64 * limit)) : text
    var words: [[UInt8]] = []
    var (isSpaced, last): (Bool, Kind?) = (true, nil)
    for scalar in text.lowercased().precomposedStringWithCanonicalMapping.unicodeScalars {
      if scalar.properties.isWhitespace || scalar.value == 0 {
        (isSpaced, last) = (true, nil)
        continue
      }
      let kind = Self.kind(of: scalar)
      let bytes = Array(String(scalar).utf8)
      if let last, last == kind, kind != .other,
        words[words.count - 1].count + bytes.count <= longestWord
      {
        words[words.count - 1] += bytes
      } else {
        if words.count == limit { break }
        words.append((isSpaced ? [0x20] : []) + bytes)
      }
      (isSpaced, last) = (false, kind)
    }
    return words
  }

  /// Signs of scripts without spaces between words are words by themselves.
  private static func kind(of scalar: Unicode.Scalar) -> Kind {
    let properties = scalar.properties
    if properties.isIdeographic { return .other }
    return switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .nonspacingMark, .spacingMark, .enclosingMark:
      .letter
    case .decimalNumber: .digit
    default: .other
    }
  }
}

extension TextTokenizer: Codable {
  private enum CodingKeys: CodingKey { case merges, length }

  /// The pairs as one text, "116 104 256 101".
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let length = try values.decode(Int.self, forKey: .length)
    let text = try values.decode(String.self, forKey: .merges)
    let numbers = text.split(separator: " ").map { Int($0) ?? -1 }
    let merges = stride(from: 0, to: numbers.count - 1, by: 2).map {
      Pair(first: numbers[$0], second: numbers[$0 + 1])
    }
    // A pair is of tokens that are there already.
    let isSound = merges.enumerated().allSatisfy { number, pair in
      (0..<256 + number).contains(pair.first) && (0..<256 + number).contains(pair.second)
    }
    guard isSound, numbers.count % 2 == 0, merges.count <= Self.mergeLimit,
      Set(merges).count == merges.count, (1...4096).contains(length)
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .merges, in: values, debugDescription: "no pairs of tokens, or an impossible length"
      )
    }
    self.init(merges: merges, length: length)
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(
      merges.map { "\($0.first) \($0.second)" }.joined(separator: " "), forKey: .merges)
    try values.encode(length, forKey: .length)
  }
}
