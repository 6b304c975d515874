/// A reader under test, and the files that it is tested with.
public struct Subject: Sendable {
  /// As `--only` takes it and as the names of saved files begin.
  public let name: String
  /// Whole, sound files, which `read` accepts.
  public let seeds: [[UInt8]]
  /// What is known of the format.
  let structure: Structure
  /// The file's name; some formats are told by it.
  public let fileName: String
  /// Reads the file, and uses what has been read as a program would.
  ///
  /// Throws one of the package's own errors to refuse the file, and `Defect` or anything else where
  /// the reader is in the wrong.
  public let read: @Sendable (_ path: String) throws -> Void

  init(
    _ name: String, fileName: String? = nil, structure: Structure = Structure(),
    seeds: [[UInt8]], read: @escaping @Sendable (String) throws -> Void
  ) {
    (self.name, self.seeds, self.structure) = (name, seeds, structure)
    (self.fileName, self.read) = (fileName ?? "input." + name, read)
  }

  /// The damaged file of this number; the same for the same seed.
  public func file(_ number: Int, seed: UInt64) -> [UInt8] {
    var random = Random(seed: seed, subject: name, number: number)
    var file = random.pick(seeds)
    // Much damage is refused at the first glance; a little goes deep.
    for _ in 0..<(random.once(in: 2) ? 1 : random.size(upTo: 8)) {
      structure.mutate(&file, seeds: seeds, &random)
    }
    // Mostly with sound checksums, so that the damage reaches what they protect.
    return random.once(in: 4) ? file : structure.repair(file)
  }
}

/// What a reader must not do with any file.
public struct Defect: Error, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

/// Where a format keeps what, of a file that may be damaged already.
struct Structure: Sendable {
  /// Text within a binary file, and the number in it that gives the text's size.
  struct Text {
    var range: Range<Int>
    /// The bytes of the size, and what it counts beside the text.
    var size: (range: Range<Int>, isBigEndian: Bool, extra: Int)?
  }

  /// Header fields, which are set to extremes.
  var fields: @Sendable ([UInt8]) -> [Range<Int>] = { _ in [] }
  /// Parts that are dropped, doubled and swapped as a whole.
  var chunks: @Sendable ([UInt8]) -> [Range<Int>] = { _ in [] }
  /// Text, of which words and numbers are replaced.
  var text: @Sendable ([UInt8]) -> Text? = { _ in nil }
  /// The file with right checksums.
  var repair: @Sendable ([UInt8]) -> [UInt8] = { $0 }

  /// Damages the file at one place.
  func mutate(_ file: inout [UInt8], seeds: [[UInt8]], _ random: inout Random) {
    let fields = fields(file)
    let chunks = chunks(file)
    switch random.below(8) {
    case 0..<3 where !fields.isEmpty: file.setNumber(in: random.pick(fields), &random)
    case 3 where !chunks.isEmpty: file.mutateChunks(chunks, &random)
    case 4..<6:
      if let text = text(file) {
        file.mutateText(text, &random)
      } else {
        file.mutateBlindly(seeds: seeds, &random)
      }
    default: file.mutateBlindly(seeds: seeds, &random)
    }
  }
}
