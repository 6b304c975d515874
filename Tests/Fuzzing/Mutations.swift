/// Values at which programs go wrong: the edges of integers, signed and not.
private let extremes: [UInt64] =
  [0, 1, 2, 3, 4, 7, 8, 16, 255, 256, 1000, 1023, 1024, 1025, 44_100, 96_000, 768_000, 10_000_000]
  + [7, 8, 15, 16, 24, 31, 32, 33, 48, 62, 63].flatMap { (bits: Int) -> [UInt64] in
    let power: UInt64 = 1 << UInt64(bits)
    return [power - 1, power, power + 1, ~power, 0 &- power]
  } + [.max, .max - 1]

extension [UInt8] {
  /// Damage that knows nothing of the format.
  mutating func mutateBlindly(seeds: [[UInt8]], _ random: inout Random) {
    guard !isEmpty else { return append(contentsOf: random.pick(seeds)) }
    // Headers stand at the front: half of the places are among the first 128 bytes.
    let place = random.below(random.once(in: 2) ? count : Swift.min(count, 128))
    let part = place..<place + random.size(upTo: count - place)
    switch random.below(13) {
    case 0, 1: self[place] ^= 1 << UInt8(random.below(8))
    case 2: self[place] = random.pick([0, 1, 0x7F, 0x80, 0xFE, 0xFF])
    case 3: self[place] = UInt8(random.below(256))
    case 4, 5:
      let width = random.pick([1, 2, 4, 8])
      setNumber(in: place..<Swift.min(count, place + width), &random)
    case 6: removeSubrange(part)
    case 7: insert(contentsOf: Array(self[part]), at: random.below(count + 1))
    case 8: insert(contentsOf: (0..<part.count).map { _ in UInt8(random.below(256)) }, at: place)
    case 9: for i in part { self[i] = UInt8(random.below(256)) }
    case 10:
      let value = random.pick([0, 0x20, 0x7F, 0x80, 0xFF] as [UInt8])
      for i in part { self[i] = value }
    case 11: removeSubrange(place...)
    default:
      let other = random.pick(seeds)
      replaceSubrange(place..., with: other[Swift.min(place, other.count)...])
    }
  }

  /// An extreme, or a number near the present one, in either order of bytes.
  mutating func setNumber(in range: Range<Int>, _ random: inout Random) {
    guard range.count <= 8, range.upperBound <= count else { return }
    let isBigEndian = random.once(in: 2)
    let old = number(in: range, isBigEndian: isBigEndian)
    let new =
      switch random.below(4) {
      case 0: old &+ UInt64(random.below(9)) &- 4
      case 1: random.once(in: 2) ? old &* 2 : old / 2
      default: random.pick(extremes)
      }
    set(new, in: range, isBigEndian: isBigEndian)
  }

  mutating func mutateChunks(_ chunks: [Range<Int>], _ random: inout Random) {
    let chunk = random.pick(chunks)
    let bytes = Array(self[chunk])
    switch random.below(4) {
    case 0: removeSubrange(chunk)
    case 1: insert(contentsOf: bytes, at: random.pick(chunks).lowerBound)
    case 2:
      let other = random.pick(chunks)
      let (first, second) =
        chunk.lowerBound < other.lowerBound ? (chunk, other) : (other, chunk)
      guard first.upperBound <= second.lowerBound else { return }
      let (head, tail) = (Array(self[first]), Array(self[second]))
      replaceSubrange(second, with: head)
      replaceSubrange(first, with: tail)
    default:
      let copies = Array(repeatElement(bytes, count: random.size(upTo: 64)).joined())
      if copies.count < 1 << 20 { insert(contentsOf: copies, at: chunk.upperBound) }
    }
  }

  /// Changes a word of a text and the size that the file gives for it.
  mutating func mutateText(_ text: Structure.Text, _ random: inout Random) {
    let new = TextTokens(self[text.range]).mutated(&random)
    guard text.range.count + new.count < 1 << 20 else { return }
    replaceSubrange(text.range, with: new)
    guard let size = text.size, size.range.upperBound <= text.range.lowerBound else { return }
    set(UInt64(new.count + size.extra), in: size.range, isBigEndian: size.isBigEndian)
  }

  // MARK: Numbers

  func number(in range: Range<Int>, isBigEndian: Bool) -> UInt64 {
    guard range.upperBound <= count else { return 0 }
    let bytes = isBigEndian ? Array(self[range]) : self[range].reversed()
    return bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func set(_ value: UInt64, in range: Range<Int>, isBigEndian: Bool) {
    for (offset, i) in range.enumerated() {
      let place = isBigEndian ? range.count - 1 - offset : offset
      self[i] = UInt8(truncatingIfNeeded: value >> UInt64(8 * place))
    }
  }
}

/// The words, numbers and signs of JSON, of a Python dictionary or of a table.
struct TextTokens {
  private var tokens: [[UInt8]] = []

  private static let replacements: [String] = [
    "0", "-1", "1", "2", "3", "0.5", "-0.0", "1e-320", "1e308", "-1e308", "1e999", "1e38", "-1e38",
    "255", "256", "4096", "65535", "65536", "65537", "1048576", "67108864", "2147483647",
    "2147483648", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808",
    "-9223372036854775808", "18446744073709551615", "18446744073709551616", "NaN", "Infinity",
    "null", "true", "false", "None", "True", "\"\"", "''", "\"a\"", "\"\\ud800\"", "\"\\u0000\"",
    "[]", "{}", "[[]]", "[0]", "(", ")", "[", "]", "{", "}", ",", ":", "\"", "'", "\n", "#",
    "\u{0}",
    "<f4", "<f8", ">f4", "|O", "F16", "BOOL", String(repeating: "[", count: 2000),
    String(repeating: "{\"a\":", count: 600), String(repeating: "9", count: 400),
  ]

  init(_ text: ArraySlice<UInt8>) {
    var token: [UInt8] = []
    for byte in text {
      let isWord =
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || [0x2B, 0x2D, 0x2E, 0x5F].contains(byte) || byte >= 0x80
      if isWord {
        token.append(byte)
      } else {
        if !token.isEmpty { tokens.append(token) }
        token = []
        tokens.append([byte])
      }
    }
    if !token.isEmpty { tokens.append(token) }
  }

  func mutated(_ random: inout Random) -> [UInt8] {
    guard !tokens.isEmpty else { return Array(random.pick(Self.replacements).utf8) }
    var tokens = tokens
    // Numbers decide more than words do.
    let numbers = tokens.indices.filter { tokens[$0].first.map { (0x30...0x39) ~= $0 } ?? false }
    let place =
      numbers.isEmpty || random.once(in: 2) ? random.below(tokens.count) : random.pick(numbers)
    switch random.below(12) {
    case 0: tokens.remove(at: place)
    case 1: tokens.swapAt(place, random.below(tokens.count))
    case 2: tokens.insert(tokens[random.below(tokens.count)], at: place)
    case 3: tokens.removeSubrange(random.range(in: tokens.count))
    case 4:
      let part = Array(tokens[random.range(in: tokens.count)])
      tokens.insert(contentsOf: part, at: place)
    case 5..<9:
      // The text stays well formed.
      let numbers = Self.replacements.filter { $0.allSatisfy { $0.isNumber || "-.e".contains($0) } }
      if tokens[place].first.map({ (0x30...0x39) ~= $0 }) ?? false {
        tokens[place] = Array(random.pick(numbers).utf8)
      }
    default: tokens[place] = Array(random.pick(Self.replacements).utf8)
    }
    return Array(tokens.joined())
  }
}
