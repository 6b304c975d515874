/// Files that sound the same.
///
/// Found without comparing every file with every other: equal frames of fingerprints lead to pairs,
/// and what they say about how the two lie against each other is then checked bit by bit.
package struct Duplicates {
  /// Numbers of files with the same samples, and of files that sound alike; two or more each, in
  /// order. A group of the second kind names one file of each group of the first.
  package private(set) var exact: [[Int]] = []
  package private(set) var near: [[Int]] = []
  /// Equal frames of two files that were looked at, which is what finding the groups takes.
  package private(set) var pairings = 0

  /// Where a frame stands at more places than this, only pairs with the first file are looked at.
  private static let mostPlaces = 16
  /// Differing bits of what sounds alike; half of them differ by chance. The paper has 0.35 for 3 s
  /// of one recording; less, since instruments playing the same are not the same.
  private static let limit = 0.2
  private static let shortLimit = 0.12
  private static let shortFrames = 86

  private struct Entry {
    var frame: UInt32
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
  package init(contents: [String], fingerprints: [SpectralFingerprint]) {
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
    let candidates = Self.candidates(files, fingerprints)
    pairings = candidates.values.reduce(0, +)
    for (pair, votes) in candidates where votes >= 2 {
      let (first, second) = (root(Int(pair.first)), root(Int(pair.second)))
      if first != second,
        Self.areAlike(
          fingerprints[Int(pair.first)], fingerprints[Int(pair.second)], offset: Int(pair.offset))
      {
        parents[max(first, second)] = min(first, second)
      }
    }
    near = Dictionary(grouping: files, by: root).values.filter { $0.count > 1 }
      .map { $0.sorted() }.sorted { $0[0] < $1[0] }
  }

  /// Pairs of files, and how many frames say that they lie so against each other.
  private static func candidates(
    _ files: [Int], _ fingerprints: [SpectralFingerprint]
  ) -> [Pair: Int] {
    var entries: [Entry] = []
    for file in files {
      let frames = fingerprints[file].frames
      for (position, frame) in frames.enumerated() where frame != 0 {
        // Of long ones a part, the same in every file, is enough.
        if frames.count > 256, (frame &* 0x9E37_79B1) >> 30 != 0 { continue }
        entries.append(Entry(frame: frame, file: Int32(file), position: Int32(position)))
      }
    }
    entries.sort { ($0.frame, $0.file, $0.position) < ($1.frame, $1.file, $1.position) }
    var votes: [Pair: Int] = [:]
    var start = 0
    while start < entries.count {
      var end = start
      while end < entries.count && entries[end].frame == entries[start].frame { end += 1 }
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
    (offset - 1...offset + 1).contains { offset in
      guard let (part, frames) = first.difference(from: second, offset: offset) else {
        return false
      }
      return part < (frames < shortFrames ? shortLimit : limit)
    }
  }
}
