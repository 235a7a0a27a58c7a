/// The version of the library, as in `rn_version()` and in the files that it writes: that of resnet.h.
public let libraryVersion = versionLiteral.description

package let versionLiteral: StaticString = "1.0.0"
