import Corpus
package import Foundation
import Glibc

/// An event file of TensorBoard that grows record by record, each in one piece.
package final class EventFile {
  private let file: AppendedFile

  /// Starts a file in a folder, which is made if it is not there. A run that goes on has a file for
  /// each time it was started; TensorBoard reads them in the order of their names.
  ///
  /// - Parameter step: the steps made so far.
  /// - Throws: ``ModelError/cannotWrite(_:reason:)``.
  package init(in folder: URL, step: Int, time: Double) throws {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw ModelError.cannotWrite(folder.path, reason: error.localizedDescription)
    }
    // In milliseconds: two starts within one must not share a file.
    let name = String(format: "events.out.tfevents.%013.0f.compose", time * 1000)
    file = try AppendedFile(folder.appendingPathComponent(name))
    try append(EventRecord(time: time, step: 0, content: .fileVersion))
    if step > 0 { try append(EventRecord(time: time, step: step + 1, content: .restart)) }
  }

  package func append(_ record: EventRecord) throws { try file.append(record.framed) }
}

/// A file that is written at its end alone, each piece by one call of the system: whatever kills the
/// process, what stands is whole but for the last piece.
final class AppendedFile {
  let url: URL
  private let descriptor: Int32

  /// - Throws: ``ModelError/cannotWrite(_:reason:)``.
  init(_ url: URL) throws {
    self.url = url
    descriptor = open(url.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    if descriptor < 0 { throw failure }
  }

  deinit { close(descriptor) }

  func append(_ data: Data) throws {
    guard data.withUnsafeBytes({ writeAll($0, to: descriptor) }) else { throw failure }
  }

  func truncate(to size: Int) throws {
    guard ftruncate(descriptor, size) == 0 else { throw failure }
  }

  /// Waits until all is on the disk.
  func synchronize() throws {
    guard fsync(descriptor) == 0 else { throw failure }
  }

  private var failure: ModelError {
    .cannotWrite(url.path, reason: String(cString: strerror(errno)))
  }
}
