import Audio
import Dispatch
import Foundation
import Spectro

/// Decodes every file of a folder once and writes their log-mel spectrograms beside an index.
///
/// `frames.f16` holds the clips one after another, each `[frames, channels, mel bins]` in half
/// precision: 11 bits of a log-mel value within ±16 are 0.008, or 0.07 dB.
struct DatasetPreparation {
  let folder: AudioFolder
  let representation: Representation

  /// Writes to a temporary name beside `home` and renames it when it is whole.
  func write(to home: URL, progress: @Sendable (_ done: Int, _ of: Int) -> Void) throws {
    let parent = home.deletingLastPathComponent()
    let partial = parent.appendingPathComponent(".\(home.lastPathComponent).\(getpid())")
    removePartials(of: home)
    do {
      try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: partial) }
      let output = partial.appendingPathComponent("frames.f16")
      var index = try decode(to: output, progress: progress)
      index.normalization = try normalization(of: index.clips, in: output)
      try JSONEncoder().encode(index).write(to: partial.appendingPathComponent("index.json"))
      // Another process may have prepared the same data meanwhile: equal, so either will do.
      if !FileManager.default.fileExists(atPath: home.path) {
        try FileManager.default.moveItem(at: partial, to: home)
      }
    } catch let error where !(error is ModelError || error is SpectroError) {
      throw ModelError.cannotWrite(parent.path, reason: error.localizedDescription)
    }
  }

  /// Removes what processes that were killed had begun to prepare.
  private func removePartials(of home: URL) {
    let parent = home.deletingLastPathComponent()
    let prefix = ".\(home.lastPathComponent)."
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.path)) ?? []
    for name in names where name.hasPrefix(prefix) {
      let process = pid_t(name.dropFirst(prefix.count))
      guard let process, kill(process, 0) != 0, errno == ESRCH else { continue }
      try? FileManager.default.removeItem(at: parent.appendingPathComponent(name))
    }
  }

  /// Decodes on all cores. Clips are listed in the order of their paths, whichever was done first.
  private func decode(
    to output: URL, progress: @Sendable (_ done: Int, _ of: Int) -> Void
  ) throws -> Dataset.Index {
    let writer = try FrameWriter(output)
    let analysis = try MelSpectrogram(representation.spectrogram, threads: 1)
    let results = Results(count: folder.files.count)
    withoutActuallyEscaping(progress) { progress in
      DispatchQueue.concurrentPerform(iterations: folder.files.count) { number in
        let file = folder.files[number]
        let result = Result { try clip(file, analysis, writer) }
        results.set(number, result) { done in progress(done, folder.files.count) }
      }
    }
    try writer.close()
    var index = Dataset.Index(
      clips: [], skipped: [], normalization: Normalization(mean: [], standardDeviation: []))
    for (file, result) in zip(folder.files, results.all) {
      switch result {
      case .success(let clip):
        index.clips.append(clip)
      case .failure(let error as AudioError):
        // The path stands beside the reason already.
        let reason = error.description.replacingOccurrences(
          of: "cannot read \(folder.fullPath(file)): ", with: "")
        index.skipped.append(Dataset.Skipped(path: file.path, reason: reason))
      case .failure(let error):
        throw error
      }
    }
    return index
  }

  private func clip(
    _ file: AudioFolder.File, _ analysis: MelSpectrogram, _ writer: FrameWriter
  ) throws -> Dataset.Clip {
    let audio = try AudioBuffer(contentsOf: folder.fullPath(file))
    let planes = try representation.channels(of: audio).map(analysis.logMel(of:))
    let (frames, bins) = (planes[0].frames, planes[0].bins)
    var values: [Float16] = []
    values.reserveCapacity(frames * bins * planes.count)
    for frame in 0..<frames {
      for plane in planes {
        for value in plane.values[frame * bins..<(frame + 1) * bins] {
          values.append(Float16(value))
        }
      }
    }
    return Dataset.Clip(
      path: file.path, label: file.label, seconds: audio.duration, frames: frames,
      offset: try writer.append(values))
  }

  /// Of the transformed values, over all frames, in the order of the index, so that the same data gives the same numbers.
  private func normalization(of clips: [Dataset.Clip], in file: URL) throws -> Normalization {
    let width = representation.channels * representation.spectrogram.melBins
    var (sum, squares) = (
      [Double](repeating: 0, count: width), [Double](repeating: 0, count: width)
    )
    let (transform, silence) = (representation.values, representation.silence)
    let data = try Data(contentsOf: file, options: .alwaysMapped)
    data.withUnsafeBytes { bytes in
      let values = bytes.bindMemory(to: Float16.self)
      for clip in clips {
        for frame in 0..<clip.frames {
          let row = values[(clip.offset + frame * width)..<(clip.offset + (frame + 1) * width)]
          for (bin, logMel) in row.enumerated() {
            let value = Double(transform.value(ofLogMel: Float(logMel), silence))
            sum[bin] += value
            squares[bin] += value * value
          }
        }
      }
    }
    let count = Double(max(1, clips.reduce(0) { $0 + $1.frames }))
    guard transform == .statistics else {
      let square = squares.reduce(0, +) / (count * Double(width))
      return .unchanged(rows: width, sigmaData: Float(square.squareRoot()))
    }
    let mean = sum.map { $0 / count }
    let deviation = zip(squares, mean).map { max(0, $0 / count - $1 * $1).squareRoot() }
    return Normalization(mean: mean.map(Float.init), standardDeviation: deviation.map(Float.init))
  }
}

/// Appends from several threads to one file.
private final class FrameWriter: @unchecked Sendable {
  private let lock = NSLock()
  private let handle: FileHandle
  private var count = 0

  init(_ url: URL) throws {
    try Data().write(to: url)
    handle = try FileHandle(forWritingTo: url)
  }

  /// Returns where the values start.
  func append(_ values: [Float16]) throws -> Int {
    let data = values.withUnsafeBytes { Data($0) }
    return try lock.withLock {
      try handle.write(contentsOf: data)
      defer { count += values.count }
      return count
    }
  }

  func close() throws { try handle.close() }
}

/// One slot for each file, filled from several threads.
private final class Results: @unchecked Sendable {
  private let lock = NSLock()
  private var slots: [Result<Dataset.Clip, any Error>?]
  private var done = 0

  init(count: Int) { slots = Array(repeating: nil, count: count) }

  func set(_ number: Int, _ result: Result<Dataset.Clip, any Error>, then: (Int) -> Void) {
    lock.withLock {
      slots[number] = result
      done += 1
      then(done)
    }
  }

  var all: [Result<Dataset.Clip, any Error>] { lock.withLock { slots.compactMap { $0 } } }
}
