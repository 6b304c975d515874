/// Passages to look for, cut out of files.
///
/// Where a passage lies between two frames of the file that it was taken from, sharp attacks would hide
/// it: passages are cut from frames `density` times as near to each other as those of what is looked
/// through, once for each phase.
package struct Passages: Sendable {
  package struct Passage: Sendable {
    /// Which of the excerpts it lies in.
    var excerpt: Int
    /// Its first dense frame in the file.
    var start: Int
    /// Not dense.
    package var frames: Int
    /// Row-major `[frames, bands]`, of mean 0 and length 1.
    package var values: [Float]
  }

  /// A stretch of a file, which is near to what any of its passages is near to.
  struct Excerpt: Sendable {
    var file: Int
    /// In dense frames.
    var start: Int
    var frames: Int
  }

  package private(set) var all: [Passage] = []
  private(set) var excerpts: [Excerpt] = []

  package static let density = 2
  /// Squared deviations, in those of the bands, below which a passage has no shape.
  static let leastVariance = 1e-3

  /// Cuts files into excerpts of two passages' length, the last one up against the end, and these into
  /// passages that overlap by half.
  ///
  /// - Parameters:
  ///   - files: of dense frames, scaled.
  ///   - length: frames of a passage, not dense; a shorter file is one passage.
  ///   - limit: excerpts that are kept, spread evenly over more.
  package init(of files: [PassageLevels], length: Int, limit: Int) {
    let longest = Self.density * length
    var places: [Excerpt] = []
    for (number, file) in files.enumerated() where file.frames > 0 {
      let size = min(2 * longest, file.frames)
      var starts = Array(stride(from: 0, through: file.frames - size, by: size))
      if let last = starts.last, file.frames - (last + size) >= longest / 2 {
        starts.append(file.frames - size)
      }
      places += starts.map { Excerpt(file: number, start: $0, frames: size) }
    }
    let step = max(1, Double(places.count) / Double(limit))
    for index in 0..<min(limit, places.count) {
      let excerpt = places[Int(Double(index) * step)]
      let size = min(longest, excerpt.frames)
      var starts = Array(stride(from: 0, through: excerpt.frames - size, by: max(1, longest / 2)))
      if let last = starts.last, last + size < excerpt.frames {
        starts.append(excerpt.frames - size)
      }
      let passages = starts.flatMap { start in
        (0..<Self.density).compactMap { phase in
          Self.passage(
            of: files[excerpt.file], from: excerpt.start + start + phase,
            frames: max(1, size / Self.density), excerpt: excerpts.count)
        }
      }
      if passages.isEmpty { continue }
      all += passages
      excerpts.append(excerpt)
    }
  }

  /// Every `density`th frame from one on, less their mean, divided by their length; nil where nothing
  /// moves or the file is over.
  private static func passage(
    of file: PassageLevels, from start: Int, frames: Int, excerpt: Int
  ) -> Passage? {
    let bands = PassageLevels.bands
    guard start + density * (frames - 1) < file.frames else { return nil }
    let values = (0..<frames).flatMap { frame in
      let first = (start + density * frame) * bands
      return file.values[first..<first + bands].map(Double.init)
    }
    let mean = values.reduce(0, +) / Double(values.count)
    let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    guard square / Double(values.count) > leastVariance else { return nil }
    let norm = square.squareRoot()
    return Passage(
      excerpt: excerpt, start: start, frames: frames,
      values: values.map { Float(($0 - mean) / norm) })
  }
}

extension Passages {
  /// Where a passage is found again.
  struct Match: Sendable {
    var similarity: Float = -1
    var file = -1
    /// The first frame.
    var start = 0

    /// Takes another place if it is nearer; of equal ones the one in the first file, so that the order in
    /// which files are looked through makes no difference.
    mutating func take(_ similarity: Float, file: Int, start: Int) {
      if similarity > self.similarity || (similarity == self.similarity && file < self.file) {
        (self.similarity, self.file, self.start) = (similarity, file, start)
      }
    }
  }

  /// The place in a file at which each passage correlates most with what is there, over all shifts.
  ///
  /// - Parameter file: scaled as the passages are.
  /// - Returns: for each passage, the similarity, from -1 to 1, and the first frame.
  package func bestMatches(in file: PassageLevels) -> [(similarity: Float, start: Int)] {
    let bands = PassageLevels.bands
    var best = [(similarity: Float, start: Int)](repeating: (-1, 0), count: all.count)
    let lengths = Dictionary(grouping: all.indices) { all[$0].frames }
    let padded = file.padded(toFrames: lengths.keys.max() ?? 0)
    // Sums up to each frame, for the means and lengths of all stretches.
    var (sums, squares) = ([0.0], [0.0])
    for frame in 0..<padded.frames {
      let row = padded.values[frame * bands..<(frame + 1) * bands]
      sums.append(sums[frame] + row.reduce(0) { $0 + Double($1) })
      squares.append(squares[frame] + row.reduce(0) { $0 + Double($1) * Double($1) })
    }
    for (frames, passages) in lengths {
      let columns = frames * bands
      let queries = FeatureMatrix(values: passages.flatMap { all[$0].values }, columns: columns)
      let starts = padded.frames - frames + 1
      let inverseNorms = (0..<starts).map { start -> Float in
        let sum = sums[start + frames] - sums[start]
        let square = squares[start + frames] - squares[start] - sum * sum / Double(columns)
        return square / Double(columns) > Self.leastVariance ? Float(1 / square.squareRoot()) : 0
      }
      for first in stride(from: 0, to: starts, by: 4096) {
        let count = min(4096, starts - first)
        let products = queries.slidingProducts(
          over: padded.values, from: first * bands, step: bands, count: count)
        for (row, passage) in passages.enumerated() {
          for shift in 0..<count {
            let similarity = products[row * count + shift] * inverseNorms[first + shift]
            if similarity > best[passage].similarity { best[passage] = (similarity, first + shift) }
          }
        }
      }
    }
    return best
  }
}
