import Checksums
public import Foundation

/// What one update of the weights was like.
public struct StepMetrics: Sendable {
  /// Steps made, this one included.
  public var step: Int
  /// The mean over the clips of the batch.
  public var loss: Double
  /// Of each clip.
  public var losses: [Double]
  /// The noise that each clip had.
  public var sigmas: [Double]
  public var learningRate: Double
  /// Before it was clipped.
  public var gradientNorm: Double

  public init(
    step: Int, loss: Double, losses: [Double], sigmas: [Double], learningRate: Double,
    gradientNorm: Double
  ) {
    self.step = step
    self.loss = loss
    self.losses = losses
    self.sigmas = sigmas
    self.learningRate = learningRate
    self.gradientNorm = gradientNorm
  }
}

/// The log of a run: `log.jsonl` in the model's folder, a JSON object on each line.
///
/// Steps go in every one up to the 100th and then as means of ten. The file only ever grows; when a
/// run goes on from a checkpoint, what was written after it is cut off first, so that no step is
/// there twice. A line that a killed process left half-written is cut off with it. The checkpoint
/// keeps the length and the checksum of the log that belongs to it.
public final class TrainingLog {
  /// A line. What does not belong to its kind is nil, and absent from the file.
  public struct Line: Codable, Sendable, Equatable {
    /// The steps made when it was written.
    public var step: Int
    /// Seconds since 1970.
    public var time: Double
    /// `started`, `resumed`, `interrupted`, `finished` or another: something that happened.
    public var event: String?
    public var note: String?
    /// Of the run, at its start: standard deviations of the noise between the bands of ``loss``es.
    public var noiseEdges: [Double]?

    /// The steps that the following are means of, this one the last.
    public var steps: Int?
    public var loss: Double?
    /// From little noise to much, see ``NoiseBands``; nil where no clip was.
    public var lossByNoise: [Double?]?
    public var learningRate: Double?
    public var gradientNorm: Double?
    public var clipsPerSecond: Double?

    /// On files that are not trained on.
    public var heldOutLoss: Double?
    public var heldOutLossByNoise: [Double?]?

    public init(step: Int, time: Double) { (self.step, self.time) = (step, time) }
  }

  public static let fileName = "log.jsonl"

  /// The beginning of a log's file.
  package struct Seal: Codable, Sendable, Equatable {
    package var bytes: Int
    package var crc32c: UInt32
  }

  /// All lines, also those of earlier starts of the run.
  public private(set) var lines: [Line]
  public let bands: NoiseBands
  private let file: AppendedFile
  private let events: EventFile
  private var waiting: [(metrics: StepMetrics, seconds: Double)] = []

  /// Begins or goes on with the log of a model's folder, and with TensorBoard's in `tensorboard/`.
  ///
  /// - Parameters:
  ///   - step: the checkpoint that the run goes on from; 0 for a new one.
  ///   - seal: what the checkpoint says of the log; nil where it says nothing.
  /// - Throws: ``ModelError/cannotWrite(_:reason:)``, ``ModelError/damagedModel(_:reason:)``.
  convenience init(folder: URL, bands: NoiseBands, step: Int, seal: Seal?) throws {
    if let seal, let data = try? Data(contentsOf: folder.appendingPathComponent(Self.fileName)) {
      guard data.count >= seal.bytes, CRC32C.of(data.prefix(seal.bytes)) == seal.crc32c else {
        throw ModelError.damagedModel(
          folder.path,
          reason: "\(Self.fileName) is not as the run left it; without it the run goes on")
      }
    }
    try self.init(folder: folder, bands: bands, step: step)
  }

  /// - Parameter step: the checkpoint that the run goes on from; 0 for a new one.
  /// - Throws: ``ModelError/cannotWrite(_:reason:)``, ``ModelError/damagedModel(_:reason:)``.
  public init(folder: URL, bands: NoiseBands, step: Int) throws {
    self.bands = bands
    file = try AppendedFile(folder.appendingPathComponent(Self.fileName))
    let kept = try Self.lines(in: folder, through: step)
    lines = kept.lines
    try file.truncate(to: kept.length)
    let time = Self.now
    events = try EventFile(
      in: folder.appendingPathComponent("tensorboard", isDirectory: true), step: step, time: time)
    var line = Line(step: step, time: time)
    line.event = step == 0 ? "started" : "resumed"
    line.noiseEdges = bands.edges
    try write(line)
  }

  /// Adds a step, which is written at once or with those after it.
  ///
  /// - Parameter seconds: what it took.
  public func add(_ metrics: StepMetrics, seconds: Double) throws {
    waiting.append((metrics, seconds))
    if metrics.step <= 100 || metrics.step % 10 == 0 { try writeWaiting() }
  }

  /// Adds something that happened after a step.
  public func add(event: String, step: Int, note: String? = nil) throws {
    try writeWaiting()
    var line = Line(step: step, time: Self.now)
    (line.event, line.note) = (event, note)
    try write(line)
  }

  /// Adds the loss on held-out files after a step.
  ///
  /// - Parameters:
  ///   - losses: the mean over the clips at each noise level.
  ///   - sigmas: these levels.
  public func addHeldOut(step: Int, losses: [Double], sigmas: [Double]) throws {
    try writeWaiting()
    var line = Line(step: step, time: Self.now)
    line.heldOutLoss = losses.reduce(0, +) / Double(max(1, losses.count))
    line.heldOutLossByNoise = bands.means(losses, sigmas: sigmas)
    try write(line)
  }

