import Dispatch
import Synchronization

/// Runs `body` on consecutive ranges of at most `size` that cover `0..<count`, in any order, on up
/// to `threads` threads.
///
/// The ranges depend on `count` and `size` alone, so that what is computed does not depend on the
/// number of threads.
func forEachBlock(of count: Int, size: Int, threads: Int, _ body: (Range<Int>) -> Void) {
  forEachBlock(of: count, size: size, threads: threads, perThread: ()) { block, _ in body(block) }
}

/// The same with something that each thread makes for itself, such as working memory.
func forEachBlock<Own>(
  of count: Int, size: Int, threads: Int, perThread make: @autoclosure () -> Own,
  _ body: (Range<Int>, Own) -> Void
) {
  let blocks = (count + size - 1) / size
  let workers = min(threads, blocks)
  let next = Atomic(0)
  withoutActuallyEscaping(make) { make in
    withoutActuallyEscaping(body) { body in
      // Safe: a range is given to one thread, and all threads are done when this function returns.
      nonisolated(unsafe) let (make, body) = (make, body)
      let work = { @Sendable (_: Int) in
        let own = make()
        while case let block = next.wrappingAdd(1, ordering: .relaxed).oldValue, block < blocks {
          body(block * size..<min((block + 1) * size, count), own)
        }
      }
      if workers > 1 {
        DispatchQueue.concurrentPerform(iterations: workers, execute: work)
      } else {
        work(0)
      }
    }
  }
}

/// The results of a function for each number of a range, in their order.
package func mapInParallel<Result>(
  _ range: Range<Int>, threads: Int, _ transform: (Int) -> Result
) -> [Result] {
  [Result](unsafeUninitializedCapacity: range.count) { results, count in
    nonisolated(unsafe) let base = results.baseAddress
    forEachBlock(of: range.count, size: 1, threads: threads) { block in
      guard let base else { return }
      for i in block { (base + i).initialize(to: transform(range.lowerBound + i)) }
    }
    count = range.count
  }
}
