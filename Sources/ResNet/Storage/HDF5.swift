import CHDF5
import Glibc

/// What the library needs of HDF5, as typed owners of HDF5's identifiers. No C shows above this
/// file and its neighbours named HDF5.
///
/// Everything here throws `badFormat` or, where the operating system is to blame, `inputOutput`,
/// with HDF5's own explanation at the end of the message.
enum HDF5 {
  /// Calls `body`, in which HDF5 may be used, and leaves the thread's HDF5 error handler and error
  /// stack as the host program had them. All use of HDF5 happens inside.
  static func use<Result: ~Copyable>(_ body: () throws(ResNetError) -> Result)
    throws(ResNetError) -> Result
  {
    lock()
    defer { unlock() }
    guard H5open() >= 0 else {
      throw ResNetError(.outOfMemory, "the HDF5 library could not be initialised")
    }
    var host = rh_errors_silence()
    defer { rh_errors_restore(&host) }
    return try body()
  }

  /// HDF5 serialises its calls itself, if it was built to; this covers builds that were not.
  private nonisolated(unsafe) static let mutex: UnsafeMutablePointer<pthread_mutex_t> = {
    let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    // Nobody forks in the middle of a call to HDF5: the child could never make another.
    pthread_atfork({ HDF5.lock() }, { HDF5.unlock() }, { HDF5.unlock() })
    return mutex
  }()

  private static func lock() { pthread_mutex_lock(mutex) }
  private static func unlock() { pthread_mutex_unlock(mutex) }

  /// Throws unless `status`, what an HDF5 function returned, means success.
  @discardableResult
  static func check<Status: SignedInteger>(_ status: Status, _ what: @autoclosure () -> String)
    throws(ResNetError) -> Status
  {
    guard status >= 0 else { throw failure(what()) }
    return status
  }

  /// The error for a call that has just failed.
  static func failure(_ what: String) -> ResNetError {
    var cause = ""
    withUnsafeMutablePointer(to: &cause) { cause in
      // Walked upward, the first record is the innermost: the reason, not its consequences.
      let visit: H5E_walk2_t = { number, record, cause in
        if number == 0, let text = record?.pointee.desc, let cause {
          cause.assumingMemoryBound(to: String.self).pointee = String(cString: text)
        }
        return 0
      }
      _ = rh_errors_walk(visit, cause)
    }
    guard !cause.isEmpty else { return ResNetError(.badFormat, what) }
    // HDF5 quotes errno exactly when a system call failed.
    let kind: ResNetError.Kind = cause.contains(", errno = ") ? .inputOutput : .badFormat
    return ResNetError(kind, "\(what) (HDF5: \(cause))")
  }
}

/// An HDF5 identifier of any kind, released when its owner goes away.
struct HDF5ID: ~Copyable {
  let raw: hid_t

  init(_ raw: hid_t, _ what: @autoclosure () -> String) throws(ResNetError) {
    self.raw = try HDF5.check(raw, what())
  }

  deinit { H5Idec_ref(raw) }

  /// Closes a file that was written, which writes what HDF5 still holds of it.
  consuming func closeFile() throws(ResNetError) {
    let raw = raw
    discard self
    try HDF5.check(H5Fclose(raw), "the file cannot be completed")
  }
}

/// A group, and the root of everything read or written.
struct HDF5Group: ~Copyable {
  let id: HDF5ID
  /// Its path in the file, for messages: `/` or `/name`.
  let path: String

  private init(_ id: consuming HDF5ID, path: String) {
    self.id = id
    self.path = path
  }

  init(rootOf file: borrowing HDF5ID) throws(ResNetError) {
    self.init(
      try HDF5ID(H5Gopen2(file.raw, "/", rh_default()), "the root group cannot be opened"),
      path: "/")
  }

  init(_ name: String, in parent: borrowing HDF5Group) throws(ResNetError) {
    let path = parent.path(of: name)
    self.init(
      try HDF5ID(
        H5Gopen2(parent.id.raw, name, rh_default()), "\(path) is damaged or is not a group"),
      path: path)
  }

  /// Adds a group. Its attributes and members are kept in checksummed structures, its members also
  /// in order of creation.
  init(creating name: String, in parent: borrowing HDF5Group) throws(ResNetError) {
    let path = parent.path(of: name)
    let what = "\(path) cannot be created"
    let options = try HDF5ID(H5Pcreate(rh_group_create()), what)
    try HDF5.check(H5Pset_obj_track_times(options.raw, false), what)
    let order = UInt32(H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED)
    try HDF5.check(H5Pset_link_creation_order(options.raw, order), what)
    self.init(
      try HDF5ID(
        H5Gcreate2(parent.id.raw, name, rh_default(), options.raw, rh_default()), what),
      path: path)
  }

  func path(of member: String) -> String {
    path == "/" ? "/\(member)" : "\(path)/\(member)"
  }

  /// The names of its members. Throws if there are more than `limit`, or if one is a soft or
  /// external link, which could lead out of the file.
  func members(limit: Int) throws(ResNetError) -> Set<String> {
    struct Listing {
      var names: Set<String> = []
      var link: String?
      let limit: Int
    }
    var listing = Listing(limit: limit)
    let status = withUnsafeMutablePointer(to: &listing) { listing in
      var visitor = rh_visitor(
        visit: { name, isHard, listing in
          guard let name, let listing = listing?.assumingMemoryBound(to: Listing.self) else {
            return -1
          }
          let text = String(cString: name)
          if isHard == 0 { listing.pointee.link = text }
          listing.pointee.names.insert(text)
          return isHard == 0 || listing.pointee.names.count > listing.pointee.limit ? 1 : 0
        }, context: listing)
      return rh_visit_links(id.raw, &visitor)
    }
    try HDF5.check(status, "the list of members of \(path) is damaged")
    if let link = listing.link {
      throw ResNetError(
        .badFormat, "\(self.path(of: link)) is a link to elsewhere, expected the object itself")
    }
    guard listing.names.count <= limit else {
      throw ResNetError(.badFormat, "\(path) claims more members than the file has room for")
    }
    return listing.names
  }
}

/// A file being read.
struct HDF5File: ~Copyable {
  let id: HDF5ID

  /// Throws `badFormat` if it is no HDF5 file, or a damaged or truncated one.
  init(reading path: String) throws(ResNetError) {
    guard try HDF5.check(H5Fis_hdf5(path), "it cannot be read") > 0 else {
      throw ResNetError(.badFormat, "it is not an HDF5 file")
    }
    id = try HDF5ID(
      H5Fopen(path, rh_read_only(), rh_default()), "it is damaged, truncated or in use")
  }
}
