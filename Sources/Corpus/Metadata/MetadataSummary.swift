/// What is said about one file.
public struct ClipMetadata: Sendable, Equatable {
  /// In the order of ``MetadataSummary/numbers``; NaN where unknown.
  public var numbers: [Float]
  public var caption: String?

  public init(numbers: [Float] = [], caption: String? = nil) {
    (self.numbers, self.caption) = (numbers, caption)
  }
}

/// What is said about the files of a folder, and what is wrong with it.
public struct MetadataSummary: Codable, Sendable, Equatable {
  /// A column of numbers.
  public struct Number: Codable, Sendable, Equatable {
    public var name: String
    /// Files whose number is known.
    public var known: Int
    /// Over these.
    public var minimum, maximum: Double

    public init(name: String, known: Int, minimum: Double, maximum: Double) {
      (self.name, self.known) = (name, known)
      (self.minimum, self.maximum) = (minimum, maximum)
    }
  }

  /// A column that nothing is made of, and why.
  public struct IgnoredColumn: Codable, Sendable, Equatable {
    public var name: String
    public var reason: String

    public init(name: String, reason: String) { (self.name, self.reason) = (name, reason) }
  }

  /// Some of many, and how many there are.
  public struct Examples: Codable, Sendable, Equatable {
    public private(set) var names: [String] = []
    public private(set) var count = 0

    mutating func add(_ name: @autoclosure () -> String) {
      if count < MetadataSummary.exampleLimit { names.append(name()) }
      count += 1
    }
  }

  public static let exampleLimit = 20

  public var numbers: [Number] = []
  /// Files with a caption, and those of them whose caption is in a text file beside them.
  public var captions = 0
  public var captionFiles = 0
  public var ignoredColumns: [IgnoredColumn] = []
  /// Rows of `metadata.csv`; nil where there is none.
  public var rows: Int?
  /// "line 7: kick.wav".
  public var rowsWithoutFile = Examples()
  public var filesWithoutRow = Examples()
  /// Files with more than one row, of which the last one counts.
  public var filesWithRows = Examples()
  /// Text files that are not UTF-8.
  public var unreadableTexts = Examples()
  /// Captions of more words than a model reads, of which the first are read.
  public var longCaptions = Examples()

  public init() {}

  /// Whether there is anything to learn from.
  public var isEmpty: Bool { numbers.isEmpty && captions == 0 }
}
