import Foundation
import MusicDiffusion
import Testing

@Suite struct EventFileTests {
  /// Reference: scripts/goldens/event_file.py, written by TensorBoard's own messages and writer.
  @Test func recordsAreTensorBoardsBytes() throws {
    let golden = try Data(contentsOf: URL(fileURLWithPath: goldenPath("tensorboard.tfevents")))
    let start = 1700000000.25
    let records = [
      EventRecord(time: start, step: 0, content: .fileVersion),
      EventRecord(time: start, step: 251, content: .restart),
      EventRecord(
        time: start + 1.25, step: 251,
        content: .values([
          ("loss/training", .scalar(0.1)), ("learning rate", .scalar(0)),
        ])),
      EventRecord(
        time: start + 1.75, step: 300_000_000_000,
        content: .values([
          (
            "spectrogram/kick ö",
            .picture(png: Data((0...255).map { UInt8($0) }), width: 2, height: 300)
          ),
          (
            "sound/kick ö",
            .sound(
              wav: Data("RIFF".utf8) + Data(count: 200), sampleRate: 22050, channels: 1,
              samples: 99328)
          ),
        ])),
    ]
    #expect(records.reduce(Data()) { $0 + $1.framed } == golden)
  }

  /// The check value of CRC-32C (RFC 3720, appendix B.4, has the others), turned by 15 bits and moved.
  @Test func checksumsAreMasked() {
    let sum: UInt32 = 0xE306_9283
    #expect(
      EventRecord.maskedChecksum(Data("123456789".utf8))
        == (sum >> 15 | sum << 17) &+ 0xA282_EAD8)
    let zeros: UInt32 = 0x8A91_36AA
    #expect(
      EventRecord.maskedChecksum(Data(count: 32)) == (zeros >> 15 | zeros << 17) &+ 0xA282_EAD8)
  }
}

@Suite struct NoiseBandsTests {
  /// The bands of a log-normal distribution end at its quintiles: z = ±0.8416 and ±0.2533.
  @Test func bandsAreEquallyLikely() {
    let bands = NoiseBands(
      .logNormal(mean: -0.6, standardDeviation: 1.4), sigmaData: 0.5)
    for (edge, z) in zip(bands.edges, [-0.841621, -0.253347, 0.253347, 0.841621]) {
      #expect(abs(log(edge) - (-0.6 + 1.4 * z)) < 1e-5)
    }
    #expect([0.01, 0.2, 0.5, 1, 50].map(bands.band) == [0, 1, 2, 3, 4])
    #expect(
      (0..<5).map(bands.name) == [
        "σ below 0.17", "σ 0.17–0.38", "σ 0.38–0.78", "σ 0.78–1.8", "σ above 1.8",
      ])
    #expect(
      bands.means([1, 3, 5], sigmas: [0.01, 0.02, 0.5]) == [2, nil, 5, nil, nil])
  }
}

@Suite struct TrainingLogTests {
  private let bands = NoiseBands(.logNormal(mean: -0.6, standardDeviation: 1.4), sigmaData: 0.5)

  private func metrics(_ step: Int, loss: Double? = nil) -> StepMetrics {
    let loss = loss ?? 1 / Double(step)
    return StepMetrics(
      step: step, loss: loss, losses: [loss, loss], sigmas: [0.01, 50], learningRate: 1e-3,
      gradientNorm: 2)
  }

  @Test func writesEachStepAndThenTens() throws {
    try withTemporaryFolder { folder in
      let log = try TrainingLog(folder: folder, bands: bands, step: 0)
      for step in 1...125 { try log.add(metrics(step, loss: Double(step)), seconds: 0.5) }
      // Before a checkpoint nothing waits.
      #expect(try TrainingLog.lines(in: folder).last?.step == 120)
      try log.flush()
      try log.addHeldOut(step: 125, losses: [1, 2, 3], sigmas: [0.01, 0.02, 50])
      try log.add(event: "finished", step: 125)
      let lines = try TrainingLog.lines(in: folder)
      #expect(lines == log.lines)
      #expect(lines[0].event == "started" && lines[0].noiseEdges == bands.edges)
      let measured = lines.filter { $0.loss != nil }
      #expect(measured.map(\.step) == Array(1...100) + [110, 120, 125])
      #expect(measured.compactMap(\.steps).reduce(0, +) == 125)
      #expect(measured[101].loss == 115.5 && measured[101].steps == 10)
      #expect(measured[102].lossByNoise == [123, nil, nil, nil, 123])
      #expect(measured[102].clipsPerSecond == 4)
      #expect(measured[102].gradientNorm == 2 && measured[102].learningRate == 1e-3)
      let heldOut = try #require(lines.first { $0.heldOutLoss != nil })
      #expect(heldOut.heldOutLoss == 2)
      #expect(heldOut.heldOutLossByNoise == [1.5, nil, nil, nil, 3])
      #expect(lines.last?.event == "finished")
    }
  }

