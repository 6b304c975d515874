import CTorch
import Synchronization

/// How a new parameter's values are drawn.
public enum Initializer: Sendable {
  case zeros
  case ones
  case normal(standardDeviation: Double)
  /// Uniform over ± this bound.
  case uniform(Double)
  /// Uniform over ± gain / √fanIn: at a gain of 1, PyTorch's default for linear and
  /// convolution layers (He et al. 2015, arXiv:1502.01852, with a negative slope of √5).
  case kaimingUniform(fanIn: Int, gain: Double = 1)

  func values(_ count: Int, from generator: inout RandomGenerator) -> [Float] {
    switch self {
    case .zeros: return [Float](repeating: 0, count: count)
    case .ones: return [Float](repeating: 1, count: count)
    case .normal(let deviation): return generator.normals(count).map { $0 * Float(deviation) }
    case .uniform(let bound): return generator.uniforms(count).map { (2 * $0 - 1) * Float(bound) }
    case .kaimingUniform(let fanIn, let gain):
      let bound = gain / Double(max(fanIn, 1)).squareRoot()
      return Initializer.uniform(bound).values(count, from: &generator)
    }
  }
}

/// The parameters of a network by name, in order of creation: float32 leaves that gather
/// gradients.
///
/// A network is built from the store's `root`. A store with a seed draws each parameter from a
/// generator keyed by the seed and the parameter's full name, so that the order of creation does
/// not matter; a store with loaded tensors hands out copies of those.
public final class ParameterStore: Sendable {
  private struct State {
    var names: [String] = []
    var tensors: [Tensor] = []
    var decays: [Bool] = []
    var positions: [String: Int] = [:]
    var missing: [String] = []
    var misshapen: [String] = []
  }

  private let state = Mutex(State())
  private let seed: UInt64
  private let loaded: [String: Tensor]?
  private let initialDevice: Device

  /// For a new network.
  public init(seed: UInt64, device: Device = .cpu) {
    self.seed = seed
    loaded = nil
    initialDevice = device
  }

  /// For a saved network; call `finishLoading()` once it is built.
  public init(loading tensors: [String: Tensor], device: Device = .cpu) {
    seed = 0
    loaded = tensors
    initialDevice = device
  }

  /// Where a network's names begin.
  public var root: ParameterPath { ParameterPath(store: self, prefix: "") }

  public var names: [String] { state.withLock { $0.names } }
  public var tensors: [Tensor] { state.withLock { $0.tensors } }
  /// For each parameter, whether weight decay pulls it towards 0.
  public var decays: [Bool] { state.withLock { $0.decays } }
  public var named: [(name: String, tensor: Tensor)] {
    state.withLock { state in zip(state.names, state.tensors).map { (name: $0, tensor: $1) } }
  }

  /// The number of values in all parameters.
  public var count: Int { tensors.reduce(0) { $0 + $1.count } }

  public subscript(name: String) -> Tensor? {
    state.withLock { state in state.positions[name].map { state.tensors[$0] } }
  }

  /// - Throws: `TorchError.mismatchedParameters` if the tensors given to `init(loading:)` were
  ///   not those that the network asked for, each in its shape.
  public func finishLoading() throws {
    guard let loaded else { return }
    let (asked, missing, misshapen) = state.withLock { ($0.positions, $0.missing, $0.misshapen) }
    let unused = loaded.keys.filter { asked[$0] == nil }.sorted()
    if missing.isEmpty && misshapen.isEmpty && unused.isEmpty { return }
    throw TorchError.mismatchedParameters(missing: missing, misshapen: misshapen, unused: unused)
  }

  /// Moves all parameters; networks built from this store move with them.
  public func to(_ device: Device) throws {
    for tensor in tensors {
      let moved = try tensor.detach().to(device)
      let status = withExtendedLifetime((tensor, moved)) {
        ct_set_data(tensor.pointer, moved.pointer)
      }
      try check(status, "move to \(device)", [tensor])
    }
  }

  /// Takes the values of tensors with the parameters' names and shapes.
  ///
  /// - Throws: `TorchError.mismatchedParameters` where one is absent or of another shape; nothing has
  ///   changed then.
  public func copy(from tensors: [String: Tensor]) throws {
    let missing = names.filter { tensors[$0] == nil }
    let misshapen = named.filter {
      tensors[$0.name].map(\.shape) ?? $0.tensor.shape != $0.tensor.shape
    }
    .map(\.name)
    guard missing.isEmpty && misshapen.isEmpty else {
      throw TorchError.mismatchedParameters(missing: missing, misshapen: misshapen, unused: [])
    }
    for (name, tensor) in named {
      if let source = tensors[name] { try tensor.detach().copy(from: source.detach()) }
    }
  }

  /// One for each parameter; nil where `backward()` has left none.
  public var gradients: [Tensor?] { tensors.map(\.gradient) }

  public func zeroGradients() {
    for tensor in tensors { tensor.zeroGradient() }
  }

  fileprivate func make(
    _ name: String, _ shape: [Int], _ initializer: Initializer, decays: Bool
  ) throws -> Tensor {
    let source = loaded?[name]
    let fits = source?.shape == shape
    let tensor =
      if let source, fits {
        try source.detach().to(.float32).to(initialDevice).clone().requiringGrad()
      } else if loaded != nil {
        // Loading fails anyway: one zero stands for all, however large a damaged file asks for.
        try Tensor.zeros([], device: initialDevice).expand(shape).requiringGrad()
      } else {
        try initial(name, shape, initializer).requiringGrad()
      }
    try state.withLock { state in
      guard state.positions.updateValue(state.tensors.count, forKey: name) == nil else {
        throw TorchError.duplicateParameter(name)
      }
      state.names.append(name)
      state.tensors.append(tensor)
      state.decays.append(decays)
      guard loaded != nil, !fits else { return }
      if let source {
        state.misshapen.append("\(name) \(source.shape) for \(shape)")
      } else {
        state.missing.append(name)
      }
    }
    return tensor
  }

  private func initial(_ name: String, _ shape: [Int], _ initializer: Initializer) throws -> Tensor
  {
    var generator = RandomGenerator(seed: seed, stream: Self.hash(name))
    let values = initializer.values(shape.reduce(1, *), from: &generator)
    return try Tensor(values, shape: shape, device: initialDevice)
  }

  /// Fowler, Noll and Vo's 64-bit hash, variant 1a: the same in every process.
  private static func hash(_ name: String) -> UInt64 {
    name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}

/// A place in the tree of a network's parameters: `root / "encoder" / "conv1"` has
/// `encoder.conv1.weight` below it.
public struct ParameterPath: Sendable {
  let store: ParameterStore
  let prefix: String

  public static func / (path: ParameterPath, name: String) -> ParameterPath {
    ParameterPath(store: path.store, prefix: path.prefix + name + ".")
  }

  /// The parameter of this name here, new or loaded, as its store does.
  ///
  /// - Parameter decays: whether weight decay pulls it towards 0; nil for what has two or more
  ///   dimensions, which are the weights of products and convolutions, and not biases and gains.
  /// - Throws: `TorchError.duplicateParameter` if the name is taken.
  public func parameter(
    _ name: String, _ shape: [Int], _ initializer: Initializer, decays: Bool? = nil
  ) throws -> Tensor {
    try store.make(prefix + name, shape, initializer, decays: decays ?? (shape.count >= 2))
  }
}
