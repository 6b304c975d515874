import CSpectro

/// Mel values back to linear ones: `x >= 0` with `A x` near `m` for the filter bank `A`.
///
/// The start is the pseudo-inverse `A' (A A')^-1 m`, clipped at 0. A triangle of the bank overlaps
/// only its neighbours, so `A A'` is tridiagonal and the inverse costs no more than the product.
/// It is polished by the multiplicative updates of Lee and Seung 2001 (theorem 2), which descend
/// in the divergence of `A x` from `m` and keep zeros zero.
struct MelInverse: Sendable {
  let bank: MelFilterBank
  /// The lowest bins that no filter sees: that of 0 Hz, or all below the lowest frequency.
  let unseenBins: Int
  /// Factors of `A A' = L D L'`: the pivots D and the entries left of L's diagonal.
  private let pivots: [Float]
  private let lower: [Float]
  /// `A'` over the column sums of `A`.
  private let updates: TransposedFilterProduct

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
    updates = bank.transposedProduct.dividedByColumnSums()
  }

  /// Solves for one frame.
  ///
  /// - Parameters:
  ///   - mel: `[melBins]`.
  ///   - linear: `[fftBins]` and `MelFilterBank.padding` more, which become 0.
  ///   - iterations: multiplicative updates after the clipped pseudo-inverse.
  func solve(
    _ mel: UnsafePointer<Float>, into linear: UnsafeMutablePointer<Float>, iterations: Int
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
    for bin in fftBins..<fftBins + MelFilterBank.padding { linear[bin] = 0 }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: fftBins + MelFilterBank.padding) {
      gains in
      let gains = gains.baseAddress.unsafelyUnwrapped
      for _ in 0..<iterations {
        self.gains(linear, toward: mel, into: gains)
        for bin in 0..<fftBins { linear[bin] *= gains[bin] }
      }
    }
  }

  /// What one update multiplies each bin with: `A'(m / A x)` over the column sums of `A`.
  ///
  /// - Parameters:
  ///   - linear: `[fftBins]` and `MelFilterBank.padding` more, finite.
  ///   - scale: what `linear` is to be multiplied with to be `x`.
  ///   - mel: `[melBins]`.
  ///   - gains: `[fftBins]` and `MelFilterBank.padding` more.
  func gains(
    _ linear: UnsafePointer<Float>, scale: Float = 1, toward mel: UnsafePointer<Float>,
    into gains: UnsafeMutablePointer<Float>
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: bank.melBins) { ratios in
      let ratios = ratios.baseAddress.unsafelyUnwrapped
      bank.product(linear, into: ratios)
      sp_divide(mel, ratios, scale, 1e-30, ratios, bank.melBins)
      updates(ratios, into: gains)
    }
  }
}
