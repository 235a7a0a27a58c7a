/// What the Swift runtime in this library answers when it is asked for the name of a Unicode scalar: that
/// there is none. Nothing here asks, but the standard library could, and its tables of names are half a
/// megabyte. (The linker puts this in the place of the runtime's function: `--wrap` in Package.swift.)
@c(__wrap__swift_stdlib_getScalarName)
public func scalarName(
  _ scalar: UInt32, _ buffer: UnsafeMutablePointer<UInt8>?, _ capacity: Int
) -> Int { 0 }
