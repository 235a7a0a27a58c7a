// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "classify",
  dependencies: [
    // In a package of your own: .package(url: "…", from: "1.0.0"), and package: "libresnet" below.
    .package(name: "libresnet", path: "../..")
  ],
  targets: [
    .executableTarget(
      name: "classify", dependencies: [.product(name: "ResNet", package: "libresnet")])
  ]
)