  /// Puts everything on the disk. Before a checkpoint, so that no checkpoint is ahead of its log.
  public func flush() throws {
    try writeWaiting()
    try file.synchronize()
  }

  /// What a checkpoint keeps of the log as it stands, after ``flush()``.
  func seal() throws -> Seal {
    let data = try? Data(contentsOf: file.url)
    guard let data else {
      throw ModelError.cannotWrite(file.url.path, reason: "it cannot be read again")
    }
    return Seal(bytes: data.count, crc32c: CRC32C.of(data))
  }

  /// Adds what the model makes after a step to TensorBoard's log.
  package func add(_ values: [(tag: String, value: EventRecord.Value)], step: Int) throws {
    try events.append(EventRecord(time: Self.now, step: step, content: .values(values)))
  }

  private func writeWaiting() throws {
    guard let last = waiting.last?.metrics else { return }
    func mean(_ value: (StepMetrics) -> Double) -> Double {
      waiting.reduce(0) { $0 + value($1.metrics) } / Double(waiting.count)
    }
    var line = Line(step: last.step, time: Self.now)
    line.steps = waiting.count
    line.loss = mean(\.loss)
    line.lossByNoise = bands.means(
      waiting.flatMap(\.metrics.losses), sigmas: waiting.flatMap(\.metrics.sigmas))
    line.learningRate = last.learningRate
    line.gradientNorm = mean(\.gradientNorm)
    let seconds = waiting.reduce(0) { $0 + $1.seconds }
    line.clipsPerSecond = mean { Double($0.losses.count) } * Double(waiting.count) / seconds
    waiting.removeAll()
    try write(line)
  }

  private func write(_ line: Line) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    try file.append(encoder.encode(line) + Data("\n".utf8))
    lines.append(line)
    let scalars = line.scalars(bands)
    if !scalars.isEmpty {
      let values = scalars.map { (tag: $0.tag, value: EventRecord.Value.scalar(Float($0.value))) }
      try events.append(EventRecord(time: line.time, step: line.step, content: .values(values)))
    }
  }

  private static var now: Double { (Date().timeIntervalSince1970 * 1000).rounded() / 1000 }
}

extension TrainingLog.Line {
  /// As TensorBoard shows them.
  fileprivate func scalars(_ bands: NoiseBands) -> [(tag: String, value: Double)] {
    var scalars: [(tag: String, value: Double)] = []
    func add(_ tag: String, _ value: Double?) {
      if let value { scalars.append((tag, value)) }
    }
    func add(_ tag: String, _ values: [Double?]?) {
      for (band, value) in (values ?? []).enumerated() {
        add("\(tag)/\(band + 1) \(bands.name(of: band))", value)
      }
    }
    add("loss/training", loss)
    add("loss/held-out", heldOutLoss)
    add("loss by noise", lossByNoise)
    add("held-out loss by noise", heldOutLossByNoise)
    add("run/learning rate", learningRate)
    add("run/gradient norm", gradientNorm)
    add("run/clips per second", clipsPerSecond)
    return scalars
  }
}

// MARK: - Reading

extension TrainingLog {
  /// The lines of a log, or of one that is being written; none where there is no log.
  ///
  /// - Throws: ``ModelError/damagedModel(_:reason:)`` for a whole line that is none of a log's.
  public static func lines(in folder: URL) throws -> [Line] {
    let url = folder.appendingPathComponent(fileName)
    guard let data = try? Data(contentsOf: url) else { return [] }
    let decoder = JSONDecoder()
    return try wholeLines(of: data).enumerated().map {
      try line(data[$0.element], number: $0.offset + 1, in: folder, decoder)
    }
  }

  private static func line(
    _ data: Data, number: Int, in folder: URL, _ decoder: JSONDecoder
  ) throws -> Line {
    do {
      return try decoder.decode(Line.self, from: data)
    } catch {
      throw ModelError.damagedModel(
        folder.path, reason: "line \(number) of \(fileName) is not of a training log")
    }
  }

  /// The lines up to and with a step's, and their length in bytes.
  private static func lines(
    in folder: URL, through step: Int
  ) throws -> (lines: [Line], length: Int) {
    let url = folder.appendingPathComponent(fileName)
    guard step > 0, let data = try? Data(contentsOf: url) else { return ([], 0) }
    let decoder = JSONDecoder()
    var kept: (lines: [Line], length: Int) = ([], 0)
    for (number, range) in wholeLines(of: data).enumerated() {
      let line = try line(data[range], number: number + 1, in: folder, decoder)
      if line.step > step { break }
      kept.lines.append(line)
      kept.length = range.upperBound + 1
    }
    return kept
  }

  /// Ranges without the line feeds; what follows the last of these is no whole line.
  private static func wholeLines(of data: Data) -> [Range<Int>] {
    var lines: [Range<Int>] = []
    var start = data.startIndex
    while let end = data[start...].firstIndex(of: 0x0A) {
      lines.append(start..<end)
      start = end + 1
    }
    return lines
  }
}
