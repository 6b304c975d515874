import Corpus
import Foundation
import Testing

@Suite struct TextTokenizerTests {
  private func tokenizer(_ captions: [String]) -> TextTokenizer {
    var maker = TokenizerMaker()
    for caption in captions { maker.add(caption) }
    return maker.finish()
  }

  /// What the tokens stand for.
  private func text(_ tokens: [Int], _ tokenizer: TextTokenizer) -> String {
    func bytes(_ token: Int) -> [UInt8] {
      if token < 256 { return [UInt8(token)] }
      let pair = tokenizer.merges[token - 256]
      return bytes(pair.first) + bytes(pair.second)
    }
    return String(decoding: tokens.flatMap(bytes), as: UTF8.self)
  }

  /// The worked example of Sennrich et al. 2016: low 5 times, lower 2, newest 6, widest 3; the first
  /// pairs are es, est and then lo or what the space before a word makes of it.
  @Test func learnsThePairsOfThePaper() {
    let words = [("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)]
    let tokenizer = tokenizer(
      words.flatMap { word, count in [String](repeating: word, count: count) })
    func pair(_ first: Int, _ second: Int) -> TextTokenizer.Pair {
      TextTokenizer.Pair(first: first, second: second)
    }
    let (e, s, t) = (Int(UInt8(ascii: "e")), Int(UInt8(ascii: "s")), Int(UInt8(ascii: "t")))
    #expect(tokenizer.merges[0] == pair(e, s))
    #expect(tokenizer.merges[1] == pair(256, t))
    // Words that are there twice are one token each.
    for (word, _) in words { #expect(tokenizer.tokens(of: word).tokens.count == 1) }
    #expect(tokenizer.tokens(of: "lowest").tokens.count == 2)
  }

  /// Whatever is written comes back, in lower case and composed, from tokens that there are.
  @Test(arguments: [
    "slow piano", "Slow PIANO, rainy!", "120bpm in 4/4", "日本の太鼓", "😀👩‍👩‍👧‍👦", "cafe\u{301}", "a\u{0}b",
    "\u{10FFFF}", String(repeating: "x", count: 200),
  ])
  func takesAnything(_ caption: String) {
    for tokenizer in [tokenizer([]), tokenizer(["slow piano", "fast piano"])] {
      let (tokens, isCut) = tokenizer.tokens(of: caption)
      #expect(tokens.allSatisfy { (0..<tokenizer.vocabularySize).contains($0) })
      #expect(isCut == (tokens.count == 128))
      let expected = caption.lowercased().precomposedStringWithCanonicalMapping.filter {
        !$0.isWhitespace && $0 != "\u{0}"
      }
      if !isCut { #expect(text(tokens, tokenizer).filter { $0 != " " } == expected) }
    }
  }

  @Test func sameWordsHaveTheSameTokens() {
    let tokenizer = tokenizer(["slow piano", "slow drums", "piano and drums"])
    let tokens = tokenizer.tokens(of: "slow piano").tokens
    #expect(tokens.count == 2)
    #expect(tokenizer.tokens(of: "  SLOW\n\tpiano ").tokens == tokens)
    #expect(tokenizer.tokens(of: "piano slow").tokens == tokens.reversed())
    #expect(tokenizer.tokens(of: "slowpiano").tokens != tokens)
    #expect(tokenizer.tokens(of: "").tokens.isEmpty)
    #expect(tokenizer.tokens(of: " \n").tokens.isEmpty)
  }

  /// Texts of any length take the time of their beginning.
  @Test func longTextsAreCut() {
    let tokenizer = tokenizer(["slow piano"])
    let start = ContinuousClock.now
    for text in ["slow ", "x", "é", "鼓", "🥁", "a\u{301}"] {
      let (tokens, isCut) = tokenizer.tokens(of: String(repeating: text, count: 1_000_000))
      #expect(tokens.count == 128 && isCut)
    }
    #expect(start.duration(to: .now) < .seconds(5))
  }

  /// The order of captions does not matter, nor how often a set is made.
  @Test func isDeterministic() throws {
    let captions = (0..<200).map { index in
      "\(["slow", "fast", "warm"][index % 3]) \(["pad", "bass", "lead"][index % 7 % 3]) number \(index)"
    }
    let first = tokenizer(captions)
    #expect(first == tokenizer(captions.reversed()))
    let json = try JSONEncoder().encode(first)
    #expect(try JSONDecoder().decode(TextTokenizer.self, from: json) == first)
    #expect(first.merges.count > 20)
    // 10,000 different words are learned from in seconds.
    let start = ContinuousClock.now
    let letters = Array("abcdefghij")
    let many = tokenizer(
      (0..<10_000).map { number in
        let word = String(String(number * 7919).map { letters[Int(String($0))!] })
        return "\(word) and \(word)"
      })
    #expect(many.vocabularySize == 2048)
    #expect(start.duration(to: .now) < .seconds(20))
  }

  @Test(arguments: [
    #"{"merges":"1","length":8}"#, #"{"merges":"1 256","length":8}"#,
    #"{"merges":"a b","length":8}"#,
    #"{"merges":"-1 2","length":8}"#, #"{"merges":"1 2 1 2","length":8}"#,
    #"{"merges":"","length":0}"#,
    #"{"length":8}"#,
  ])
  func impossibleOnesAreErrors(_ json: String) {
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(TextTokenizer.self, from: Data(json.utf8))
    }
  }
}
