import Testing

@testable import ResNet
@testable import ResNetData

/// What is drawn for an image.
@Suite struct DataImageVariationTests {
  private let extent = Extent(height: 375, width: 500)

  private func cuts(
    _ variation: ImageVariation, extent: Extent? = nil, count: Int = 2000
  ) -> [ImageCut] {
    (0..<count).map {
      variation.cut(extent ?? self.extent, crop: 224, seed: 7, epoch: $0 % 3, index: $0)
    }
  }

  @Test func thePublishedOneDrawsEveryShorterSideAndPlace() {
    let cuts = cuts(.published, count: 6000)
    #expect(Set(cuts.map { $0.size.height }) == Set(256...480))
    for cut in cuts {
      #expect(cut.part == Region(whole: extent))
      #expect(cut.size == extent.resized(shorterSide: cut.size.height))
      #expect(throws: Never.self) { try cut.window.validate(in: cut.size) }
      #expect(cut.window.extent == Extent(height: 224, width: 224))
    }
    // Both ends are reached.
    #expect(cuts.contains { $0.window.top == 0 })
    #expect(cuts.contains { $0.window.top == $0.size.height - 224 })
    #expect(cuts.contains { $0.window.left == 0 })
    #expect(cuts.contains { $0.window.left == $0.size.width - 224 })
    let mirrored = cuts.count { $0.mirrored }
    #expect((2800...3200).contains(mirrored))
  }

  /// In proportion to what an evaluation resizes to, unless they are given.
  @Test(arguments: [(256, 256...480), (nil, 256...480), (72, 72...135), (36, 36...68)])
  func sidesFollowTheSizeOfEvaluation(_ resize: Int?, _ sides: ClosedRange<Int>) {
    #expect(
      ImageVariation.published.resolved(resize: resize)
        == ImageVariation(part: .scaled(shorterSide: sides), colour: .imageNet))
    let given = ImageVariation(part: .scaled(shorterSide: 300...301))
    #expect(given.resolved(resize: resize) == given)
    #expect(ImageVariation.common.resolved(resize: resize) == .common)
  }

  @Test func theCommonOneKeepsToItsRanges() {
    for extent in [extent, Extent(height: 100, width: 90)] {
      let cuts = cuts(.common, extent: extent)
      for cut in cuts {
        #expect(throws: Never.self) { try cut.part.validate(in: extent) }
        #expect(
          cut.size == Extent(height: 224, width: 224) && cut.window == Region(whole: cut.size))
        #expect(cut.offset.isEmpty)
        let (height, width) = (Double(cut.part.extent.height), Double(cut.part.extent.width))
        let share = height * width / Double(extent.height * extent.width)
        #expect((0.075...1).contains(share))
        #expect((0.72...1.4).contains(width / height))
      }
      let shares = cuts.map { Double($0.part.extent.height * $0.part.extent.width) }
      let mean = shares.reduce(0, +) / Double(shares.count * extent.height * extent.width)
      // Uniform from 0.08 to 1 would be 0.54; large rectangles fit less often.
      #expect((0.35...0.54).contains(mean))
    }
  }

  @Test func whatNeverFitsIsTheMiddle() {
    for (extent, expected) in [
      (Extent(height: 10, width: 1000), Region(top: 0, left: 493, height: 10, width: 13)),
      (Extent(height: 1000, width: 9), Region(top: 494, left: 0, height: 12, width: 9)),
    ] {
      let cuts = cuts(
        ImageVariation(part: .area(share: 1...1, aspect: 3.0 / 4...4.0 / 3)), extent: extent,
        count: 20)
      #expect(cuts.allSatisfy { $0.part == expected })
    }
  }

  @Test func mirrorsAndColoursAreTheSameWithAnyPart() {
    let published = cuts(.published)
    var other = ImageVariation.common
    other.colour = .imageNet
    for (first, second) in zip(published, cuts(other)) {
      #expect(first.mirrored == second.mirrored && first.offset == second.offset)
    }
    other.mirror = false
    #expect(cuts(other).allSatisfy { !$0.mirrored })
  }

  @Test func coloursHaveTheCovarianceOfTheirComponents() throws {
    let colour = ColourVariation.imageNet
    let count = 20_000
    let offsets = cuts(.published, count: count).map(\.offset)
    for first in 0..<3 {
      for second in 0...first {
        let found = offsets.map { Double($0[first]) * Double($0[second]) }.reduce(0, +)
        var expected = 0.0
        for component in 0..<3 {
          let scale = 255 * colour.deviation * colour.eigenvalues[component]
          let vector = colour.eigenvectors[component]
          expected += scale * scale * vector[first] * vector[second]
        }
        #expect(abs(found / Double(count) - expected) < 0.05 * expected)
      }
    }
  }

  @Test func aDrawDependsOnSeedEpochAndIndexAlone() {
    let variation = ImageVariation.published
    func cut(_ seed: UInt64, _ epoch: Int, _ index: Int) -> ImageCut {
      variation.cut(extent, crop: 224, seed: seed, epoch: epoch, index: index)
    }
    #expect(cut(1, 2, 3) == cut(1, 2, 3))
    #expect(Set([cut(1, 2, 3), cut(2, 2, 3), cut(1, 3, 3), cut(1, 2, 4)].map(\.offset)).count == 4)
  }
}
