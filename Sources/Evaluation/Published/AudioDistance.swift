import Audio
import Corpus
import Foundation
import Synchronization

/// The Fréchet audio distance (Kilgour et al. 2019, arXiv:1812.08466) of all patches of two folders in the 128
/// numbers of ``VGGish``, and what halves of the real folder have to each other.
public struct AudioDistance: Codable, Sendable {
  /// Of the generated set to the real one; nil where there are too few patches.
  public var generated: Double?
  /// Of halves of the real files to each other, by lot; nil where there are fewer than two files. Halves
  /// have fewer patches, and from fewer patches the distance comes out larger.
  public var halves: Figure?
  /// Patches of 0.96 s of the real and the generated set, and of each half.
  public var realPatches: Int
  public var generatedPatches: Int
  public var halfPatches: Int
  /// With fewer there is no distance: twice the network's numbers, so that covariances have full rank.
  public var fewestPatches: Int
  /// How often the real files were parted.
  public static let draws = 10

  /// Of each set: an hour, spread evenly over longer ones.
  static let limit = 3750
  /// Patches that are read at once, 57.6 s: a whole number of samples at every common rate.
  private static let blockPatches = 60

  /// - Parameters:
  ///   - real, generated: whose files that can be read are taken.
  ///   - progress: called with what has been done of both folders, one call at a time.
  ///   - check: called now and then on every thread; what it throws ends the work.
  init(
    real: WindowSet, generated: WindowSet, network: VGGish,
    progress: @escaping @Sendable (_ done: Int, _ of: Int) -> Void,
    check: @escaping @Sendable () throws -> Void
  ) throws {
    let files = [real, generated].map { set in set.files.map { set.folder.fullPath($0) } }
    let blocks = files.map(Self.blocks)
    let total = blocks.reduce(0) { $0 + $1.count }
    var done = 0
    let sets = try zip(files, blocks).map { files, blocks in
      let results = Mutex([FeatureMatrix?](repeating: nil, count: blocks.count))
      let before = done
      try forEachInParallel(blocks.count) { finished, _ in
        progress(before + finished, total)
      } _: { number in
        try check()
        let block = blocks[number]
        let sound = try AudioBuffer(contentsOf: files[block.file], range: block.samples).mono()
          .resampled(to: VGGish.sampleRate)
        let embedded = network.embeddings(of: sound.channels[0])
        results.withLock { $0[number] = embedded }
      }
      done += blocks.count
      var perFile = [FeatureMatrix](
        repeating: FeatureMatrix(columns: network.columns), count: files.count)
      for (block, rows) in zip(blocks, results.withLock { $0 }) {
        if let rows { perFile[block.file].append(contentsOf: rows) }
      }
      return perFile.filter { $0.rows > 0 }
    }
    func joined(_ files: [FeatureMatrix]) -> FeatureMatrix {
      var all = FeatureMatrix(columns: network.columns)
      for file in files { all.append(contentsOf: file) }
      return all
    }
    let (realRows, generatedRows) = (joined(sets[0]), joined(sets[1]))
    fewestPatches = 2 * network.columns
    (realPatches, generatedPatches) = (realRows.rows, generatedRows.rows)
    halfPatches = realPatches / 2
    guard min(realPatches, generatedPatches) >= fewestPatches else { return }
    self.generated = frechetDistance(realRows, generatedRows)
    guard sets[0].count > 1, halfPatches >= fewestPatches else { return }
    var chance = SeededGenerator(seed: 11)
    halves = Figure(
      (0..<Self.draws).map { _ in
        // Whole files of one half before those of the other: a file in the middle is in both, in parts.
        let rows = joined(sets[0].shuffled(using: &chance))
        return frechetDistance(
          rows.rows(Array(0..<halfPatches)), rows.rows(Array(halfPatches..<2 * halfPatches)))
      })
  }

  /// A part of a file that is read at once.
  private struct Block: Sendable {
    var file: Int
    var samples: Range<Int>
    var patches: Int
  }

  /// All of the folder, or of as many blocks as make the limit, evenly spread.
  private static func blocks(of files: [String]) -> [Block] {
    var blocks: [Block] = []
    for (number, file) in files.enumerated() {
      // Of a file that does not say how long it is nobody knows where its parts are.
      guard let reader = try? AudioReader(file), let samples = reader.sampleCount else { continue }
      let perSecond = Double(reader.sampleRate)
      let total = VGGish.patches(
        sampleCount: Int(Double(samples) / perSecond * Double(VGGish.sampleRate)))
      for first in stride(from: 0, to: total, by: blockPatches) {
        let count = min(blockPatches, total - first)
        func place(_ sample: Int) -> Int {
          Int((Double(sample) / Double(VGGish.sampleRate) * perSecond).rounded(.up))
        }
        let start = place(first * VGGish.patchHop)
        let end = place((first + count - 1) * VGGish.patchHop + VGGish.patchLength)
        blocks.append(Block(file: number, samples: start..<min(end, samples), patches: count))
      }
    }
    let patches = blocks.reduce(0) { $0 + $1.patches }
    guard patches > limit else { return blocks }
    let part = Double(limit) / Double(patches)
    return blocks.enumerated().filter {
      Int(Double($0.offset + 1) * part) > Int(Double($0.offset) * part)
    }.map(\.element)
  }
}
