// Runs libFuzzer, with its options, on the target that FUZZ_TARGET in the environment names.
import CFuzzer
import FuzzTargets
import Glibc

let target: FuzzTarget = {
  let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = FuzzTarget(rawValue: name) else {
    let known = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
    fatalError("FUZZ_TARGET is \"\(name)\", expected one of \(known)")
  }
  return target
}()

/// What libFuzzer's own main function, which is linked but not used, would call.
@c(LLVMFuzzerTestOneInput)
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do throws(Finding) {
    try target.run(UnsafeRawBufferPointer(start: start, count: count))
  } catch {
    fatalError(error.message)
  }
  return 0
}

var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(LLVMFuzzerRunDriver(&count, &arguments, testOneInput))
