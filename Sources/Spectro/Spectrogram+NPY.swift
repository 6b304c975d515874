import Foundation

extension Spectrogram {
  /// Writes a float32 array that `numpy.load` gives back as `[bins, frames]`, bit for bit: `NPYWriter`
  /// for what is in memory.
  ///
  /// - Throws: `SpectroError.exists`, unless `overwrite`; `SpectroError.unwritable`.
  public func writeNPY(
    to path: String, settings: SpectrogramSettings? = nil, overwrite: Bool = false
  ) throws {
    let writer = try NPYWriter(path, bins: bins, settings: settings, overwrite: overwrite)
    try writer.append([self])
    try writer.finish()
  }

  /// Reads `[bins, frames]` as NumPy saves it, bit for bit: `NPYReader` for what fits in memory, also
  /// of values that are not a number. The settings are those that `writeNPY` left, or nil.
  ///
  /// - Throws: `SpectroError.unreadable`.
  public static func readNPY(
    from path: String
  ) throws -> (spectrogram: Spectrogram, settings: SpectrogramSettings?) {
    let reader = try NPYReader(path)
    reader.checksValues = false
    let spectrogram = try reader.mono(path)
    return (spectrogram, reader.settings)
  }
}

/// Writes a log-mel spectrogram as a NumPy array, frame after frame.
///
/// `numpy.load` gives float32 `[bins, frames]`, librosa's order, or `[2, bins, frames]` with mid
/// first: in NumPy's "Fortran order" the file's bytes are frame after frame, so that any length can
/// be written without being held, and `numpy.load(mmap_mode="r")` reads parts without reading all.
///
/// The settings stand as JSON in a comment behind the dictionary of the file's header, which NumPy
/// skips as it skips any Python comment; an array that NumPy saves again has none.
public final class NPYWriter: SpectrogramWriter {
  private let file: AtomicFile
  private let channelCount: Int
  private let bins: Int
  private let comment: String
  private var frames = 0

  /// - Throws: `SpectroError.exists` for a name in use, unless `overwrite`; `.unwritable`.
  public init(
    _ path: String, bins: Int, channelCount: Int = 1, settings: SpectrogramSettings? = nil,
    origin: SpectrogramOrigin? = nil, overwrite: Bool = false
  ) throws {
    precondition(channelCount == 1 || channelCount == 2, "a spectrogram is mono, or mid and side")
    (self.channelCount, self.bins) = (channelCount, bins)
    comment = try settings.map { "  # \(try SpectrogramNote($0, origin).json())" } ?? ""
    guard comment.utf8.count < 60_000 else {
      throw SpectroError.unwritable(
        path: path, reason: "the texts of its sound are too long for NPY")
    }
    file = try AtomicFile(path, overwrite: overwrite)
    try file.append(header())
  }

  public func append(_ channels: [Spectrogram]) throws {
    var values = try interleaved(channels, channelCount: channelCount, bins: bins)
    if channelCount == 2 {
      // The channel is the array's first index, the one that runs fastest.
      for frame in stride(from: 0, to: values.count, by: 2 * bins) {
        let row = Array(values[frame..<frame + 2 * bins])
        for bin in 0..<bins {
          (values[frame + 2 * bin], values[frame + 2 * bin + 1]) = (row[bin], row[bins + bin])
        }
      }
    }
    try values.withUnsafeBytes { try file.append($0) }
    frames += channels[0].frames
  }

  public func finish() throws {
    // Of one length, however many frames there are.
    try file.replaceStart(with: header())
    try file.commit()
  }

  /// The header that NumPy would write, format version 1.0, which leaves room for 21 digits of the
  /// dimension that grows.
  private func header() -> [UInt8] {
    let shape = channelCount == 1 ? "(\(bins), \(frames))" : "(\(channelCount), \(bins), \(frames))"
    var header = "{'descr': '<f4', 'fortran_order': True, 'shape': \(shape), }"
    header += String(repeating: " ", count: 21 - "\(frames)".utf8.count) + comment
    let prefix = 10
    let padding = 63 - (prefix + header.utf8.count) % 64
    header += String(repeating: " ", count: padding) + "\n"
    let length = [UInt8(header.utf8.count & 0xFF), UInt8(header.utf8.count >> 8)]
    return [0x93] + Array("NUMPY".utf8) + [1, 0] + length + Array(header.utf8)
  }
}

/// Reads a log-mel spectrogram from a NumPy array, `[bins, frames]` or `[2, bins, frames]`: float16,
/// float32 or float64, little-endian, in C or Fortran order, in the memory of one block.
public final class NPYReader: SpectrogramReader {
  public let settings: SpectrogramSettings?
  public let origin: SpectrogramOrigin?
  public let channelCount: Int
  public let bins: Int
  public let frames: Int
  private let file: InputFile
  private let type: ElementType
  private let isFortran: Bool
  /// Where the values start, bytes.
  private let start: Int
  private var position = 0
  var checksValues = true

