import Dispatch
import Foundation
import Synchronization

/// Ctrl-C, a request to end (SIGTERM) or a closed terminal (SIGHUP): the work in hand ends at its next
/// good moment. A second Ctrl-C ends the process at once; the others may come as often as they like, as
/// they do where a terminal is closed and a shell and a session manager both tell of it.
///
/// A run has one, for as long as it works: signals that come while there is none do what they do to any
/// process, and those that come after one is gone are lost.
public final class Interruption: @unchecked Sendable {
  private final class Request: Sendable {
    let made = Atomic(false)
    let byKey = Atomic(false)
  }

  private let request = Request()
  /// Unchecked: written by the initializer alone.
  private var sources: [any DispatchSourceSignal] = []

  public var isRequested: Bool {
    request.made.load(ordering: .relaxed) || cameEarly.load(ordering: .relaxed)
  }

  public init() {
    cameEarly.store(false, ordering: .relaxed)
    for number in [SIGINT, SIGTERM, SIGHUP] where number != SIGHUP || !Self.isIgnored(number) {
      if Self.handler(of: number) == unsafeBitCast(SIG_DFL, to: Int.self) {
        signal(number, noteEarly)
      }
      // Dispatch has a handler of its own, which the signal must reach: it must not be ignored here.
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { [request] in
        if number == SIGINT, request.byKey.exchange(true, ordering: .relaxed) { _exit(130) }
        if request.made.exchange(true, ordering: .relaxed) { return }
        Terminal.clearLine()
        Terminal.note("stopping; Ctrl-C again ends at once")
      }
      source.resume()
      sources.append(source)
    }
  }

  /// Ignored from the start, as by nohup, which is to let a process outlive its terminal.
  private static func isIgnored(_ number: Int32) -> Bool {
    handler(of: number) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  private static func handler(of number: Int32) -> Int {
    var action = sigaction()
    sigaction(number, nil, &action)
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
  }
}

/// A signal that came before Dispatch listened, which it begins to do in its own time: on a busy machine
/// after the work has begun.
private let cameEarly = Atomic(false)

private func noteEarly(_: Int32) { cameEarly.store(true, ordering: .relaxed) }
