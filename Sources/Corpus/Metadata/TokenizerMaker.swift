/// Learns the pairs of a ``TextTokenizer`` from texts, in memory that does not grow with their number.
package struct TokenizerMaker {
  private var counts: [[UInt8]: Int] = [:]
  /// Tokens beside the 256 bytes.
  private let mergeCount: Int

  /// Different words that are counted; when there are more, those seen least are forgotten (lossy
  /// counting, Manku and Motwani 2002).
  private static let wordLimit = 1 << 17
  /// Different words that pairs are learned from, those seen most.
  private static let learnedLimit = 20_000

  package init(mergeCount: Int = 1792) { self.mergeCount = mergeCount }

  package mutating func add(_ text: String) {
    for word in TextTokenizer.words(of: text) { counts[word, default: 0] += 1 }
    guard counts.count > Self.wordLimit else { return }
    let kept = mostFrequent(Self.wordLimit / 2)
    counts = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
  }

  private func mostFrequent(_ limit: Int) -> ArraySlice<(key: [UInt8], value: Int)> {
    counts.sorted { a, b in
      a.value != b.value ? a.value > b.value : a.key.lexicographicallyPrecedes(b.key)
    }.prefix(limit)
  }

  /// Joins the most frequent pair again and again, until none is there twice. Of pairs that are there
  /// equally often, the one of lower tokens comes first.
  package func finish() -> TextTokenizer {
    var words = mostFrequent(Self.learnedLimit).map {
      (pieces: $0.key.map(Int.init), count: $0.value)
    }
    var pairs: [TextTokenizer.Pair: (count: Int, words: Set<Int>)] = [:]
    func forEachPair(_ word: Int, _ body: (TextTokenizer.Pair) -> Void) {
      let pieces = words[word].pieces
      for place in 0..<max(0, pieces.count - 1) {
        body(TextTokenizer.Pair(first: pieces[place], second: pieces[place + 1]))
      }
    }
    for word in words.indices {
      let count = words[word].count
      forEachPair(word) {
        pairs[$0, default: (0, [])].count += count
        pairs[$0]!.words.insert(word)
      }
    }
    var merges: [TextTokenizer.Pair] = []
    while merges.count < mergeCount {
      let best = pairs.max { a, b in
        (a.value.count, b.key.first, b.key.second) < (b.value.count, a.key.first, a.key.second)
      }
      guard let best, best.value.count > 1 else { break }
      let token = 256 + merges.count
      merges.append(best.key)
      for word in best.value.words {
        let count = words[word].count
        forEachPair(word) {
          pairs[$0]!.count -= count
          if pairs[$0]!.count == 0 { pairs[$0] = nil }
        }
        words[word].pieces = Self.joined(words[word].pieces, best.key, as: token)
        forEachPair(word) {
          pairs[$0, default: (0, [])].count += count
          pairs[$0]!.words.insert(word)
        }
      }
      pairs[best.key] = nil
    }
    return TextTokenizer(merges: merges)
  }

  /// Each place of a pair, from the left, becomes one token.
  private static func joined(
    _ pieces: [Int], _ pair: TextTokenizer.Pair, as token: Int
  ) -> [Int] {
    var result: [Int] = []
    var place = 0
    while place < pieces.count {
      if place + 1 < pieces.count, pieces[place] == pair.first, pieces[place + 1] == pair.second {
        result.append(token)
        place += 2
      } else {
        result.append(pieces[place])
        place += 1
      }
    }
    return result
  }
}
