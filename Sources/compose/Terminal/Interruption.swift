import Dispatch
import Foundation
import Synchronization

/// Ctrl-C, once: the work in hand ends at its next good moment. A second Ctrl-C ends the process.
public final class Interruption: @unchecked Sendable {
  private final class Request: Sendable {
    let made = Atomic(false)
  }

  private let request = Request()
  /// Unchecked: written by the initializer alone.
  private var sources: [any DispatchSourceSignal] = []

  public var isRequested: Bool { request.made.load(ordering: .relaxed) }

  public init(message: String) {
    for number in [SIGINT, SIGTERM] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { [request] in
        if request.made.exchange(true, ordering: .relaxed) { _exit(130) }
        Terminal.clearLine()
        Terminal.note(message)
      }
      source.resume()
      sources.append(source)
    }
  }
}
