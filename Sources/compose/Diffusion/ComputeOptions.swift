import ArgumentParser
import Foundation
import Terminal
import Torch

/// Where and in what precision the network runs.
struct ComputeOptions: ParsableArguments {
  @Option(help: "Where to compute: cpu, cuda, cuda:1, or auto for a GPU if there is one.")
  var device = "auto"

  @Option(help: "auto, float32 or bfloat16. auto is bfloat16 where the hardware has it.")
  var precision = Precision.auto

  @Option(parsing: .unconditional, help: "CPU threads. Default: all cores.")
  var threads: Int?

  enum Precision: String, ExpressibleByArgument, CaseIterable { case auto, float32, bfloat16 }

  /// Threads that wait for a core wait in turns: many more than there are bring work to a halt.
  static var mostThreads: Int { max(16, 2 * ProcessInfo.processInfo.processorCount) }

  func validate() throws {
    guard device == "auto" || Device(device) != nil else {
      throw ValidationError("--device must be auto, cpu, cuda or cuda:N, not \(device).")
    }
    guard threads.map({ (1...Self.mostThreads).contains($0) }) ?? true else {
      throw ValidationError("--threads must be 1 to \(Self.mostThreads) on this machine.")
    }
  }

  /// Where and how to compute, with the threads that are asked for from here on.
  func resolved() throws -> (device: Device, precision: DType) {
    if let threads { try setThreadCount(threads) }
    let automatic: Device = Device.cudaIsAvailable ? .cuda(0) : .cpu
    let device = Device(device) ?? automatic
    if case .cuda = device, !Device.cudaIsAvailable { throw CommandError.noCUDA }
    switch precision {
    case .float32: return (device, .float32)
    case .bfloat16: return (device, .bfloat16)
    case .auto: return (device, device.computesBFloat16 ? .bfloat16 : .float32)
    }
  }
}
