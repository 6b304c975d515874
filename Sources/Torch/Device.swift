import CTorch
import Foundation

/// Where a tensor's elements are and where operations on them run.
public enum Device: Hashable, Sendable, CustomStringConvertible {
  case cpu
  /// The CUDA device of this index.
  case cuda(Int)

  /// `"cpu"`, `"cuda"` (the first device) or `"cuda:1"`; nil for any other name.
  public init?(_ name: String) {
    switch name {
    case "cpu": self = .cpu
    case "cuda": self = .cuda(0)
    default:
      guard name.hasPrefix("cuda:"), let index = UInt8(name.dropFirst(5)), index <= Int8.max else {
        return nil
      }
      self = .cuda(Int(index))
    }
  }

  public var description: String {
    switch self {
    case .cpu: "cpu"
    case .cuda(let index): "cuda:\(index)"
    }
  }

  /// Whether this libtorch has CUDA and finds a device.
  public static var cudaIsAvailable: Bool { ct_cuda_is_available() }

  init(_ device: CTDevice) { self = device < 0 ? .cpu : .cuda(Int(device)) }

  var cDevice: CTDevice {
    switch self {
    case .cpu: -1
    case .cuda(let index): CTDevice(index)
    }
  }
}

/// Threads that one operation on the CPU may use; by default one for each core.
public var threadCount: Int { Int(ct_thread_count()) }

/// - Throws: `TorchError.operation` unless `count` is at least 1.
public func setThreadCount(_ count: Int) throws {
  try check(ct_set_thread_count(Int32(clamping: count)), "set thread count to \(count)")
}

/// Gives the memory of what is no longer used back to the system, which is otherwise kept for what comes
/// next: for when that needs less.
public func releaseMemory() { ct_release_memory() }

/// The version of libtorch that this was built with, such as `"1.13.0"`.
public var libtorchVersion: String { String(cString: ct_version()) }

extension Device {
  /// Whether products in bfloat16 are faster here than in float32: a GPU, or a CPU with AVX512-BF16
  /// or AMX.
  public var computesBFloat16: Bool {
    if case .cuda = self { return true }
    let processor = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let flags = processor.split(separator: "\n").first { $0.hasPrefix("flags") } ?? ""
    return flags.contains("avx512_bf16") || flags.contains("amx_bf16")
  }
}
