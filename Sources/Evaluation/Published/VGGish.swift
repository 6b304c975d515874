import Foundation
import Spectro

/// The network that the Fréchet audio distance is measured with: VGGish (Hershey et al. 2017,
/// arXiv:1609.09430), which makes 128 numbers of each 0.96 s. Its weights are Google's and are not part of
/// this program; it reads them from a safetensors file with the names of the package torchvggish.
public struct VGGish: Sendable {
  /// Hz, and samples of a patch and from one patch to the next.
  public static let sampleRate = 16_000
  static let patchLength = 95 * 160 + 400
  static let patchHop = 96 * 160

  private static let frames = 96
  private static let bands = 64

  /// One of 3 x 3 taps, padded by zeros, behind it ReLU and, where `isPooled`, the largest of 2 x 2.
  private struct Convolution: Sendable {
    /// `[out, in · 9]`.
    var weights: FeatureMatrix
    var bias: [Float]
    var isPooled: Bool
  }

  private struct Dense: Sendable {
    /// `[out, in]`.
    var weights: FeatureMatrix
    var bias: [Float]
  }

  private let convolutions: [Convolution]
  private let dense: [Dense]
  private let stft: STFT
  /// `[bands, bins]`.
  private let filters: FeatureMatrix

  /// Numbers of each patch.
  public var columns: Int { dense[dense.count - 1].bias.count }

  /// The places of the convolutions in torchvggish's sequence, and those behind which it halves.
  private static let places = [0, 3, 6, 8, 11, 13]
  private static let pooled: Set = [0, 3, 8, 13]

  /// - Parameter path: of a safetensors file of torchvggish's `features.N` and `embeddings.N`, or of a
  ///   network of other widths that is made in the same way; float32, float16 or bfloat16.
  /// - Throws: ``EvaluationError/unusableWeights(_:reason:)``.
  public init(contentsOf path: String) throws {
    let file = try WeightFile(path)
    func unusable(_ name: String, _ shape: [Int]) -> EvaluationError {
      .unusableWeights(path, reason: "\(name) has the shape \(shape), which is not VGGish's")
    }
    func bias(_ name: String, _ count: Int) throws -> [Float] {
      let tensor = try file.tensor("\(name).bias", dimensions: 1)
      guard tensor.values.count == count else { throw unusable("\(name).bias", tensor.shape) }
      return tensor.values
    }
    var width = 1
    convolutions = try Self.places.map { place in
      let name = "features.\(place)"
      let tensor = try file.tensor("\(name).weight", dimensions: 4)
      guard Array(tensor.shape[1...]) == [width, 3, 3] else {
        throw unusable("\(name).weight", tensor.shape)
      }
      width = tensor.shape[0]
      return Convolution(
        weights: FeatureMatrix(values: tensor.values, columns: tensor.values.count / width),
        bias: try bias(name, width), isPooled: Self.pooled.contains(place))
    }
    width *= Self.frames / 16 * (Self.bands / 16)
    dense = try [0, 2, 4].map { place in
      let name = "embeddings.\(place)"
      let tensor = try file.tensor("\(name).weight", dimensions: 2)
      guard tensor.shape[1] == width else { throw unusable("\(name).weight", tensor.shape) }
      defer { width = tensor.shape[0] }
      return Dense(
        weights: FeatureMatrix(values: tensor.values, columns: tensor.shape[1]),
        bias: try bias(name, tensor.shape[0]))
    }
    stft = STFT(fftSize: 512, hopLength: 160, windowLength: 400, threads: 1)
    filters = Self.makeFilters(bins: stft.bins)
  }

  /// Triangles on HTK's mel scale, straight in mel, from 125 to 7500 Hz, without the bin at 0 Hz, as
  /// AudioSet's front end has them.
  private static func makeFilters(bins: Int) -> FeatureMatrix {
    func mel(_ hertz: Double) -> Double { log(1 + hertz / 700) }
    let (bottom, top) = (mel(125), mel(7500))
    let step = (top - bottom) / Double(bands + 1)
    var values = [Float](repeating: 0, count: bands * bins)
    for band in 0..<bands {
      let center = bottom + step * Double(band + 1)
      for bin in 1..<bins {
        let place = mel(Double(bin) * Double(sampleRate) / 2 / Double(bins - 1))
        values[band * bins + bin] = Float(max(0, 1 - abs(place - center) / step))
      }
    }
    return FeatureMatrix(values: values, columns: bins)
  }

