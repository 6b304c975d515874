import CTorch

/// What can go wrong with tensors and the files that hold them.
public enum TorchError: Error, Equatable, CustomStringConvertible {
  /// libtorch refused an operation: its name, the first line of libtorch's message, and the
  /// shapes that the operation was given.
  case operation(String, message: String, shapes: [[Int]])
  /// The device had too little memory for the result of an operation.
  case outOfMemory(String, message: String, shapes: [[Int]])
  /// A parameter was asked for under a name that is taken.
  case duplicateParameter(String)
  /// A checkpoint does not fit the network that was built from it.
  case mismatchedParameters(missing: [String], misshapen: [String], unused: [String])
  /// A safetensors file, or another one, that cannot be read or written: path and reason.
  case file(String, reason: String)

  public var description: String {
    switch self {
    case .operation(let name, let message, let shapes):
      return Self.line(name, shapes) + ": " + message
    case .outOfMemory(let name, let message, let shapes):
      return Self.line(name, shapes) + ": out of memory: " + message
    case .duplicateParameter(let name):
      return "parameter \"\(name)\" is defined twice"
    case .mismatchedParameters(let missing, let misshapen, let unused):
      let parts = [("missing", missing), ("of another shape", misshapen), ("unused", unused)]
      let lists = parts.filter { !$0.1.isEmpty }.map { label, names in
        let shown = names.prefix(3).joined(separator: ", ")
        return "\(names.count) \(label) (\(shown)\(names.count > 3 ? ", …" : ""))"
      }
      return "the checkpoint does not fit the network: " + lists.joined(separator: "; ")
    case .file(let path, let reason):
      return "\(path): \(reason)"
    }
  }

  private static func line(_ name: String, _ shapes: [[Int]]) -> String {
    shapes.isEmpty ? name : name + " " + shapes.map(\.description).joined(separator: ", ")
  }
}

/// Throws what libtorch said if `status` is not success.
func check(_ status: CTStatus, _ operation: String, _ operands: [Tensor?] = []) throws {
  if status == CT_OK { return }
  let message = String(cString: ct_last_error())
  let shapes = operands.compactMap { $0?.shape }
  if status == CT_OUT_OF_MEMORY {
    throw TorchError.outOfMemory(operation, message: message, shapes: shapes)
  }
  throw TorchError.operation(operation, message: message, shapes: shapes)
}
