/// Files that sound the same.
///
/// Found without comparing every file with every other: equal words of fingerprints lead to pairs, and
/// so do short sounds that consist of nearly the same. What pairs say is then checked.
package struct Duplicates {
  /// Numbers of files with the same samples, and of files that sound alike; two or more each, in
  /// order. A group of the second kind names one file of each group of the first.
  package private(set) var exact: [[Int]] = []
  package private(set) var near: [[Int]] = []
  /// Equal words of two files, and short sounds, that were looked at, which is what finding the groups
  /// takes.
  package private(set) var pairings = 0

  /// Where a word stands at more places than this, only pairs with the first file are looked at.
  private static let mostPlaces = 16
  /// Differing bits of what sounds alike; half of them differ by chance. The paper has 0.35 for 3 s
  /// of one recording; less, since instruments playing the same are not the same.
  private static let limit = 0.2
  private static let shortLimit = 0.12
  private static let shortFrames = 86
  /// The part of words that are the same in two encodings of a recording, of which only some are kept.
  private static let leastAgreement = 0.012
  private static let leastWords = 6
  private static let leastSections = 4

  private struct Entry {
    var word: UInt32
    var file: Int32
    var position: Int32
  }

  private struct Pair: Hashable {
    var first, second: Int32
    var offset: Int32
  }

  /// - Parameters:
  ///   - contents: of each file, equal for the same samples.
  ///   - fingerprints: of each file.
  ///   - sounds: of each file, nil where it is no short one.
  package init(
    contents: [String], fingerprints: [SpectralFingerprint], sounds: [ShortSound?]
  ) {
    exact = Dictionary(grouping: contents.indices) { contents[$0] }.values.filter { $0.count > 1 }
      .map { $0.sorted() }.sorted { $0[0] < $1[0] }
    let repeated = Set(exact.flatMap { $0.dropFirst() })
    let files = contents.indices.filter { !repeated.contains($0) }

    var parents = Array(contents.indices)
    func root(_ file: Int) -> Int {
      var file = file
      while parents[file] != file {
        parents[file] = parents[parents[file]]
        file = parents[file]
      }
      return file
    }
    func join(_ first: Int, _ second: Int, if areAlike: () -> Bool) {
      let (first, second) = (root(first), root(second))
      if first != second, areAlike() { parents[max(first, second)] = min(first, second) }
    }
    let candidates = Self.candidates(files, fingerprints)
    pairings = candidates.values.reduce(0, +)
    for (pair, votes) in candidates where votes >= 2 {
      let (first, second) = (Int(pair.first), Int(pair.second))
      join(first, second) {
        Self.areAlike(fingerprints[first], fingerprints[second], offset: Int(pair.offset))
      }
    }
    let short = files.compactMap { file in sounds[file].map { (file, $0.bands) } }
    for (first, second) in SoundCells.pairs(short) {
      pairings += 1
      join(first, second) {
        guard let first = sounds[first], let second = sounds[second] else { return false }
        return first.isLike(second)
      }
    }
    near = Dictionary(grouping: files, by: root).values.filter { $0.count > 1 }
      .map { $0.sorted() }.sorted { $0[0] < $1[0] }
  }

  /// Pairs of files, and how many words say that they lie so against each other.
  private static func candidates(
    _ files: [Int], _ fingerprints: [SpectralFingerprint]
  ) -> [Pair: Int] {
    var entries: [Entry] = []
    for file in files {
      for mark in fingerprints[file].leads {
        entries.append(Entry(word: mark.word, file: Int32(file), position: mark.position))
      }
    }
    entries.sort { ($0.word, $0.file, $0.position) < ($1.word, $1.file, $1.position) }
    var votes: [Pair: Int] = [:]
    var start = 0
    while start < entries.count {
      var end = start
      while end < entries.count && entries[end].word == entries[start].word { end += 1 }
      let group = entries[start..<end]
      func vote(_ first: Entry, _ second: Entry) {
        let pair = Pair(
          first: first.file, second: second.file, offset: first.position - second.position)
        votes[pair, default: 0] += 1
      }
      if group.count <= Self.mostPlaces {
        for (index, first) in group.enumerated() {
          for second in group.dropFirst(index + 1) where second.file != first.file {
            vote(first, second)
          }
        }
      } else {
        // Each other file once: as many pairs as files, and of many that sound alike each is found by
        // its likeness to the first.
        var last = entries[start]
        for entry in group where entry.file != last.file {
          vote(entries[start], entry)
          last = entry
        }
      }
      start = end
    }
    return votes
  }

  private static func areAlike(
    _ first: SpectralFingerprint, _ second: SpectralFingerprint, offset: Int
  ) -> Bool {
    if first.level > 0 || second.level > 0,
      let found = first.agreement(with: second, offset: offset), found.part >= leastAgreement,
      found.words >= leastWords, found.sections >= leastSections
    {
      return true
    }
    return (offset - 1...offset + 1).contains { offset in
      guard let (part, frames) = first.difference(from: second, offset: offset) else {
        return false
      }
      return part < (frames < shortFrames ? shortLimit : limit)
    }
  }
}
