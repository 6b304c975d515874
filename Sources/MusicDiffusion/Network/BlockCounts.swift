/// How many residual blocks a network has on the way down, and again on the way up: the same number at
/// each level, or one for each, highest resolution first. In JSON a number, or an array of them.
public struct BlockCounts: Codable, Sendable, Equatable {
  /// One for all levels, or one for each.
  private let counts: [Int]

  /// The same at each level.
  public init(_ count: Int) { counts = [count] }

  /// - Parameter counts: for each level.
  public init(_ counts: [Int]) { self.counts = counts }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    counts = try (try? [container.decode(Int.self)]) ?? container.decode([Int].self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if counts.count == 1 { try container.encode(counts[0]) } else { try container.encode(counts) }
  }

  subscript(level: Int) -> Int { counts.count == 1 ? counts[0] : counts[level] }

  /// Whether a network of so many levels can be built with them.
  func suit(levels: Int) -> Bool {
    (counts.count == 1 || counts.count == levels) && counts.allSatisfy((1...64).contains)
  }
}

extension BlockCounts: ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
  public init(integerLiteral count: Int) { self.init(count) }
  public init(arrayLiteral counts: Int...) { self.init(counts) }
}
