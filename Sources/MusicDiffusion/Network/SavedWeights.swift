import Torch

/// How a model's file holds its weights.
public enum WeightFormat: String, Sendable, CaseIterable {
  /// 11 significant bits of each.
  case float16
  /// 8 bits of each weight of products and convolutions, in steps of their output channel.
  case int8
}

/// The weights of a model's file.
///
/// In int8 the values of an output channel, the first dimension, are whole multiples from −127 to 127 of the
/// channel's step, the 127th part of its largest magnitude (absmax quantisation, by rows: Dettmers et al.
/// 2022, arXiv:2208.07339). A parameter `x` that is kept so is beside its steps, `x_scale`, float32, of the
/// same rank. So are parameters of two dimensions or more and of ``quantizedCount`` values or more, which are
/// nearly all; the others are in float16.
enum SavedWeights {
  static let quantizedCount = 4096
  private static let scaleSuffix = "_scale"

  static func encode(
    _ parameters: [(name: String, tensor: Tensor)], as format: WeightFormat
  ) throws -> [(name: String, tensor: Tensor)] {
    try parameters.flatMap { name, tensor -> [(name: String, tensor: Tensor)] in
      let tensor = try tensor.detach()
      let isLarge = tensor.rank >= 2 && tensor.count >= quantizedCount
      guard format == .int8, isLarge, try tensor.allFinite() else {
        return [(name, try tensor.to(.float16))]
      }
      let (whole, scale) = try quantized(tensor)
      return [(name, whole), (name + scaleSuffix, scale)]
    }
  }

  /// - Returns: what a network is loaded from, and how the file held it.
  /// - Throws: `TorchError.mismatchedParameters` where steps are missing or of another shape.
  static func decode(
    _ tensors: [String: Tensor]
  ) throws -> (parameters: [String: Tensor], format: WeightFormat) {
    var (parameters, format) = (tensors, WeightFormat.float16)
    for (name, tensor) in tensors where tensor.dtype == .int8 {
      let scaleName = name + scaleSuffix
      guard let scale = parameters.removeValue(forKey: scaleName) else {
        throw TorchError.mismatchedParameters(missing: [scaleName], misshapen: [], unused: [])
      }
      let wanted = scaleShape(of: tensor)
      guard scale.shape == wanted else {
        throw TorchError.mismatchedParameters(
          missing: [], misshapen: ["\(scaleName) \(scale.shape) for \(wanted)"], unused: [])
      }
      parameters[name] = try tensor.to(.float32) * scale.to(.float32)
      format = .int8
    }
    return (parameters, format)
  }

  /// - Parameter tensor: `[output channels, ...]`.
  /// - Returns: int8 of the same shape, and the steps, `[output channels, 1, ...]`.
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
