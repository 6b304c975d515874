/// Mel values back to linear ones: minimises `|| A x - m ||` over `x >= 0` for the filter bank `A`.
///
/// The start is the pseudo-inverse `A' (A A')^-1 m`, clipped at 0. A triangle of the bank overlaps
/// only its neighbours, so `A A'` is tridiagonal and the inverse costs no more than the product.
/// It is polished by the multiplicative updates of Lee and Seung 2001, equation 5 (divergence).
struct MelPseudoInverse: Sendable {
  private let bank: MelFilterBank
  /// Factors of `A A' = L D L'`: the pivots D and the entries left of L's diagonal.
  private let pivots: [Float]
  private let lower: [Float]
  /// `[fftBins]`: column sums of `A`.
  private let columnSums: [Float]

  /// A thread's working memory.
  struct Scratch {
    /// `[fftBins]` and up to three more: the result.
    var linear: [Float]
    var update: [Float]
    var mel: [Float]

    init(_ bank: MelFilterBank) {
      linear = [Float](repeating: 0, count: bank.fftBins + 3)
      update = linear
      mel = [Float](repeating: 0, count: bank.melBins)
    }
  }

  init(_ bank: MelFilterBank) {
    self.bank = bank
    let (melBins, fftBins) = (bank.melBins, bank.fftBins)
    func dot(_ a: Int, _ b: Int) -> Double {
      let bands = bank.bands[b]
      let end = min(fftBins, bands.bin + 4 * (bands.end - bands.start))
      return (bands.bin..<end).reduce(0) {
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
      let pivot = diagonal - (mel > 0 ? factor * beside : 0)
      pivots.append(diagonal > 0 ? pivot : .infinity)
      lower.append(factor)
    }
    self.pivots = pivots.map { Float($0) }
    self.lower = lower.map { Float($0) }
    columnSums = (0..<fftBins).map { bin in
      (0..<melBins).reduce(0) { $0 + bank.weights[$1 * fftBins + bin] }
    }
  }

  /// Solves for one frame, `[melBins]`, into `scratch.linear`, `[fftBins]`.
  func solve(_ mel: [Float], iterations: Int, _ scratch: inout Scratch) {
    let melBins = bank.melBins
    for i in 0..<melBins {
      scratch.mel[i] = mel[i] - (i > 0 ? lower[i] * scratch.mel[i - 1] : 0)
    }
    for i in stride(from: melBins - 1, through: 0, by: -1) {
      let above = i + 1 < melBins ? lower[i + 1] * scratch.mel[i + 1] : 0
      scratch.mel[i] = scratch.mel[i] / pivots[i] - above
    }
    transpose(scratch.mel, into: &scratch.linear)
    // Multiplicative updates cannot leave 0, so the start must not hold any where energy may be.
    for bin in 0..<bank.fftBins { scratch.linear[bin] = max(scratch.linear[bin], 1e-9) }
    for bin in bank.fftBins..<bank.fftBins + 3 { scratch.linear[bin] = 0 }

    for _ in 0..<iterations {
      scratch.mel.withUnsafeMutableBufferPointer { output in
        scratch.linear.withUnsafeBufferPointer { input in
          bank.apply(
            input.baseAddress.unsafelyUnwrapped, into: output.baseAddress.unsafelyUnwrapped)
        }
      }
      for i in 0..<melBins { scratch.mel[i] = mel[i] / max(scratch.mel[i], 1e-30) }
      transpose(scratch.mel, into: &scratch.update)
      for bin in 0..<bank.fftBins where columnSums[bin] > 0 {
        scratch.linear[bin] *= scratch.update[bin] / columnSums[bin]
      }
    }
    for bin in 0..<bank.fftBins where columnSums[bin] == 0 { scratch.linear[bin] = 0 }
  }

  /// `A' y`: `[melBins]` to `[fftBins]`.
  private func transpose(_ mel: [Float], into linear: inout [Float]) {
    linear.withUnsafeMutableBufferPointer { linear in
      linear.update(repeating: 0)
      let raw = UnsafeMutableRawPointer(linear.baseAddress.unsafelyUnwrapped)
      for (value, band) in zip(mel, bank.bands) {
        var offset = band.bin * MemoryLayout<Float>.stride
        for i in band.start..<band.end {
          let sum = raw.loadUnaligned(fromByteOffset: offset, as: SIMD4<Float>.self)
          raw.storeBytes(
            of: sum + value * bank.bandWeights[i], toByteOffset: offset, as: SIMD4<Float>.self)
          offset += MemoryLayout<SIMD4<Float>>.stride
        }
      }
    }
  }
}
