/// The version of the library, as in `rn_version()` and in the files that it writes.
package let libraryVersion = "1.0.0"
