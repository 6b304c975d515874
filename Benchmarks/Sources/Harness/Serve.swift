import Foundation

/// One side of a comparison, as compare.py drives it: does the work once and saves its result, if that
/// was quick twice more to say how long it takes when warm, then as often as each line of the standard
/// input asks, and at the end of the input says how much memory it ever had. Every answer is a line of
/// JSON.
///
/// - Parameters:
///   - version: of what does the work.
///   - work: the thing to measure. The first result is `save`d, for comparison with the peers'.
public func serve<Output>(
  version: String, work: () throws -> Output, save: (Output) throws -> Void
) throws {
  var first: Output?
  var ready = try measured(1, { first = try work() }, version: version)
  if let first { try save(first) }
  first = nil
  if ready.seconds ?? 0 < slow {
    _ = try work()
    ready = try measured(1, work, version: version)
  }
  try answer(ready)
  while let line = readLine(), let repetitions = Int(line) {
    try answer(measured(repetitions, work))
  }
  try answer(Answer(peakBytes: peakBytes()))
}

/// Seconds of work after which a program needs no more warming up.
private let slow = 5.0

private struct Answer: Encodable {
  /// For one repetition, by the clock on the wall and of all threads' work.
  var seconds: Double?
  var cpuSeconds: Double?
  var version: String?
  var peakBytes: Int?
}

/// What some repetitions took, for each of them.
private func measured<Output>(
  _ repetitions: Int, _ work: () throws -> Output, version: String? = nil
) rethrows -> Answer {
  let wall = ContinuousClock()
  let (start, cpuStart) = (wall.now, clock())
  for _ in 0..<repetitions { _ = try work() }
  let seconds = start.duration(to: wall.now) / .seconds(1)
  let cpuSeconds = Double(clock() - cpuStart) / Double(CLOCKS_PER_SEC)
  return Answer(
    seconds: seconds / Double(repetitions), cpuSeconds: cpuSeconds / Double(repetitions),
    version: version)
}

private func answer(_ answer: Answer) throws {
  try FileHandle.standardOutput.write(contentsOf: JSONEncoder().encode(answer) + [0x0A])
}

/// The largest resident set that this process had: VmHWM of proc(5), in KiB there.
private func peakBytes() throws -> Int {
  let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
  let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
  return line?.split(separator: " ").compactMap { Int($0) }.first.map { $0 * 1024 } ?? 0
}