  /// The embeddings of all whole patches of 0.96 s, one after the other, `[patches, columns]`: the last
  /// layer as it is, without the ReLU that some implementations put behind it, and without the PCA of
  /// AudioSet's release.
  ///
  /// - Parameter samples: mono, at ``sampleRate``.
  public func embeddings(of samples: [Float]) -> FeatureMatrix {
    let patches = Self.patches(sampleCount: samples.count)
    guard patches > 0 else { return FeatureMatrix(columns: columns) }
    let levels = logMel(of: samples)
    var values: [Float] = []
    for patch in 0..<patches {
      let start = patch * Self.frames * Self.bands
      values += convolved(Array(levels[start..<start + Self.frames * Self.bands]))
    }
    var rows = FeatureMatrix(values: values, columns: values.count / patches)
    for (number, layer) in dense.enumerated() {
      var outputs = rows.products(with: layer.weights)
      let isLast = number == dense.count - 1
      for index in outputs.indices {
        let sum = outputs[index] + layer.bias[index % layer.bias.count]
        outputs[index] = isLast ? sum : max(0, sum)
      }
      rows = FeatureMatrix(values: outputs, columns: layer.bias.count)
    }
    return rows
  }

  static func patches(sampleCount: Int) -> Int {
    sampleCount < patchLength ? 0 : 1 + (sampleCount - patchLength) / patchHop
  }

  /// `ln(mel + 0.01)` of magnitudes, `[frames, bands]`; the first frame's window begins at the first
  /// sample.
  private func logMel(of samples: [Float]) -> [Float] {
    // Frames of `STFT` are centred on multiples of the hop: with so many samples before, the third of
    // them is the first here.
    let magnitudes = stft.magnitudes(of: [Float](repeating: 0, count: 2 * 160 - 200) + samples)
    let first = 2 * magnitudes.bins
    let rows = FeatureMatrix(values: Array(magnitudes.values[first...]), columns: magnitudes.bins)
    return rows.products(with: filters).map { log($0 + 0.01) }
  }

  /// One patch through the convolutions, `[frames / 16 · bands / 16 · width]`, the width innermost.
  private func convolved(_ patch: [Float]) -> [Float] {
    var (values, rows, columns, width) = (patch, Self.frames, Self.bands, 1)
    for layer in convolutions {
      let neighbourhoods = Self.neighbourhoods(values, rows, columns, width)
      let sums = neighbourhoods.products(with: layer.weights)
      width = layer.bias.count
      values = zip(sums.indices, sums).map { max(0, $1 + layer.bias[$0 % width]) }
      if layer.isPooled {
        values = Self.pooled(values, rows, columns, width)
        (rows, columns) = (rows / 2, columns / 2)
      }
    }
    return values
  }

  /// `[rows · columns, width · 9]` of `[rows, columns, width]`: what each of the taps meets at each place.
  private static func neighbourhoods(
    _ values: [Float], _ rows: Int, _ columns: Int, _ width: Int
  ) -> FeatureMatrix {
    let size = 9 * width
    var result = [Float](repeating: 0, count: rows * columns * size)
    result.withUnsafeMutableBufferPointer { result in
      values.withUnsafeBufferPointer { values in
        for row in 0..<rows {
          for column in 0..<columns {
            let place = (row * columns + column) * size
            for tap in 0..<9 {
              let (r, c) = (row + tap / 3 - 1, column + tap % 3 - 1)
              guard 0 <= r, r < rows, 0 <= c, c < columns else { continue }
              let source = (r * columns + c) * width
              for channel in 0..<width {
                result[place + channel * 9 + tap] = values[source + channel]
              }
            }
          }
        }
      }
    }
    return FeatureMatrix(values: result, columns: size)
  }

  private static func pooled(
    _ values: [Float], _ rows: Int, _ columns: Int, _ width: Int
  ) -> [Float] {
    var result = [Float](repeating: 0, count: rows / 2 * (columns / 2) * width)
    for row in 0..<rows / 2 * 2 {
      for column in 0..<columns / 2 * 2 {
        let source = (row * columns + column) * width
        let target = (row / 2 * (columns / 2) + column / 2) * width
        for channel in 0..<width {
          // After ReLU nothing is below 0.
          result[target + channel] = max(result[target + channel], values[source + channel])
        }
      }
    }
    return result
  }
}
