import Foundation

extension Spectrogram {
  /// Writes a float32 array that `numpy.load` gives back as `[bins, frames]`, librosa's order, bit
  /// for bit (in memory the same bytes as here: NumPy's "Fortran order").
  ///
  /// The settings stand as JSON in a comment behind the dictionary of the file's header, which
  /// NumPy skips as it skips any Python comment; an array that NumPy saves again has none.
  ///
  /// - Throws: `SpectroError.exists`, unless `overwrite`; `SpectroError.unwritable`.
  public func writeNPY(
    to path: String, settings: SpectrogramSettings? = nil, overwrite: Bool = false
  ) throws {
    var header = "{'descr': '<f4', 'fortran_order': True, 'shape': (\(bins), \(frames)), }"
    if let settings { header += "  # \(try settings.json())" }
    let prefix = 10
    let padding = 63 - (prefix + header.utf8.count) % 64
    header += String(repeating: " ", count: padding) + "\n"

    var data = Data([0x93] + Array("NUMPY".utf8) + [1, 0])
    data.append(contentsOf: [UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8)])
    data.append(contentsOf: header.utf8)
    values.withUnsafeBytes { data.append(contentsOf: $0) }
    try AtomicFile.write(data, to: path, overwrite: overwrite)
  }

  /// Reads `[bins, frames]` as NumPy saves it: float16, float32 or float64, little-endian, in C or
  /// Fortran order. The settings are those that `writeNPY` left, or nil.
  ///
  /// - Throws: `SpectroError.unreadable`.
  public static func readNPY(
    from path: String
  ) throws -> (spectrogram: Spectrogram, settings: SpectrogramSettings?) {
    func failure(_ reason: String) -> SpectroError { .unreadable(path: path, reason: reason) }
    let data = try AtomicFile.read(path)
    guard data.count >= 12, data.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      throw failure("not a NumPy array file")
    }
    let version = data[6]
    let headerStart = version == 1 ? 10 : 12
    let headerLength = (8..<headerStart).reversed().reduce(0) { $0 << 8 | Int(data[$1]) }
    guard (1...3).contains(version), headerStart + headerLength <= data.count else {
      throw failure("the header of the NumPy array is damaged")
    }
    let body = data.dropFirst(headerStart + headerLength)
    let header = String(decoding: data[headerStart..<headerStart + headerLength], as: UTF8.self)

    guard
      let match = header.firstMatch(
        of: #/'descr':\s*'([^']*)'.*'fortran_order':\s*(True|False).*'shape':\s*\(([^)]*)\)/#)
    else { throw failure("the header of the NumPy array is damaged") }
    let shape = match.3.split(separator: ",").compactMap {
      Int($0.trimmingCharacters(in: .whitespaces))
    }
    guard shape.count == 2, shape.allSatisfy({ $0 >= 0 }), shape[0] > 0 else {
      throw failure("the array has the shape (\(match.3)), a spectrogram has [bins, frames]")
    }
    let (bins, frames) = (shape[0], shape[1])
    guard let type = ElementType(rawValue: String(match.1)) else {
      throw failure("the array holds '\(match.1)', a spectrogram holds <f2, <f4 or <f8")
    }
    let (count, overflow) = bins.multipliedReportingOverflow(by: frames)
    guard !overflow, count <= body.count / type.size, body.count >= count * type.size else {
      throw failure("the array is cut short")
    }

    let stored = type.floats(body, count: count)
    let values =
      match.2 == "True"
      ? stored
      : (0..<count).map { stored[$0 % bins * frames + $0 / bins] }
    let settings = try header.firstMatch(of: #/\}\s*#\s*(\{.*\})/#).map {
      try SpectrogramSettings(json: String($0.1), path: path)
    }
    return (Spectrogram(values: values, frames: frames, bins: bins), settings)
  }

  /// The element types that `readNPY` knows, by NumPy's names.
  private enum ElementType: String {
    case half = "<f2"
    case single = "<f4"
    case double = "<f8"

    var size: Int {
      switch self {
      case .half: 2
      case .single: 4
      case .double: 8
      }
    }

    func floats(_ data: Data, count: Int) -> [Float] {
      data.withUnsafeBytes { bytes in
        (0..<count).map { i in
          switch self {
          case .half:
            Float(Float16(bitPattern: bytes.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)))
          case .single: bytes.loadUnaligned(fromByteOffset: 4 * i, as: Float.self)
          case .double: Float(bytes.loadUnaligned(fromByteOffset: 8 * i, as: Double.self))
          }
        }
      }
    }
  }
}

extension SpectrogramSettings {
  /// One line of JSON, its keys in alphabetical order.
  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// The settings a file at `path` carries.
  init(json: String, path: String) throws {
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(json.utf8))
      try validate()
    } catch let error as SpectroError {
      throw SpectroError.unreadable(path: path, reason: "\(error)")
    } catch {
      throw SpectroError.unreadable(path: path, reason: "its spectrogram settings are damaged")
    }
  }
}
