/// Mel values back to linear ones: `x >= 0` with `A x` near `m` for the filter bank `A`.
///
/// The start is the pseudo-inverse `A' (A A')^-1 m`, clipped at 0. A triangle of the bank overlaps
/// only its neighbours, so `A A'` is tridiagonal and the inverse costs no more than the product.
/// It is polished by the multiplicative updates of Lee and Seung 2001 (theorem 2), which descend
/// in the divergence of `A x` from `m` and keep zeros zero.
struct MelInverse: Sendable {
  let bank: MelFilterBank
  /// Factors of `A A' = L D L'`: the pivots D and the entries left of L's diagonal.
  private let pivots: [Float]
  private let lower: [Float]
  /// `[fftBins]`: one over the column sums of `A`; 0 for bins that no filter sees.
  private let columnGains: [Float]

  init(_ bank: MelFilterBank) {
    self.bank = bank
    let (melBins, fftBins) = (bank.melBins, bank.fftBins)
    func dot(_ a: Int, _ b: Int) -> Double {
      let band = bank.bands[b]
      let end = min(fftBins, band.bin + 4 * (band.end - band.start))
      return (band.bin..<end).reduce(0) {
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
    columnGains = (0..<fftBins).map { bin in
      let sum = (0..<melBins).reduce(0) { $0 + bank.weights[$1 * fftBins + bin] }
      return sum > 0 ? 1 / sum : 0
    }
  }

  /// Solves for one frame.
  ///
  /// - Parameters:
  ///   - mel: `[melBins]`.
  ///   - linear: `[fftBins]` and three more, which become 0.
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
      bank.applyTransposed(dual.baseAddress.unsafelyUnwrapped, into: linear)
    }
    // Not 0, which no update could leave.
    for bin in 0..<fftBins { linear[bin] = max(linear[bin], 1e-20) }
    for bin in fftBins..<fftBins + 3 { linear[bin] = 0 }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: fftBins + 3) { gains in
      let gains = gains.baseAddress.unsafelyUnwrapped
      for _ in 0..<iterations {
        self.gains(linear, toward: mel, into: gains)
        for bin in 0..<fftBins { linear[bin] *= gains[bin] }
      }
    }
  }

  /// What one update multiplies each bin with: `A'(m / A x)` over the column sums of `A`. Does not
  /// depend on the scale of `x` but to undo it.
  ///
  /// - Parameters:
  ///   - linear: `[fftBins]` and three more, finite.
  ///   - mel: `[melBins]`.
  ///   - gains: `[fftBins]` and three more.
  func gains(
    _ linear: UnsafePointer<Float>, toward mel: UnsafePointer<Float>,
    into gains: UnsafeMutablePointer<Float>
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: bank.melBins) { ratios in
      let ratios = ratios.baseAddress.unsafelyUnwrapped
      bank.apply(linear, into: ratios)
      for i in 0..<bank.melBins { ratios[i] = mel[i] / max(ratios[i], 1e-30) }
      bank.applyTransposed(ratios, into: gains)
    }
    columnGains.withUnsafeBufferPointer { columnGains in
      for bin in 0..<bank.fftBins { gains[bin] *= columnGains[bin] }
    }
  }
}
