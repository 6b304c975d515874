import Dispatch
import Foundation
import Synchronization

/// Ctrl-C, a request to end (SIGTERM) or a closed terminal (SIGHUP), once: the work in hand ends at its
/// next good moment. A second one ends the process.
public final class Interruption: @unchecked Sendable {
  private final class Request: Sendable {
    let made = Atomic(false)
  }

  /// Not where the process was started with nohup, to outlive its terminal. Asked for before anything
  /// here ignores signals.
  private static let heedsHangup: Bool = {
    var action = sigaction()
    sigaction(SIGHUP, nil, &action)
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      != unsafeBitCast(SIG_IGN, to: Int.self)
  }()

  private let request = Request()
  /// Unchecked: written by the initializer alone.
  private var sources: [any DispatchSourceSignal] = []

  public var isRequested: Bool { request.made.load(ordering: .relaxed) }

  public init(message: String) {
    for number in [SIGINT, SIGTERM, SIGHUP] where number != SIGHUP || Self.heedsHangup {
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
