import Foundation
import Spectro

func goldenPath(_ name: String) throws -> String {
  let url = Bundle.module.url(forResource: "Goldens/\(name)", withExtension: nil)
  return try (url ?? { throw CocoaError(.fileNoSuchFile) }()).path
}

func loadGolden<Golden: Decodable>(_ name: String) throws -> Golden {
  let data = try Data(contentsOf: URL(fileURLWithPath: goldenPath("\(name).json")))
  return try JSONDecoder().decode(Golden.self, from: data)
}

/// The largest difference; infinite where the counts differ or something is not a number.
func distance(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { sum, pair in
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN ? .infinity : max(sum, difference)
  }
}

/// A folder that goes with the test that made it.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/spectro-tests-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  var contents: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }
}

/// The most memory that this process has held, bytes.
func peakMemory() throws -> Int {
  let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
  guard let match = status.firstMatch(of: #/VmHWM:\s*([0-9]+) kB/#), let size = Int(match.1) else {
    throw CocoaError(.fileReadCorruptFile)
  }
  return size * 1024
}

func bytes(of path: String) throws -> [UInt8] {
  try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
}

/// Without the waiting for the disk that Foundation's writing does.
func write(_ bytes: some Collection<UInt8>, to path: String) throws {
  guard let file = fopen(path, "w") else { throw CocoaError(.fileWriteUnknown) }
  defer { fclose(file) }
  let bytes = Array(bytes)
  guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
    throw CocoaError(.fileWriteUnknown)
  }
}
