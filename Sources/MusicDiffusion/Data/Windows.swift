import Corpus
package import Torch

/// Places in the files of a prepared set where windows can be cut.
///
/// A file is drawn in proportion to its length, of which a short one that is filled up has a
/// window's; so every second of sound is heard about as often. What is kept in memory does not grow
/// with a clip: sums of lengths over blocks of clips lead to a block, and the index to the clip.
public struct Windows: Sendable {
  /// A file to cut a window from.
  package struct Place: Sendable, Equatable {
    package var clip: Int
    /// Per channel.
    package var samples: Int
    /// A position in the dataset's labels.
    package var label: Int?
  }

  public fileprivate(set) var fileCount = 0
  public fileprivate(set) var seconds = 0.0
  /// Files of each of the dataset's labels.
  public fileprivate(set) var filesOfLabels: [Int] = []

  fileprivate let set: PreparedSet
  fileprivate let rule: Rule
  /// Weights of all clips up to and with each block.
  fileprivate var blocks: [Int] = []
  /// For each label of the set, its position in those of the dataset.
  fileprivate var labelPositions: [Int?] = []

  fileprivate static let blockLength = 1024

  /// Which clips belong, and how often they are drawn.
  fileprivate struct Rule: Sendable {
    let windowSamples: Int
    let padsShortClips: Bool
    /// For each label of the set, and for none at the end, the rank below which files are held out.
    var heldOut: [Int]
    var wantsHeldOut: Bool

    func isUsable(samples: Int) -> Bool {
      samples > 0 && (padsShortClips || samples >= windowSamples)
    }

    func weight(samples: Int, label: UInt32, rank: UInt32) -> Int {
      guard isUsable(samples: samples) else { return 0 }
      let isHeldOut = Int(rank) < heldOut[min(Int(label), heldOut.count - 1)]
      return isHeldOut == wantsHeldOut ? max(samples, windowSamples) : 0
    }
  }

  /// A file, drawn in proportion to its length.
  package func random(_ random: inout RandomGenerator) throws -> Place {
    let target = random.integer(in: 0..<blocks[blocks.count - 1])
    var (low, high) = (0, blocks.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if blocks[middle] > target { high = middle } else { low = middle + 1 }
    }
    var sum = low == 0 ? 0 : blocks[low - 1]
    var found: Place?
    let first = low * Self.blockLength
    try set.forEachClip(in: first..<min(first + Self.blockLength, set.clipCount)) {
      clip, samples, label, rank in
      guard found == nil else { return }
      sum += rule.weight(samples: samples, label: label, rank: rank)
      if sum > target {
        found = Place(clip: clip, samples: samples, label: position(of: label))
      }
    }
    guard let found else {
      throw CorpusError.damaged(set.folder.path, reason: "its index has changed")
    }
    return found
  }

  /// Another file of the same label, to be mixed with; nil where none is soon found.
  func partner(of place: Place, _ random: inout RandomGenerator) throws -> Place? {
    for _ in 0..<32 {
      let other = try self.random(&random)
      if other.clip != place.clip, other.label == place.label { return other }
    }
    return nil
  }

  fileprivate func position(of label: UInt32) -> Int? {
    Int(label) < labelPositions.count ? labelPositions[Int(label)] : nil
  }
}

/// Both views of a prepared set.
struct Split {
  let training: Windows
  let heldOut: Windows?
  /// Distinct labels to train on.
  let labels: [String]
  /// The first clips that are shorter than a window, and the number of all such.
  let tooShort: [Int]
  let tooShortCount: Int
  /// Samples of the longest clip.
  let longest: Int
  /// What of the numbers of the training files can be learned.
  let numbers: [Conditioning.Number]

