import Foundation

/// The tensors of a safetensors file in single precision, for programs that do without libtorch.
struct WeightFile {
  struct Tensor {
    var shape: [Int]
    var values: [Float]
  }

  let path: String
  private let data: Data
  private let tensors: [String: Entry]

  private struct Entry: Decodable {
    var dtype: String
    var shape: [Int]
    var offsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  /// - Throws: ``EvaluationError/unusableWeights(_:reason:)``.
  init(_ path: String) throws {
    self.path = path
    func unusable(_ reason: String) -> EvaluationError { .unusableWeights(path, reason: reason) }
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    else {
      throw unusable("there is no such file, or it is not readable")
    }
    let size = data.prefix(8).enumerated().reduce(UInt64(0)) {
      $0 | UInt64($1.element) << (8 * UInt64($1.offset))
    }
    guard data.count >= 8, size <= UInt64(data.count - 8),
      let json = try? JSONSerialization.jsonObject(with: data[8..<8 + Int(size)]),
      var members = json as? [String: Any]
    else { throw unusable("it is not a safetensors file (a .pth or .ckpt must be converted)") }
    members["__metadata__"] = nil
    guard
      let entries = try? JSONDecoder().decode(
        [String: Entry].self, from: JSONSerialization.data(withJSONObject: members))
    else { throw unusable("its header names no tensors") }
    self.data = data[(8 + Int(size))...]
    tensors = entries
  }

  /// - Parameters:
  ///   - name: of the tensor, before which the file may have the name of what holds it and a dot.
  ///   - dimensions: how many it must have.
  func tensor(_ name: String, dimensions: Int) throws -> Tensor {
    func unusable(_ reason: String) -> EvaluationError { .unusableWeights(path, reason: reason) }
    let found = tensors.filter { $0.key == name || $0.key.hasSuffix(".\(name)") }
    guard let entry = found.first?.value, found.count == 1 else {
      throw unusable(found.isEmpty ? "it has no tensor \(name)" : "it has \(name) more than once")
    }
    let bytesOf = ["F32": 4, "F16": 2, "BF16": 2]
    // Sides that would overflow make a size that no file has.
    let count = entry.shape.reduce(1) { min($0, 1 << 28) * min(max(0, $1), 1 << 28) }
    guard let bytes = bytesOf[entry.dtype], entry.shape.count == dimensions, count > 0,
      entry.offsets.count == 2, let start = entry.offsets.first, start >= 0,
      let end = entry.offsets.last, start <= end, end <= data.count,
      end - start == count * bytes
    else {
      throw unusable("\(name) is \(entry.dtype) \(entry.shape), or its bytes are not there")
    }
    let values = data.withUnsafeBytes { raw in
      (0..<count).map { index in
        let offset = start + bytes * index
        return switch entry.dtype {
        case "F32": Float(bitPattern: raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        case "F16": Float(raw.loadUnaligned(fromByteOffset: offset, as: Float16.self))
        default:
          Float(
            bitPattern: UInt32(raw.loadUnaligned(fromByteOffset: offset, as: UInt16.self)) << 16)
        }
      }
    }
    guard values.allSatisfy(\.isFinite) else { throw unusable("\(name) is not finite") }
    return Tensor(shape: entry.shape, values: values)
  }
}
