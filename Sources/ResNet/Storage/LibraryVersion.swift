/// The version of the library, as in `rn_version()` and in the files that it writes.
public let libraryVersion = "1.0.0"
