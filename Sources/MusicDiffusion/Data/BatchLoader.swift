import Dispatch
import Foundation
public import Torch

/// Makes batches ahead of the one that is trained on, in threads of its own.
///
/// A batch follows from its step alone, so it does not matter which thread makes it, or when. At most
/// `depth` wait or are being made.
public final class BatchLoader<Element: Sendable>: Sendable {
  private let work: Work

  /// - Parameters:
  ///   - device: that trains. A GPU leaves the cores to the loader, and needs more of it.
  ///   - threads: that make batches, one each at a time.
  ///   - depth: batches that are made ahead.
  ///   - make: makes the batch of a step.
  public init(
    for device: Device = .cpu, threads: Int? = nil, depth: Int? = nil,
    _ make: @escaping @Sendable (_ step: Int) throws -> Element
  ) {
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let threads = threads ?? (device == .cpu ? max(1, min(4, cores / 2)) : max(1, cores - 2))
    work = Work(depth: depth ?? max(4, device == .cpu ? 0 : threads + threads / 2), make)
    for _ in 0..<threads {
      let thread = Thread { [work] in work.run() }
      thread.name = "batches"
      thread.start()
    }
  }

  deinit { work.stop() }

  /// The batch of a step, made already if the one before was asked for last.
  public func batch(step: Int) throws -> Element { try work.take(step) }

  /// What the threads share.
  private final class Work: @unchecked Sendable {
    private let condition = NSCondition()
    private let depth: Int
    private let make: @Sendable (Int) throws -> Element
    /// Batches of the steps from `first` on that are made, and the next step that none is begun of.
    private var ready: [Int: Result<Element, any Error>] = [:]
    private var first: Int?
    private var next = 0
    private var isOver = false

    init(depth: Int, _ make: @escaping @Sendable (Int) throws -> Element) {
      (self.depth, self.make) = (depth, make)
    }

    func stop() {
      condition.withLock {
        isOver = true
        condition.broadcast()
      }
    }

    func run() {
      while let step = begin() {
        let batch = Result { try make(step) }
        condition.withLock {
          if let first, step >= first, step < first + depth { ready[step] = batch }
          condition.broadcast()
        }
      }
    }

    /// The next step to make a batch of; waits while enough are made, nil at the end.
    private func begin() -> Int? {
      condition.withLock {
        while !isOver {
          if let first, next < first + depth {
            next += 1
            return next - 1
          }
          condition.wait()
        }
        return nil
      }
    }

    func take(_ step: Int) throws -> Element {
      try condition.withLock {
        if first != step {
          // Not the one that was expected: what was made is of no use.
          ready.removeAll()
          (first, next) = (step, step)
        }
        condition.broadcast()
        while ready[step] == nil { condition.wait() }
        let batch = ready.removeValue(forKey: step)
        first = step + 1
        condition.broadcast()
        return try batch!.get()
      }
    }
  }
}
