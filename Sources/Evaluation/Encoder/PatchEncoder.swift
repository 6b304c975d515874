/// An encoder that is trained on the real set: what of a short patch of music tells how it goes on, by
/// canonical correlation (Hotelling 1936, Biometrika 28, 321).
///
/// Patches are whitened; the directions in which patches and those that follow them right after are
/// correlated most are learned. A window is what its patches are in these directions, how much they vary,
/// and how far what follows is from what was to be expected.
package struct PatchEncoder: Sendable {
  /// Frames of a patch.
  private static let length = 8
  /// What is added to a component's variance in whitening, in parts of the mean one: what hardly varies is
  /// not blown up.
  private static let leastVariance = 0.01
  private static let mostComponents = 64
  /// A component takes so many pairs of patches to learn from.
  private static let pairsPerComponent = 20
  private static let mostDirections = 32

  private let bands: Int
  private let mean: [Float]
  /// `[directions, patch values]`: what is taken of a patch, and of the one that follows it.
  private let past: FeatureMatrix
  private let future: FeatureMatrix

  package var directions: Int { past.rows }
  /// Features of a window, `directions` of each kind: means, deviations, surprises.
  package var columns: Int { 3 * directions }

  /// - Parameters:
  ///   - windows: the levels of each real window, row-major `[frames, bands]`, which hold two patches in
  ///     all.
  ///   - bands: of a frame.
  package init(trainedOn windows: [[Float]], bands: Int) {
    self.bands = bands
    let columns = Self.length * bands
    let patches = windows.map { Self.patches(of: $0, bands: bands) }
    var all = FeatureMatrix(columns: columns)
    for window in patches { all.append(contentsOf: window) }
    mean = all.means.map(Float.init)
    let pairs = patches.reduce(0) { $0 + max(0, $1.rows - Self.length) }
    let components = min(Self.mostComponents, columns, max(1, pairs / Self.pairsPerComponent))
    let whitening = Self.whitening(of: all, components: components)
    let cross = Self.followingProducts(
      patches.map { [mean] in Self.project($0, less: mean, onto: whitening) }, components)

    // Singular vectors of C: u of C Cᵀ, and v = Cᵀ u / s.
    let squares = (0..<components * components).map { index in
      let (i, j) = (index / components * components, index % components * components)
      return (0..<components).reduce(0) { $0 + cross[i + $1] * cross[j + $1] }
    }
    let eigen = SymmetricEigen(squares, size: components)
    let directions = min(Self.mostDirections, components)
    let left = Array(eigen.vectors[..<(directions * components)])
    let right = (0..<directions * components).map { index in
      let (k, j) = (index / components, index % components)
      let singular = max(eigen.values[k], 1e-20).squareRoot()
      return (0..<components).reduce(0) {
        $0 + cross[$1 * components + j] * left[k * components + $1]
      } / singular
    }
    func axes(_ vectors: [Double]) -> FeatureMatrix {
      FeatureMatrix(
        values: (0..<directions * columns).map { index in
          let (k, column) = (index / columns, index % columns)
          return Float(
            (0..<components).reduce(0) {
              $0 + vectors[k * components + $1] * Double(whitening[$1, column])
            })
        }, columns: columns)
    }
    (past, future) = (axes(left), axes(right))
  }

  /// In each direction the mean over a window's patches, their deviation, and the root of the mean square of
  /// a patch less the one that follows it: 0 where all is to be expected.
  package func encode(_ window: [Float]) -> [Float] {
    let patches = Self.patches(of: window, bands: bands)
    let now = Self.project(patches, less: mean, onto: past)
    let next = Self.project(patches, less: mean, onto: future)
    let pairs = max(0, patches.rows - Self.length)
    var (means, deviations, surprises): ([Float], [Float], [Float]) = ([], [], [])
    for k in 0..<directions {
      let course = (0..<now.rows).map { Double(now[$0, k]) }
      let figure = Figure(course)
      means.append(Float(figure.mean))
      deviations.append(Float(figure.deviation))
      let square = (0..<pairs).reduce(0.0) {
        let gap = course[$1] - Double(next[$1 + Self.length, k])
        return $0 + gap * gap
      }
      surprises.append(Float((square / Double(max(pairs, 1))).squareRoot()))
    }
    return means + deviations + surprises
  }

  /// One beginning at each frame.
  private static func patches(of window: [Float], bands: Int) -> FeatureMatrix {
    var window = window
    // A window shorter than a patch goes on as it ended.
    while window.count < length * bands { window += window.suffix(bands) }
    var patches = FeatureMatrix(columns: length * bands)
    for start in 0...window.count / bands - length {
      patches.append(Array(window[start * bands..<(start + length) * bands]))
    }
    return patches
  }

  /// `[components, columns]`: the principal directions of most variance, divided by its root.
  private static func whitening(of patches: FeatureMatrix, components: Int) -> FeatureMatrix {
    let columns = patches.columns
    let eigen = SymmetricEigen(patches.covariance, size: columns)
    let least = max(leastVariance * eigen.values.reduce(0, +) / Double(columns), 1e-9)
    return FeatureMatrix(
      values: (0..<components * columns).map { index in
        let variance = max(0, eigen.values[index / columns]) + least
        return Float(eigen.vectors[index] / variance.squareRoot())
      }, columns: columns)
  }

  /// The mean products of patches with those that follow them, row-major `[components, components]`.
  private static func followingProducts(
    _ windows: [FeatureMatrix], _ components: Int
  ) -> [Double] {
    var sums = [Double](repeating: 0, count: components * components)
    var pairs = 0
    for window in windows {
      for row in 0..<max(0, window.rows - length) {
        for i in 0..<components {
          let value = Double(window[row, i])
          for j in 0..<components {
            sums[i * components + j] += value * Double(window[row + length, j])
          }
        }
        pairs += 1
      }
    }
    return sums.map { $0 / Double(max(pairs, 1)) }
  }

  private static func project(
    _ patches: FeatureMatrix, less mean: [Float], onto axes: FeatureMatrix
  ) -> FeatureMatrix {
    let columns = patches.columns
    let centred = FeatureMatrix(
      values: patches.values.indices.map { patches.values[$0] - mean[$0 % columns] },
      columns: columns)
    return FeatureMatrix(values: centred.products(with: axes), columns: axes.rows)
  }
}
