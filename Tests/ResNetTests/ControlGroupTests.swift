import Glibc
import Testing

@testable import ResNet

@Suite("Control groups")
struct ControlGroupTests {
  /// A machine's files: what is at each path.
  private static func processors(_ files: [String: String]) throws -> Double? {
    try StorageTests.withDirectory { root in
      for (path, contents) in files {
        var parent = root
        for name in path.split(separator: "/").dropLast() {
          parent += "/" + name
          mkdir(parent, 0o700)
        }
        try StorageTests.put(Array(contents.utf8), at: root + "/" + path)
      }
      return ControlGroups.processors(root: root)
    }
  }

  private static let unified = "31 23 0:28 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n"
  private static let separate =
    "30 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    + "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"

  @Test func aGroupOfVersion2LimitsAndSoDoThoseThatItIsIn() throws {
    var files = [
      "proc/self/cgroup": "0::/jobs/one/part\n", "proc/self/mountinfo": Self.unified,
      "sys/fs/cgroup/jobs/one/part/cpu.max": "max 100000\n",
      "sys/fs/cgroup/jobs/one/cpu.max": "250000 100000\n",
      "sys/fs/cgroup/jobs/other/cpu.max": "10000 100000\n",
    ]
    #expect(try Self.processors(files) == 2.5)
    files["sys/fs/cgroup/jobs/cpu.max"] = "50000 50000\n"
    #expect(try Self.processors(files) == 1)
    files["sys/fs/cgroup/jobs/one/part/cpu.max"] = "20000 100000\n"
    #expect(try Self.processors(files) == 0.2)
  }

  @Test func aGroupOfVersion1Limits() throws {
    let folder = "sys/fs/cgroup/cpu,cpuacct/"
    var files = [
      "proc/self/cgroup": "12:memory:/box\n4:cpu,cpuacct:/box/a:b\n0::/other\n",
      "proc/self/mountinfo": Self.separate,
      "sys/fs/cgroup/memory/box/a:b/cpu.max": "1 1\n",
      folder + "box/a:b/cpu.cfs_quota_us": "-1\n", folder + "box/a:b/cpu.cfs_period_us": "100000\n",
      folder + "box/cpu.cfs_quota_us": "400000\n",
    ]
    #expect(try Self.processors(files) == nil)
    files[folder + "box/cpu.cfs_period_us"] = "100000\n"
    #expect(try Self.processors(files) == 4)
    files[folder + "box/a:b/cpu.cfs_quota_us"] = "150000\n"
    #expect(try Self.processors(files) == 1.5)
  }

  /// In a container the mount can show no more than its group, under the group's path on the host.
  @Test func aContainersPathsBeginAtItsOwnGroup() throws {
    let files = [
      "proc/self/cgroup": "0::/docker/ab\\x2d c/inner\n",
      "proc/self/mountinfo":
        #"31 23 0:28 /docker/ab\134x2d\040c /mnt/my\040groups rw - cgroup2 cgroup2 rw"#,
      "mnt/my groups/cpu.max": "300000 100000\n",
      "mnt/my groups/inner/cpu.max": "800000 100000\n",
    ]
    #expect(try Self.processors(files) == 3)
  }

  /// What is mounted limits others: the process is not in it, or nobody can say where it is.
  @Test(arguments: ["/../..", "/../pod", "/pod2", "/host/pod", "/"])
  func whatTheProcessIsNotInDoesNotLimitIt(group: String) throws {
    let isOutside = group.hasPrefix("/..")
    let files = [
      "proc/self/cgroup": "0::\(group)\n",
      "proc/self/mountinfo":
        "31 23 0:28 \(isOutside ? "/" : "/pod") /groups rw - cgroup2 cgroup2 rw\n",
      "groups/cpu.max": "50000 100000\n", "groups/host/cpu.max": "50000 100000\n",
      "groups/pod/cpu.max": "50000 100000\n", "cpu.max": "50000 100000\n",
    ]
    #expect(try Self.processors(files) == nil)
  }

  /// As when a container's folder is also mounted elsewhere.
  @Test func theMountThatHasTheGroupCounts() throws {
    let files = [
      "proc/self/cgroup": "0::/user/x\n",
      "proc/self/mountinfo": "30 23 0:28 /docker/abc /run/abc rw - cgroup2 cgroup2 rw\n"
        + Self.unified,
      "run/abc/cpu.max": "50000 100000\n", "sys/fs/cgroup/user/cpu.max": "700000 100000\n",
    ]
    #expect(try Self.processors(files) == 7)
  }

  @Test func namesAreBytes() throws {
    let files = [
      "proc/self/cgroup": "0::/a\u{301}/\u{301}x:y\n", "proc/self/mountinfo": Self.unified,
      "sys/fs/cgroup/a\u{301}/cpu.max": "300000 100000\n",
    ]
    #expect(try Self.processors(files) == 3)
  }

  @Test(arguments: [
    "", "max\n", "max 100000\n", "0 100000\n", "-5 100000\n", "100000 0\n", "100000 x\n", "1 2 3\n",
    "99999999999999999999 1\n",
  ])
  func whatIsNoLimitLimitsNothing(contents: String) throws {
    let files = [
      "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": Self.unified,
      "sys/fs/cgroup/cpu.max": contents,
    ]
    #expect(try Self.processors(files) == nil)
  }

  @Test(arguments: [
    "", "\n\n", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2\n", "- - - - - - -\n",
    "31 23 0:28 / /sys/fs/cgroup\\1 rw - cgroup2 c rw",
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs cgroup2 rw\n",
  ])
  func mountsThatAreNoGroupsAreNone(mounts: String) throws {
    let files = [
      "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": mounts,
      "sys/fs/cgroup/cpu.max": "100000 100000\n",
    ]
    #expect(try Self.processors(files) == nil)
  }

  /// Some machines have thousands of mounts.
  @Test func theMountIsFoundBehindManyOthers() throws {
    let other = "1024 23 0:99 / /var/lib/containers/overlay rw,relatime - overlay overlay rw\n"
    let files = [
      "proc/self/cgroup": "0::/\n",
      "proc/self/mountinfo": String(repeating: other, count: 5000) + Self.unified,
      "sys/fs/cgroup/cpu.max": "100000 100000\n",
    ]
    #expect(try Self.processors(files) == 1)
  }

  @Test func aSystemWithoutGroupsHasNoLimit() throws {
    #expect(try Self.processors([:]) == nil)
    #expect(try Self.processors(["proc/self/cgroup": "0::/\n"]) == nil)
  }
}
