// swift-tools-version: 6.3
import PackageDescription

/// What Sources/CReserve stands in front of in the shared library: the C functions and C++ operators by
/// which the Swift runtime allocates.
let allocators = [
  "malloc", "calloc", "realloc", "posix_memalign", "strdup", "free", "malloc_usable_size",
  "_Znwm", "_ZdlPvm", "_ZnwmSt11align_val_t", "_ZdlPvmSt11align_val_t",
]

// A sanitizer's functions are in the program, not in the libraries that call them (`make sanitize`).
let isSanitized = Context.environment["RESNET_SANITIZED"] != nil

let package = Package(
  name: "libresnet",
  products: [
    .library(name: "ResNet", targets: ["ResNet", "ResNetData", "ResNetExchange"]),
    .library(name: "ResNetShared", type: .dynamic, targets: ["ResNetC"]),
    .executable(name: "resnet-cli", targets: ["resnet-cli"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: [
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CResNet", path: "include"),
    .systemLibrary(
      name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg62-turbo-dev"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .target(name: "CKernels"),
    .target(name: "CReserve"),
    .target(name: "CImages", dependencies: ["CJPEG", "CPNG"]),
    .target(name: "ResNet", dependencies: ["CKernels", "CZlib"]),
    .target(name: "ResNetExchange", dependencies: ["ResNet"]),
    .target(name: "ResNetData", dependencies: ["ResNet", "CImages", "CKernels"]),
    // What a program hands over by resnet.h, for the C API and for the command.
    .target(name: "ResNetCommunicator", dependencies: ["ResNet", "CResNet"]),
    .target(
      name: "ResNetC",
      dependencies: [
        "ResNet", "ResNetData", "ResNetExchange", "ResNetCommunicator", "CKernels", "CResNet",
        "CReserve",
      ],
      exclude: ["discard.ld", "exports.map"],
      linkerSettings: [
        // The Swift runtime is linked in, only the C ABI is exported, and the library carries its
        // ABI's version in its soname. Once loaded it stays (nodelete): it has threads and
        // per-thread data of its own, which dlclose could not take down safely. Then what keeps it
        // small: relative relocations in packed form, equal functions once, no table to search those
        // to unwind by, as nothing is thrown through it, and no names of Unicode scalars
        // (ScalarNames.swift).
        .unsafeFlags(
          allocators.flatMap { ["-Xlinker", "--wrap=\($0)"] } + [
            "-static-stdlib",
            "-use-ld=lld",
            "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
            "-Xlinker", "--icf=all",
            "-Xlinker", "--no-eh-frame-hdr",
            "-Xlinker", "\(Context.packageDirectory)/Sources/ResNetC/discard.ld",
            "-Xlinker", "--wrap=_swift_stdlib_getScalarName",
            "-Xlinker", "-soname=libresnet.so.1",
            "-Xlinker", "-z", "-Xlinker", "nodelete",
            "-Xlinker", "--version-script=\(Context.packageDirectory)/Sources/ResNetC/exports.map",
          ] + (isSanitized ? [] : ["-Xlinker", "--no-undefined"]))
      ]),
    // What `resnet bench` compares with, as the benchmarks do.
    .target(
      name: "CPeak", path: "Benchmarks/peak", exclude: ["main.c"], publicHeadersPath: "."),
    .executableTarget(
      name: "resnet-cli",
      dependencies: [
        "ResNet", "ResNetData", "ResNetExchange", "ResNetCommunicator", "CPeak", "CResNet",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .target(
      name: "FuzzTargets", dependencies: ["ResNet", "ResNetData", "ResNetExchange", "CImages"],
      path: "Tests/fuzz/Targets"),
    .testTarget(name: "KernelTests", dependencies: ["CKernels"]),
    .testTarget(
      name: "ResNetTests",
      dependencies: ["ResNet", "ResNetData", "ResNetExchange", "CKernels", "FuzzTargets"]),
  ],
  cLanguageStandard: .c11
)

// The fuzzer's program links where the compiler has libFuzzer, and was told to: see `make fuzz`.
if Context.environment["RESNET_FUZZ"] != nil {
  package.targets += [
    .systemLibrary(name: "CFuzzer", path: "Tests/fuzz/CFuzzer"),
    .executableTarget(
      name: "fuzz", dependencies: ["FuzzTargets", "CFuzzer"], path: "Tests/fuzz/Entry"),
  ]
}
