import CSpectro

/// `A x` for a filter bank `A` most of whose weights are 0.
struct FilterProduct: Sendable {
  private let filters: Int
  /// As `sp_filter` takes them: filters in groups of eight, and for each in a group as many weights.
  private let starts, vectors: [Int32]
  private let weights: [Float]

  /// - Parameters:
  ///   - matrix: `[bands.count, bins]`.
  ///   - bands: the part of each row that is not 0.
  init(_ matrix: [Float], bands: [Range<Int>], bins: Int) {
    var (starts, vectors, weights) = ([Int32](), [Int32](), [Float]())
    for first in stride(from: 0, to: bands.count, by: 8) {
      let group = first..<first + 8
      let length = ((bands[group.clamped(to: bands.indices)].map(\.count).max() ?? 0) + 7) / 8 * 8
      // A band at the end of the spectrum starts before it does, so that it ends with the spectrum.
      let latest = max(0, (bins + 7) / 8 * 8 - length)
      let origins = group.map { $0 < bands.count ? min(bands[$0].lowerBound, latest) : 0 }
      for offset in stride(from: 0, to: length, by: 8) {
        for (filter, origin) in zip(group, origins) {
          for bin in origin + offset..<origin + offset + 8 {
            let isInside = filter < bands.count && bands[filter].contains(bin)
            weights.append(isInside ? matrix[filter * bins + bin] : 0)
          }
        }
      }
      starts += origins.map { Int32($0) }
      vectors.append(Int32(length / 8))
    }
    filters = bands.count
    (self.starts, self.vectors, self.weights) = (starts, vectors, weights)
  }

  /// - Parameters:
  ///   - spectrum: `[bins]`, and `MelFilterBank.padding` finite values.
  ///   - output: `[filters]`.
  func callAsFunction(_ spectrum: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>) {
    sp_filter(spectrum, starts, vectors, weights, output, filters)
  }
}

/// `A' y` for a bank of triangular filters, each of which begins where its neighbour has its peak: no
/// bin is seen by more than two, which are neighbours.
struct TransposedFilterProduct: Sendable {
  /// `[filters + 1]`: the first bin that filter `k` and the next one see, and at last `bins`.
  private var starts: [Int32]
  /// `[bins]` and `MelFilterBank.padding` zeros: the weights of the lower and the upper of two filters.
  private var falling, rising: [Float]

  /// - Parameters: see `FilterProduct`.
  init(_ matrix: [Float], bands: [Range<Int>], bins: Int) {
    starts = [0]
    falling = [Float](repeating: 0, count: bins + MelFilterBank.padding)
    rising = falling
    for bin in 0..<bins {
      while starts.count < bands.count && bands[starts.count - 1].upperBound <= bin {
        starts.append(Int32(bin))
      }
      let lower = starts.count - 1
      falling[bin] = matrix[lower * bins + bin]
      if lower + 1 < bands.count { rising[bin] = matrix[(lower + 1) * bins + bin] }
    }
    while starts.count <= bands.count { starts.append(Int32(bins)) }
  }

  /// The product with each bin divided by the sum of its weights; 0 where no filter sees it.
  func dividedByColumnSums() -> Self {
    var result = self
    for bin in falling.indices {
      let sum = falling[bin] + rising[bin]
      if sum > 0 {
        result.falling[bin] /= sum
        result.rising[bin] /= sum
      }
    }
    return result
  }

  /// - Parameters:
  ///   - values: `[filters]`, finite.
  ///   - output: `[bins]` and `MelFilterBank.padding` more, which may become anything finite.
  func callAsFunction(_ values: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>) {
    sp_spread(values, starts, starts.count - 1, falling, rising, output)
  }

  /// The product times `factors`.
  ///
  /// - Parameters:
  ///   - values: `[filters]`, finite.
  ///   - factors: `[bins]` and `MelFilterBank.padding` more, finite.
  ///   - output: `[bins]` and `MelFilterBank.padding` more, which may become anything finite; not
  ///     `factors`.
  func callAsFunction(
    _ values: UnsafePointer<Float>, times factors: UnsafePointer<Float>,
    into output: UnsafeMutablePointer<Float>
  ) {
    sp_update(factors, values, starts, starts.count - 1, falling, rising, output)
  }
}
