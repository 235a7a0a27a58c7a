import Testing

@testable import ResNet

extension StorageTests {
  @Suite struct ResumingOnRanks {
    @Test("A training stopped on 2 ranks goes on on 3, on 1 and on 2")
    func otherNumbers() throws {
      typealias Tests = DistributedTests
      let alone = try Tests.fit(nil)
      var options = Tests.fitOptions
      options.resumes = true
      let resuming = options
      try StorageTests.withDirectory { directory in
        let path = directory + "/checkpoint.h5"
        let stopped = ThreadRanks.run(2) { rank -> ResNetError.Kind? in
          let (trainer, _, error) = try Tests.fit(rank, reports: 8)
          if rank.rank == 0 { try trainer.save(to: path) }
          return error?.kind
        }
        #expect(try stopped.map { try $0.get() } == [.cancelled, .cancelled])
        for ranks in [1, 2, 3] {
          let results = ThreadRanks.run(ranks) { rank in
            let (trainer, history, error) = try Tests.fit(
              rank, resuming, trainer: try Trainer.load(from: path))
            if let error { throw error }
            return (values: try Tests.values(trainer.model), epochs: history.map(\.epoch))
          }
          for result in results {
            let (values, epochs) = try result.get()
            #expect(epochs == [1, 2, 3])
            #expect(try Tests.difference(alone.trainer.model, values) <= 1e-4)
          }
        }
      }
    }
  }
}
