import Foundation

/// One reading of one file, and what it took.
public struct Trial: Sendable {
  /// Whether the reader took the file; it refused it otherwise, with an error of its own.
  public var isAccepted = false
  /// What the reader did that it must not do; nil for a reader that is in order.
  public var defect: String?
  public var seconds = 0.0
  /// Resident memory at its peak above what it was before, bytes.
  public var growth = 0

  /// Resident memory that a reading may take above what it had: this and 64 times the file's size.
  public static let memoryAllowance = 256 << 20

  /// Reads the file at `path` with the subject's reader.
  ///
  /// - Parameter isAlone: whether no other thread takes memory or opens files, so that what is taken
  ///   and left open can be told.
  public init(_ subject: Subject, path: String, isAlone: Bool) {
    let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    let lowestDescriptor = Self.lowestFreeDescriptor()
    let before = Self.resetPeakMemory()
    let start = DispatchTime.now()
    do {
      try subject.read(path)
      isAccepted = true
    } catch let error as Defect {
      defect = "\(error)"
    } catch  where Subject.isTyped(error) {
      let description = "\(error)"
      if description.isEmpty || description.unicodeScalars.contains("\n") {
        defect = "an error that is not one line: \(description)"
      }
    } catch {
      defect = "an error of another kind, \(type(of: error)): \(error)"
    }
    seconds = Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) / 1e9
    growth = max(0, Self.peakMemory() - before)
    guard isAlone, defect == nil else { return }
    if growth > Self.memoryAllowance + 64 * size {
      defect = "\(growth >> 20) MB of memory for \(size) bytes"
    }
    // Now and then a library opens one of its own, as for random numbers.
    var lowest = lowestDescriptor
    let leaves = (0..<4).allSatisfy { attempt in
      if attempt > 0 { try? subject.read(path) }
      defer { lowest = Self.lowestFreeDescriptor() }
      return Self.lowestFreeDescriptor() > lowest
    }
    if leaves { defect = "a file was left open" }
  }

  private static func lowestFreeDescriptor() -> Int32 {
    let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
    close(descriptor)
    return descriptor
  }

  // MARK: Memory, as Linux counts it (proc(5))

  /// Lets the peak begin anew; returns the resident memory in bytes.
  private static func resetPeakMemory() -> Int {
    let file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
    _ = write(file, "5", 1)
    close(file)
    return peakMemory()
  }

  private static func peakMemory() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(separator: " ").dropFirst().first).flatMap { Int($0) }.map { $0 << 10 } ?? 0
  }
}
