import Glibc

/// The control groups (Linux, version 2 and version 1) that this process is in. By them a container
/// gets its share of a machine (`docker run --cpus`, a Kubernetes limit, systemd's `CPUQuota=`), which
/// the processors that it may run on do not show.
enum ControlGroups {
  /// How many processors' worth of time this process gets: the least that its groups allow, and the
  /// groups that those are in, as far as they are mounted; nil if there is no limit, or if what there is
  /// cannot be read. `root` is what stands before the paths of the system's files.
  static func processors(root: String = "") -> Double? {
    guard let groups = bytes(of: Array((root + "/proc/self/cgroup").utf8)),
      let mounts = bytes(of: Array((root + "/proc/self/mountinfo").utf8))
    else { return nil }
    var least: Double?
    for line in lines(mounts) {
      guard let mount = Mount(line), let group = group(of: mount, in: groups) else { continue }
      for folder in mount.folders(of: group) {
        guard let limit = limit(Array(root.utf8) + folder, mount.isUnified) else { continue }
        least = min(least ?? limit, limit)
      }
    }
    return least
  }

  /// Paths are bytes: the system does not ask what they mean.
  private typealias Bytes = ArraySlice<UInt8>

  /// Where a hierarchy of groups that can limit processor time is mounted.
  private struct Mount {
    /// The group that the mount's folder stands for.
    let group: [UInt8]
    let folder: [UInt8]
    /// Whether the hierarchy is that of version 2.
    let isUnified: Bool

    /// "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw" (proc_pid_mountinfo(5)).
    init?(_ line: Bytes) {
      let fields = line.split(separator: UInt8(ascii: " "))
      guard let dash = fields.dropFirst(6).firstIndex(where: { $0.elementsEqual("-".utf8) }),
        fields.count == dash + 4
      else { return nil }
      if fields[dash + 1].elementsEqual("cgroup2".utf8) {
        isUnified = true
      } else if fields[dash + 1].elementsEqual("cgroup".utf8), limitsTime(fields[dash + 3]) {
        isUnified = false
      } else {
        return nil
      }
      group = unescaped(fields[3])
      folder = unescaped(fields[4])
    }

    /// The folders of a group and of those that it is in, as far as they are mounted: none if the group is
    /// elsewhere.
    func folders(of group: Bytes) -> [[UInt8]] {
      let slash = UInt8(ascii: "/")
      let (names, mounted) = (group.split(separator: slash), self.group.split(separator: slash))
      // The group of a process that was moved out of what it sees begins with "/..".
      guard names.starts(with: mounted), !names.contains(where: { $0.elementsEqual("..".utf8) })
      else { return [] }
      return (mounted.count...names.count).map { count in
        names[mounted.count..<count].reduce(folder) { $0 + [slash] + $1 }
      }
    }
  }

  /// The path of the process's group in the hierarchy of a mount: "0::/path" of version 2,
  /// "4:cpu,cpuacct:/path" of version 1 (cgroups(7)).
  private static func group(of mount: Mount, in groups: [UInt8]) -> Bytes? {
    for line in lines(groups) {
      let fields = line.split(
        separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isUnified = fields[0].elementsEqual("0".utf8) && fields[1].isEmpty
      if mount.isUnified ? isUnified : limitsTime(fields[1]) { return fields[2] }
    }
    return nil
  }

  /// Whether the controller of processor time is among those of a hierarchy, "cpu,cpuacct".
  private static func limitsTime(_ controllers: Bytes) -> Bool {
    controllers.split(separator: UInt8(ascii: ",")).contains { $0.elementsEqual("cpu".utf8) }
  }

  /// Microseconds of processor time in each period of as many, as processors.
  private static func limit(_ folder: [UInt8], _ isUnified: Bool) -> Double? {
    func contents(_ name: String) -> [UInt8] { bytes(of: folder + Array(name.utf8)) ?? [] }
    let numbers =
      isUnified
      ? contents("/cpu.max") : contents("/cpu.cfs_quota_us") + contents("/cpu.cfs_period_us")
    // Without a limit the first is "max", or -1.
    let fields = numbers.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
      .map { Int(String(decoding: $0, as: UTF8.self)) }
    guard fields.count == 2, let quota = fields[0], let period = fields[1], quota > 0, period > 0
    else { return nil }
    return Double(quota) / Double(period)
  }

  private static func lines(_ text: [UInt8]) -> [Bytes] {
    text.split(separator: UInt8(ascii: "\n"))
  }

  /// A path of mountinfo, in which some characters are three octal digits behind a backslash.
  private static func unescaped(_ path: Bytes) -> [UInt8] {
    var plain: [UInt8] = []
    var rest = path
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3,
        let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      {
        plain.append(code)
        rest.removeFirst(3)
      } else {
        plain.append(byte)
      }
    }
    return plain
  }

  /// A file of the system, whose size is not known beforehand; at most 1 MiB of it.
  private static func bytes(of path: [UInt8]) -> [UInt8]? {
    let descriptor = (path + [0]).withUnsafeBufferPointer { path in
      path.withMemoryRebound(to: CChar.self) { open($0.baseAddress!, O_RDONLY | O_CLOEXEC) }
    }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    var length = 0
    while length < 1 << 20 {
      if length == bytes.count { bytes += [UInt8](repeating: 0, count: length) }
      let count = bytes.withUnsafeMutableBytes {
        read(descriptor, $0.baseAddress! + length, $0.count - length)
      }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { break }
      length += count
    }
    return Array(bytes[..<length])
  }
}