  /// - Parameter fraction: of the usable files, those to hold out: as many of each label as its share
  ///   of them, and at least one of all where there are ten.
  init(_ set: PreparedSet, representation: Representation, heldOut fraction: Double) throws {
    let windowSamples = (representation.windowFrames - 1) * representation.spectrogram.hopLength
    var rule = Windows.Rule(
      windowSamples: max(1, windowSamples), padsShortClips: representation.padsShortClips,
      heldOut: [Int](repeating: 0, count: set.labels.count + 1), wantsHeldOut: false)
    rule.heldOut = try heldOutRanks(set, fraction: fraction, rule)
    var views = [Windows(set: set, rule: rule)]
    rule.wantsHeldOut = true
    views.append(Windows(set: set, rule: rule))
    var files = views.map { _ in [Int](repeating: 0, count: rule.heldOut.count) }
    var samples = [0, 0]
    var sums = [0, 0]
    var (longest, tooShort, tooShortCount) = (0, [Int](), 0)
    var statistics = NumberStatistics(set)
    for (number, first) in stride(from: 0, to: set.clipCount, by: Windows.blockLength).enumerated()
    {
      let clips = first..<min(first + Windows.blockLength, set.clipCount)
      let values = try set.numbers(of: clips)
      let valueCount = values.count / clips.count
      try set.forEachClip(in: clips) { clip, count, label, rank in
        longest = max(longest, count)
        var isUsed = false
        for view in views.indices {
          let weight = views[view].rule.weight(samples: count, label: label, rank: rank)
          guard weight > 0 else { continue }
          isUsed = true
          sums[view] += weight
          samples[view] += count
          files[view][min(Int(label), rule.heldOut.count - 1)] += 1
          if view == 0, valueCount > 0 {
            let start = (clip - first) * valueCount
            statistics.add(values[start..<start + valueCount], weight: weight)
          }
        }
        if !isUsed {
          tooShortCount += 1
          if tooShort.count < Dataset.skippedLimit { tooShort.append(clip) }
        }
      }
      for view in views.indices { views[view].blocks.append(sums[view]) }
      if number % 64 == 63 { set.dropIndex() }
    }
    set.dropIndex()
    // A label without a usable file could not be learned.
    var (positions, labels) = ([Int?](), [String]())
    for (label, name) in set.labels.map(\.name).enumerated() {
      positions.append(files[0][label] > 0 ? labels.count : nil)
      if files[0][label] > 0 { labels.append(name) }
    }
    for view in views.indices {
      views[view].labelPositions = positions
      views[view].fileCount = files[view].reduce(0, +)
      views[view].seconds = Double(samples[view]) / Double(set.format.sampleRate)
      views[view].filesOfLabels = positions.indices.filter { positions[$0] != nil }
        .map { files[view][$0] }
    }
    training = views[0]
    heldOut = views[1].fileCount > 0 ? views[1] : nil
    (self.longest, self.tooShort, self.tooShortCount) = (longest, tooShort, tooShortCount)
    self.labels = labels
    numbers = statistics.numbers
  }
}

/// Sets of fewer usable files are not split.
private let smallestSplit = 10

/// For each label of a set, and for none at the end, the rank below which its files are held out.
private func heldOutRanks(
  _ set: PreparedSet, fraction: Double, _ rule: Windows.Rule
) throws -> [Int] {
  let clips = set.labels.map(\.clips)
  let counts = clips + [set.clipCount - clips.reduce(0, +)]
  // Of labels with files that are left out, the ranks of the others.
  var usable = counts
  var left = counts.map { _ in 0 }
  try forEachClip(of: set) { samples, label, _ in
    guard !rule.isUsable(samples: samples) else { return }
    let label = min(Int(label), counts.count - 1)
    usable[label] -= 1
    left[label] += 1
  }
  let wanted = shares(of: fraction, among: usable)
  guard left.contains(where: { $0 > 0 }), wanted.contains(where: { $0 > 0 }) else { return wanted }
  var ranks = counts.map { _ in [UInt32]() }
  try forEachClip(of: set) { samples, label, rank in
    let label = min(Int(label), counts.count - 1)
    // The last of those that are wanted cannot lie behind more than all that are left out.
    guard Int(rank) < wanted[label] + left[label], rule.isUsable(samples: samples) else { return }
    ranks[label].append(rank)
  }
  return wanted.indices.map { label in
    wanted[label] == 0 ? 0 : Int(ranks[label].sorted()[wanted[label] - 1]) + 1
  }
}

/// How many of each label to hold out, so that all together are the part that is asked for and every
/// label gives its share, by the largest remainders; one of each label stays.
private func shares(of fraction: Double, among counts: [Int]) -> [Int] {
  let total = counts.reduce(0, +)
  guard fraction > 0, total >= smallestSplit else { return counts.map { _ in 0 } }
  let parts = counts.map { fraction * Double($0) }
  var shares = zip(parts, counts).map { min(Int($0), max(0, $1 - 1)) }
  let rest = max(1, Int((fraction * Double(total)).rounded())) - shares.reduce(0, +)
  let order = counts.indices.filter { shares[$0] < counts[$0] - 1 }
    .sorted { (parts[$1] - Double(shares[$1]), $0) < (parts[$0] - Double(shares[$0]), $1) }
  for label in order.prefix(max(0, rest)) { shares[label] += 1 }
  return shares
}

/// Calls `body` with the samples, label and rank of all clips.
private func forEachClip(
  of set: PreparedSet, _ body: (_ samples: Int, _ label: UInt32, _ rank: UInt32) -> Void
) throws {
  for (number, first) in stride(from: 0, to: set.clipCount, by: Windows.blockLength).enumerated() {
    try set.forEachClip(in: first..<min(first + Windows.blockLength, set.clipCount)) {
      _, samples, label, rank in body(samples, label, rank)
    }
    if number % 64 == 63 { set.dropIndex() }
  }
  set.dropIndex()
}
