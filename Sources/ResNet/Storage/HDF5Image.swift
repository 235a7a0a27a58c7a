import CHDF5
import Glibc

/// An HDF5 file that is built in memory.
///
/// HDF5 never sees the disk while we write, because it does not stand a disk that fails: an
/// `H5Fclose` that cannot write leaves its identifiers behind and crashes the process when it
/// exits. In memory it has nothing to fail on, and the bytes then go to disk by ``AtomicFile``.
final class HDF5Image {
  private var memory: UnsafeMutableRawPointer
  private var capacity: Int
  /// The whole file.
  private(set) var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
  /// Where its datasets lie.
  private(set) var parts: [FileChecksums.Part] = []

  /// Builds the file that `fill` writes into the root group that it is given. `fill` returns where
  /// it put the datasets. `capacity` should
  /// suffice for the whole of it, so that HDF5 cannot run out of memory half way.
  init(
    capacity: Int, _ fill: (borrowing HDF5Group) throws(ResNetError) -> [FileChecksums.Part]
  ) throws(ResNetError) {
    guard let memory = calloc(capacity, 1) else {
      throw ResNetError(.outOfMemory, "could not allocate \(capacity) bytes")
    }
    self.memory = memory
    self.capacity = capacity
    let file = try create()
    let outcome = Result { () throws(ResNetError) in try fill(HDF5Group(rootOf: file)) }
    try file.closeFile()
    parts = try outcome.get()
    bytes = UnsafeRawBufferPointer(start: self.memory, count: try endOfFile())
  }

  deinit { free(memory) }

  private func create() throws(ResNetError) -> HDF5ID {
    let what = "an HDF5 file cannot be begun in memory"
    let access = try HDF5ID(H5Pcreate(rh_file_access()), what)
    // Format 1.10, read by every HDF5 since 2016: the first whose structures all have checksums.
    try HDF5.check(H5Pset_libver_bounds(access.raw, H5F_LIBVER_V110, H5F_LIBVER_V110), what)
    try HDF5.check(H5Pset_fapl_core(access.raw, 1 << 16, false), what)
    try provideMemory(to: access)
    let options = try HDF5ID(H5Pcreate(rh_file_create()), what)
    try HDF5.check(H5Pset_obj_track_times(options.raw, false), what)
    // HDF5 takes files of one name for one file.
    let name = AtomicFile.uniqueName()
    return try HDF5ID(H5Fcreate(name, rh_truncate(), options.raw, access.raw), what)
  }

  /// Has HDF5 keep the file in `memory`, which is still there when the file is closed.
  private func provideMemory(to access: borrowing HDF5ID) throws(ResNetError) {
    var callbacks = H5FD_file_image_callbacks_t()
    callbacks.udata = Unmanaged.passUnretained(self).toOpaque()
    callbacks.udata_copy = { $0 }
    callbacks.udata_free = { _ in 0 }
    callbacks.image_malloc = { size, _, image in HDF5Image.resize(image, to: size) }
    callbacks.image_realloc = { _, size, _, image in HDF5Image.resize(image, to: size) }
    callbacks.image_free = { _, _, _ in 0 }
    try HDF5.check(
      H5Pset_file_image_callbacks(access.raw, &callbacks),
      "HDF5 does not take memory for a file")
  }

  private static func resize(_ image: UnsafeMutableRawPointer?, to size: Int)
    -> UnsafeMutableRawPointer?
  {
    guard let image else { return nil }
    let this = Unmanaged<HDF5Image>.fromOpaque(image).takeUnretainedValue()
    if size > this.capacity {
      let capacity = max(size, this.capacity + this.capacity / 2)
      guard let memory = realloc(this.memory, capacity) else { return nil }
      this.memory = memory
      this.capacity = capacity
    }
    return this.memory
  }

  /// The "end of file address" of the superblock (version 2 or 3, 8-byte addresses), which is the
  /// file's size. HDF5's own answers, given before closing, may be larger.
  private func endOfFile() throws(ResNetError) -> Int {
    let superblock = UnsafeRawBufferPointer(start: memory, count: min(capacity, 48))
    guard superblock.count == 48, superblock[8] == 2 || superblock[8] == 3, superblock[9] == 8,
      let end = Int(
        exactly: UInt64(littleEndian: superblock.loadUnaligned(fromByteOffset: 28, as: UInt64.self))
      ),
      end >= 48, end <= capacity
    else { throw ResNetError(.badFormat, "HDF5 wrote a file with an unexpected superblock") }
    return end
  }
}
