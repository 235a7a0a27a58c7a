import CKernels
import Testing

@Suite struct DispatchTests {
  @Test func everyNameGivesItsOwnKernels() throws {
    for isa in InstructionSet.available {
      #expect(String(cString: try isa.kernels.name) == isa.name)
    }
    #expect(InstructionSet.available.contains { $0.name == "portable" })
  }

  @Test func theBestIsChosen() throws {
    let best = try #require(rk_kernels_named(nil))
    #expect(String(cString: best.pointee.name) == InstructionSet.available.first?.name)
  }

  @Test(arguments: ["", "avx", "AVX512", "portable "])
  func unknownNamesAreRefused(_ name: String) {
    #expect(rk_kernels_named(name) == nil)
  }
}
