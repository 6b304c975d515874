import CSpectro

/// Mel values back to linear ones: `x >= 0` with `A x` near `m` for the filter bank `A`.
///
/// The start is the pseudo-inverse `A' (A A')^-1 m`, clipped at 0. A triangle of the bank overlaps
/// only its neighbours, so `A A'` is tridiagonal and the inverse costs no more than the product.
/// It is polished by multiplicative updates, which keep zeros zero. Those of Lee and Seung 2001
/// (theorem 2) multiply with `G r`, where `G` is `A'` over the column sums of `A` and `r = m / A x`.
/// Ours multiply with `G g` for gains `g` of the mel bins that are nearer to what is wanted,
/// `A (x G g) = m`. The left side is `T g` with a tridiagonal matrix `T`, again since filters overlap
/// their neighbours alone: so a few steps `g <- g m / T g`, of which `r` is the first from 1, cost little
/// beside one update, and each update does the work of several.
struct MelInverse: Sendable {
  let bank: MelFilterBank
  /// The lowest bins that no filter sees: that of 0 Hz, or all below the lowest frequency.
  let unseenBins: Int
  /// Factors of `A A' = L D L'`: the pivots D and the entries left of L's diagonal.
  private let pivots: [Float]
  private let lower: [Float]
  /// `G`.
  private let spread: TransposedFilterProduct
  /// `T` as a product with `x`: its diagonal and the entries beside it.
  private let overlaps: FilterProduct

  init(_ bank: MelFilterBank) {
    self.bank = bank
    unseenBins = bank.bands.first { !$0.isEmpty }?.lowerBound ?? 0
    let (melBins, fftBins) = (bank.melBins, bank.fftBins)
    func dot(_ a: Int, _ b: Int) -> Double {
      bank.bands[b].reduce(0) {
        $0 + Double(bank.weights[a * fftBins + $1]) * Double(bank.weights[b * fftBins + $1])
      }
    }
    // A filter between two bins is empty, and filters narrower than a bin repeat each other: both
    // make A A' singular. The ridge keeps it solvable; an empty filter has no say.
    var (pivots, lower) = ([Double](), [Double]())
    for mel in 0..<melBins {
      let diagonal = dot(mel, mel) * (1 + 1e-4)
      let beside = mel > 0 ? dot(mel, mel - 1) : 0
      let factor = mel > 0 ? beside / pivots[mel - 1] : 0
      pivots.append(diagonal > 0 ? diagonal - factor * beside : .infinity)
      lower.append(factor)
    }
    self.pivots = pivots.map { Float($0) }
    self.lower = lower.map { Float($0) }
    spread = bank.transposedProduct.dividedByColumnSums()
    overlaps = Self.overlaps(bank)
  }

  /// `A_ki G_ik` for each filter `k`, then `A_ki G_i(k+1)`.
  private static func overlaps(_ bank: MelFilterBank) -> FilterProduct {
    let (melBins, fftBins) = (bank.melBins, bank.fftBins)
    var sums = [Float](repeating: 0, count: fftBins)
    for mel in 0..<melBins {
      for bin in bank.bands[mel] { sums[bin] += bank.weights[mel * fftBins + bin] }
    }
    var matrix = [Float](repeating: 0, count: 2 * melBins * fftBins)
    var bands = bank.bands + bank.bands
    for mel in 0..<melBins {
      let next = mel + 1 < melBins ? bank.bands[mel + 1] : 0..<0
      bands[melBins + mel] = bank.bands[mel].clamped(to: next)
      for (row, other) in [(mel, mel), (melBins + mel, mel + 1)] {
        for bin in bands[row] {
          let weights = (bank.weights[mel * fftBins + bin], bank.weights[other * fftBins + bin])
          matrix[row * fftBins + bin] = weights.0 * weights.1 / sums[bin]
        }
      }
    }
    return FilterProduct(matrix, bands: bands, bins: fftBins)
  }

  /// Solves for one frame.
  ///
  /// - Parameters:
  ///   - mel: `[melBins]`.
  ///   - linear: `[fftBins]` and `MelFilterBank.padding` more, which become 0.
  ///   - iterations: updates after the clipped pseudo-inverse.
  func solve(
    _ mel: UnsafePointer<Float>, into linear: UnsafeMutablePointer<Float>, iterations: Int,
    steps: Int
  ) {
    let (melBins, fftBins) = (bank.melBins, bank.fftBins)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: melBins) { dual in
      for i in 0..<melBins { dual[i] = mel[i] - (i > 0 ? lower[i] * dual[i - 1] : 0) }
      for i in stride(from: melBins - 1, through: 0, by: -1) {
        dual[i] = dual[i] / pivots[i] - (i + 1 < melBins ? lower[i + 1] * dual[i + 1] : 0)
      }
      bank.transposedProduct(dual.baseAddress.unsafelyUnwrapped, into: linear)
    }
    // Not 0, which no update could leave.
    for bin in 0..<fftBins { linear[bin] = max(linear[bin], 1e-20) }
    (linear + fftBins).update(repeating: 0, count: MelFilterBank.padding)
    let padded = fftBins + MelFilterBank.padding
    withUnsafeTemporaryAllocation(of: Float.self, capacity: padded) { other in
      var (from, to) = (linear, other.baseAddress.unsafelyUnwrapped)
      for _ in 0..<iterations {
        update(from, toward: mel, steps: steps, into: to)
        swap(&from, &to)
      }
      if from != linear { linear.update(from: from, count: padded) }
    }
  }

  /// One update.
  ///
  /// - Parameters:
  ///   - linear: `[fftBins]` and `MelFilterBank.padding` more, finite.
  ///   - scale: what `linear` is to be multiplied with to be `x`.
  ///   - mel: `[melBins]`.
  ///   - steps: towards the gains of the mel bins; 1 makes it Lee and Seung's update.
  ///   - output: `[fftBins]` and `MelFilterBank.padding` more, which become 0; not `linear`.
  func update(
    _ linear: UnsafePointer<Float>, scale: Float = 1, toward mel: UnsafePointer<Float>, steps: Int,
    into output: UnsafeMutablePointer<Float>
  ) {
    let melBins = bank.melBins
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 4 * melBins + 4) { scratch in
      // Each with a 0 at both ends.
      var gains = scratch.baseAddress.unsafelyUnwrapped + 1
      var next = gains + melBins + 2
      let diagonal = next + melBins + 1
      let beside = diagonal + melBins
      for edge in [gains - 1, gains + melBins, next - 1, next + melBins] { edge.pointee = 0 }
      gains.update(repeating: 1, count: melBins)
      overlaps(linear, into: diagonal)
      for _ in 0..<steps {
        sp_fit(mel, diagonal, beside, scale, gains, next, melBins)
        swap(&gains, &next)
      }
      spread(gains, times: linear, into: output)
    }
    (output + bank.fftBins).update(repeating: 0, count: MelFilterBank.padding)
  }
}
