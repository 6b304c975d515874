package import Torch

/// How a model's file holds its weights.
public enum WeightFormat: String, Sendable, CaseIterable {
  /// 11 significant bits of each.
  case float16
  /// 8 bits of nearly all, in steps of a row of a matrix, which for a convolution is an output channel.
  case int8
}

/// The weights of a model's file.
///
/// In int8 the values of a row, all that have the same index in the first dimension, are whole multiples from
/// −127 to 127 of the row's step, the 127th part of its largest magnitude (absmax quantisation, by rows:
/// Dettmers et al. 2022, arXiv:2208.07339). Beside a parameter `x` that is kept so are its steps, `x_scale`,
/// float32, `[rows, 1, ...]`, which it is to be multiplied by. Kept so is what has several rows of
/// ``leastRow`` finite values or more; the rest is in float16.
package enum SavedWeights {
  static let leastRow = 32
  private static let scaleSuffix = "_scale"

  /// - Parameter parameters: of any floating type and on any device.
  /// - Returns: what a file holds, and its format: float16 where nothing is worth int8.
  package static func encode(
    _ parameters: [(name: String, tensor: Tensor)], as format: WeightFormat
  ) throws -> (tensors: [(name: String, tensor: Tensor)], format: WeightFormat) {
    let tensors = try parameters.flatMap { name, tensor -> [(name: String, tensor: Tensor)] in
      let tensor = try tensor.detach()
      guard format == .int8, try isWorthSteps(tensor) else {
        return [(name, try tensor.to(.float16))]
      }
      let (whole, scale) = try quantized(tensor)
      return [(name, whole), (name + scaleSuffix, scale)]
    }
    return (tensors, self.format(of: tensors.map(\.tensor)))
  }

  /// - Returns: what a network is loaded from, and how the file held it.
  /// - Throws: `TorchError.mismatchedParameters` where steps are missing or no steps.
  package static func decode(
    _ tensors: [String: Tensor]
  ) throws -> (parameters: [String: Tensor], format: WeightFormat) {
    var parameters = tensors
    var (missing, misshapen): ([String], [String]) = ([], [])
    for (name, whole) in tensors.sorted(by: { $0.key < $1.key }) where whole.dtype == .int8 {
      let (scaleName, shape) = (name + scaleSuffix, scaleShape(of: whole))
      guard let scale = tensors[scaleName] else {
        missing.append(scaleName)
        continue
      }
      guard scale.shape == shape, scale.dtype == .float32 else {
        misshapen.append("\(scaleName) \(scale.dtype) \(scale.shape) for float32 \(shape)")
        continue
      }
      parameters[scaleName] = nil
      parameters[name] = try whole.to(.float32) * scale
    }
    guard missing.isEmpty && misshapen.isEmpty else {
      throw TorchError.mismatchedParameters(missing: missing, misshapen: misshapen, unused: [])
    }
    return (parameters, format(of: tensors.values))
  }

  private static func format(of tensors: some Sequence<Tensor>) -> WeightFormat {
    tensors.contains { $0.dtype == .int8 } ? .int8 : .float16
  }

  private static func isWorthSteps(_ tensor: Tensor) throws -> Bool {
    guard tensor.rank >= 2, tensor.shape[0] > 1 else { return false }
    return try tensor.count / tensor.shape[0] >= leastRow && tensor.allFinite()
  }

  /// - Parameter tensor: `[rows, ...]`.
  /// - Returns: int8 of the same shape, and the steps, `[rows, 1, ...]`.
  private static func quantized(_ tensor: Tensor) throws -> (whole: Tensor, scale: Tensor) {
    let values = try tensor.floats()
    let size = values.count / tensor.shape[0]
    var whole = [Int8](repeating: 0, count: values.count)
    var scales: [Float] = []
    for start in stride(from: 0, to: values.count, by: size) {
      let row = start..<start + size
      let scale = (values[row].lazy.map(abs).max() ?? 0) / 127
      scales.append(scale)
      guard scale > 0 else { continue }
      for i in row {
        whole[i] = Int8(min(max((values[i] / scale).rounded(.toNearestOrEven), -127), 127))
      }
    }
    return (
      try Tensor(whole, shape: tensor.shape), try Tensor(scales, shape: scaleShape(of: tensor))
    )
  }

  private static func scaleShape(of tensor: Tensor) -> [Int] {
    let shape = tensor.shape
    return shape.prefix(1) + [Int](repeating: 1, count: max(shape.count - 1, 0))
  }
}
