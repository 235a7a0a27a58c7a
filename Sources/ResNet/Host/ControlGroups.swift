import Glibc

/// The control groups (Linux, version 2 and version 1) that this process is in. By them a container
/// gets its share of a machine (`docker run --cpus`, a Kubernetes limit, systemd's `CPUQuota=`), which
/// the processors that it may run on do not show.
enum ControlGroups {
  /// How many processors' worth of time this process gets: the least that its groups allow, and the
  /// groups that those are in; nil if there is no limit, or if what there is cannot be read.
  /// `root` is what stands before the paths of the system's files.
  static func processors(root: String = "") -> Double? {
    guard let groups = text(of: root + "/proc/self/cgroup"),
      let mounts = text(of: root + "/proc/self/mountinfo")
    else { return nil }
    var least: Double?
    for line in lines(mounts) {
      guard let mount = Mount(line), let group = group(of: mount, in: groups) else { continue }
      for folder in mount.folders(of: group) {
        guard let limit = limit(root + folder, mount.isUnified) else { continue }
        least = min(least ?? limit, limit)
      }
    }
    return least
  }

  /// Where a hierarchy of groups that can limit processor time is mounted.
  private struct Mount {
    /// The group that the mount's folder stands for.
    let group: String
    let folder: String
    /// Whether the hierarchy is that of version 2.
    let isUnified: Bool

    /// "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw" (proc_pid_mountinfo(5)).
    init?(_ line: Substring) {
      let fields = line.split(separator: " ")
      guard let dash = fields.dropFirst(6).firstIndex(of: "-"), fields.count == dash + 4 else {
        return nil
      }
      switch fields[dash + 1] {
      case "cgroup2": isUnified = true
      case "cgroup" where fields[dash + 3].split(separator: ",").contains("cpu"): isUnified = false
      default: return nil
      }
      group = unescaped(fields[3])
      folder = unescaped(fields[4])
    }

    /// The folders of a group and of those that it is in, as far as they are mounted.
    func folders(of group: Substring) -> [String] {
      var names = group.split(separator: "/")
      let mounted = self.group.split(separator: "/")
      // A group outside of what is mounted can still be limited by the mounted one: a container sees
      // its own group there while the path is the host's.
      if names.starts(with: mounted) && !names.contains("..") {
        names.removeFirst(mounted.count)
      } else {
        names = []
      }
      return (0...names.count).map { count in
        names.prefix(count).reduce(folder) { $0 + "/" + $1 }
      }
    }
  }

  /// The path of the process's group in the hierarchy of a mount: "0::/path" of version 2,
  /// "4:cpu,cpuacct:/path" of version 1 (cgroups(7)).
  private static func group(of mount: Mount, in groups: String) -> Substring? {
    for line in lines(groups) {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let matches =
        mount.isUnified
        ? fields[0] == "0" && fields[1].isEmpty : fields[1].split(separator: ",").contains("cpu")
      if matches { return fields[2] }
    }
    return nil
  }

  /// Microseconds of processor time in each period of as many, as processors.
  private static func limit(_ folder: String, _ isUnified: Bool) -> Double? {
    let numbers =
      isUnified
      ? text(of: folder + "/cpu.max")
      : text(of: folder + "/cpu.cfs_quota_us").flatMap { quota in
        text(of: folder + "/cpu.cfs_period_us").map { quota + " " + $0 }
      }
    // Without a limit the first is "max", or -1.
    let fields = (numbers ?? "").split { $0 == " " || $0 == "\n" }
    guard fields.count == 2, let quota = Int(fields[0]), let period = Int(fields[1]), quota > 0,
      period > 0
    else { return nil }
    return Double(quota) / Double(period)
  }

  private static func lines(_ text: String) -> [Substring] { text.split(separator: "\n") }

  /// A path of mountinfo, in which some characters are three octal digits behind a backslash.
  private static func unescaped(_ path: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = path.utf8[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3,
        let code = UInt8(String(digits) ?? "", radix: 8)
      {
        bytes.append(code)
        rest.removeFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A file of the system, whose size is not known beforehand; at most 1 MiB of it.
  private static func text(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
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
    return String(decoding: bytes[..<length], as: UTF8.self)
  }
}