  /// A run goes on from a checkpoint: what lies behind it, and a line half-written, are cut off.
  @Test func goesOnWithoutRepeatingSteps() throws {
    try withTemporaryFolder { folder in
      let file = folder / TrainingLog.fileName
      let first = try TrainingLog(folder: folder, bands: bands, step: 0)
      for step in 1...7 { try first.add(metrics(step), seconds: 1) }
      let whole = try Data(contentsOf: file)
      try (whole + Data("{\"step\":8,\"lo".utf8)).write(to: file)
      let second = try TrainingLog(folder: folder, bands: bands, step: 4)
      for step in 5...8 { try second.add(metrics(step), seconds: 1) }
      let lines = try TrainingLog.lines(in: folder)
      #expect(lines == second.lines)
      #expect(lines.filter { $0.loss != nil }.map(\.step) == Array(1...8))
      #expect(lines.compactMap(\.event) == ["started", "resumed"])
      #expect(lines.first { $0.event == "resumed" }?.step == 4)
      // What stood stays byte for byte.
      let kept = whole.split(separator: 0x0A).prefix(5).joined(separator: [0x0A])
      #expect(try Data(contentsOf: file).starts(with: kept))
    }
  }

  @Test func aLineThatIsNoneIsAnError() throws {
    try withTemporaryFolder { folder in
      #expect(try TrainingLog.lines(in: folder) == [])
      try folder.write("{\"step\":1,\"time\":2}\n[]\n", to: TrainingLog.fileName)
      #expect(
        throws: ModelError.damagedModel(
          folder.path, reason: "line 2 of log.jsonl is not of a training log")
      ) { try TrainingLog.lines(in: folder) }
    }
  }

  /// The records of each start of a run, taken apart by a reader of its own: lengths, checksums, and
  /// the restart that makes TensorBoard forget what lies behind the checkpoint.
  @Test func eventFilesAreWhole() throws {
    try withTemporaryFolder { folder in
      for start in [0, 3] {
        let log = try TrainingLog(folder: folder, bands: bands, step: start)
        for step in start + 1...start + 5 { try log.add(metrics(step), seconds: 1) }
        usleep(2000)
      }
      let files = try contents(folder / "tensorboard")
      #expect(files.count == 2)
      let steps = try files.map { name in
        try EventReader.messages(Data(contentsOf: folder / "tensorboard" / name))
          .map { EventReader.step(of: $0) }
      }
      // The version, the restart behind step 3, and the steps.
      #expect(steps == [[0, 1, 2, 3, 4, 5], [0, 4, 4, 5, 6, 7, 8]])
    }
  }
}

/// Reads event files by their description alone.
enum EventReader {
  static func messages(_ file: Data) throws -> [Data] {
    var (messages, rest) = ([Data](), file)
    while !rest.isEmpty {
      let length = Int(number(rest.prefix(8)))
      try #require(rest.count >= length + 16)
      #expect(number(rest.dropFirst(8).prefix(4)) == UInt64(masked(rest.prefix(8))))
      let message = rest.dropFirst(12).prefix(length)
      #expect(number(rest.dropFirst(12 + length).prefix(4)) == UInt64(masked(message)))
      messages.append(message)
      rest = rest.dropFirst(16 + length)
    }
    return messages
  }

  /// Field 2 of an event, behind the 9 bytes of field 1; absent for 0.
  static func step(of message: Data) -> Int {
    let rest = Array(message.dropFirst(9))
    guard rest.first == 0x10 else { return 0 }
    var (value, shift) = (0, 0)
    for byte in rest.dropFirst() {
      value |= Int(byte & 127) << shift
      shift += 7
      if byte < 128 { break }
    }
    return value
  }

  private static func number(_ bytes: Data) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Bit by bit, by the polynomial.
  private static func masked(_ bytes: Data) -> UInt32 {
    var crc: UInt32 = ~0
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
    }
    crc = ~crc
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }
}
