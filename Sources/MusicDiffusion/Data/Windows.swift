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
    /// For each label of the set, and for none at the end, the number of files held out: those of the
    /// lowest ranks.
    let heldOut: [Int]
    let wantsHeldOut: Bool

    func weight(samples: Int, label: UInt32, rank: UInt32) -> Int {
      guard samples > 0, padsShortClips || samples >= windowSamples else { return 0 }
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

/// Both views of a prepared set, found in one pass over its index.
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

  /// Sets of fewer files are not split.
  private static let smallest = 10

  /// - Parameter fraction: of the files of each label, those to hold out; at least one of all where
  ///   there are ten.
  init(_ set: PreparedSet, representation: Representation, heldOut fraction: Double) throws {
    let windowSamples = (representation.windowFrames - 1) * representation.spectrogram.hopLength
    let labelClips = set.labels.map(\.clips)
    let counts = labelClips + [set.clipCount - labelClips.reduce(0, +)]
    var heldOutCounts = counts.map { count in
      max(0, min(count - 1, Int((fraction * Double(count)).rounded())))
    }
    if set.clipCount < Self.smallest { heldOutCounts = counts.map { _ in 0 } }
    if fraction > 0, set.clipCount >= Self.smallest, heldOutCounts.allSatisfy({ $0 == 0 }),
      let largest = counts.indices.max(by: { counts[$0] < counts[$1] }), counts[largest] > 1
    {
      heldOutCounts[largest] = 1
    }
    func windows(heldOut: Bool) -> Windows {
      Windows(
        set: set,
        rule: Windows.Rule(
          windowSamples: max(1, windowSamples), padsShortClips: representation.padsShortClips,
          heldOut: heldOutCounts, wantsHeldOut: heldOut))
    }
    var views = [windows(heldOut: false), windows(heldOut: true)]
    var files = views.map { _ in [Int](repeating: 0, count: counts.count) }
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
          files[view][min(Int(label), counts.count - 1)] += 1
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
