/// Runs `body` for all of 0..<tasks on the engine's threads, and throws what the first of those that
/// failed threw.
package func concurrently(_ tasks: Int, _ body: (Int) throws(ResNetError) -> Void)
  throws(ResNetError)
{
  var errors = [ResNetError?](repeating: nil, count: tasks)
  errors.withUnsafeMutableBufferPointer { errors in
    ThreadPool.shared.run(tasks, workers: ThreadPool.threads) { task, _ in
      do throws(ResNetError) {
        try body(task)
      } catch {
        errors[task] = error
      }
    }
  }
  if let error = errors.lazy.compactMap(\.self).first { throw error }
}