  /// More characters than any header that describes an array of numbers.
  private static let longestHeader = 1 << 16

  /// - Throws: `SpectroError.unreadable`.
  public init(_ path: String) throws {
    func failure(_ reason: String) -> SpectroError { .unreadable(path: path, reason: reason) }
    let file = try InputFile(path)
    let prefix = try file.read(12, at: 0)
    guard prefix.count == 12, prefix.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      throw failure("not a NumPy array file")
    }
    let version = prefix[6]
    let headerStart = version == 1 ? 10 : 12
    let length = (8..<headerStart).reversed().reduce(0) { $0 << 8 | Int(prefix[$1]) }
    guard (1...3).contains(version), length <= Self.longestHeader,
      case let bytes = try file.read(length, at: headerStart), bytes.count == length
    else { throw failure("the header of the NumPy array is damaged") }
    let header = String(decoding: bytes, as: UTF8.self)

    // One after the other: a single expression takes the cube of a hostile header's length.
    guard let descr = header.firstMatch(of: #/'descr':\s*'([^']*)'/#)?.1,
      let order = header.firstMatch(of: #/'fortran_order':\s*(True|False)/#)?.1,
      let dimensions = header.firstMatch(of: #/'shape':\s*\(([^)]*)\)/#)?.1
    else { throw failure("the header of the NumPy array is damaged") }
    let shape = dimensions.split(separator: ",").compactMap {
      Int($0.trimmingCharacters(in: .whitespaces))
    }
    guard
      shape.count == 2 || shape.count == 3 && (1...2).contains(shape[0]),
      shape.allSatisfy({ $0 >= 0 }), shape[shape.count - 2] > 0
    else {
      let shown = dimensions.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(60)
      throw failure(
        "the array has the shape (\(shown)), a spectrogram has [bins, frames], or [2, bins, frames] "
          + "of mid and side")
    }
    guard let type = ElementType(rawValue: String(descr)) else {
      let shown = descr.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(60)
      throw failure("the array holds '\(shown)', a spectrogram holds <f2, <f4 or <f8")
    }
    let start = headerStart + length
    let size = shape.reduce((type.size, false)) { size, factor in
      let product = size.0.multipliedReportingOverflow(by: factor)
      return (product.partialValue, size.1 || product.overflow)
    }
    guard let available = file.size else { throw failure("it is not a regular file") }
    guard !size.1, size.0 <= available - start else { throw failure("the array is cut short") }

    channelCount = shape.count == 3 ? shape[0] : 1
    (bins, frames) = (shape[shape.count - 2], shape[shape.count - 1])
    let note = try header.firstMatch(of: #/\}\s*#\s*(\{.*\})/#).map {
      try SpectrogramNote(json: String($0.1), path: path)
    }
    (settings, origin) = (note?.settings, note?.origin)
    if let settings, settings.melBins != bins {
      throw failure("\(bins) mel bins where its settings have \(settings.melBins)")
    }
    (self.file, self.type, self.start, isFortran) = (file, type, start, order == "True")
  }

  public func read(upTo limit: Int) throws -> [Spectrogram]? {
    let count = min(limit, frames - position)
    guard count > 0 else { return nil }
    let rows = channelCount * bins
    var values = [Float](repeating: 0, count: count * rows)
    if isFortran {
      let stored = try floats(count * rows, at: position * rows)
      for frame in 0..<count {
        for bin in 0..<bins {
          for channel in 0..<channelCount {
            values[(frame * channelCount + channel) * bins + bin] =
              stored[(frame * bins + bin) * channelCount + channel]
          }
        }
      }
    } else {
      for row in 0..<rows {
        let stored = try floats(count, at: row * frames + position)
        for frame in 0..<count { values[frame * rows + row] = stored[frame] }
      }
    }
    if checksValues {
      try requireNumbers(values, firstFrame: position, path: file.path)
    }
    position += count
    return separated(values, channelCount: channelCount, bins: bins)
  }

  private func floats(_ count: Int, at index: Int) throws -> [Float] {
    let bytes = try file.read(count * type.size, at: start + index * type.size)
    guard bytes.count == count * type.size else {
      throw SpectroError.unreadable(path: file.path, reason: "the array is cut short")
    }
    return type.floats(bytes, count: count)
  }

  /// The element types by NumPy's names.
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

    func floats(_ data: [UInt8], count: Int) -> [Float] {
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
