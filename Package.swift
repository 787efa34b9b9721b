// swift-tools-version: 6.3
import PackageDescription

/// Settings that every Swift target shares: strict concurrency, strict memory safety, and no warning let through.
let common: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
  .enableUpcomingFeature("ImmutableWeakCaptures"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// Tests hand raw pointers to kernels freely, so strict memory safety is left off there.
let testing: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .treatAllWarnings(as: .error),
]

let c: [CSetting] = [.enableWarning("all"), .treatAllWarnings(as: .error)]

let package = Package(
  name: "weir",
  platforms: [.macOS(.v26)],
  products: [
    .library(name: "Weir", targets: ["WeirTensors", "WeirIO", "WeirOps", "WeirPipeline"]),
    .executable(name: "weir", targets: ["weir"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
  ],
  targets: [
    // The words of the design as types. Depends on nothing.
    .target(name: "WeirTensors", path: "Sources/Tensors", swiftSettings: common),

    // Bytes and formats.
    .target(name: "CSystem", path: "Sources/CSystem", cSettings: c),
    .systemLibrary(
      name: "CXxhash", path: "Sources/CXxhash", pkgConfig: "libxxhash",
      providers: [.apt(["libxxhash-dev"]), .brew(["xxhash"])]),
    .systemLibrary(
      name: "CZstd", path: "Sources/CZstd", pkgConfig: "libzstd",
      providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
    .target(name: "CCodecs", dependencies: ["CKernels"], path: "Sources/CCodecs", cSettings: c),
    .target(
      name: "WeirIO",
      dependencies: ["WeirTensors", "CSystem", "CCodecs", "CXxhash", "CZstd"],
      path: "Sources/IO", swiftSettings: common),

    // Arithmetic.
    .target(name: "CKernels", path: "Sources/CKernels", cSettings: c),
    .systemLibrary(
      name: "COpenBLAS", path: "Sources/COpenBLAS", pkgConfig: "openblas",
      providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]),
    .target(
      name: "WeirOps", dependencies: ["WeirTensors", "CKernels"],
      path: "Sources/Ops", swiftSettings: common),

    // The language, planning, running.
    .systemLibrary(
      name: "CYaml", path: "Sources/CYaml", pkgConfig: "yaml-0.1",
      providers: [.apt(["libyaml-dev"]), .brew(["libyaml"])]),
    .target(
      name: "WeirPipeline",
      dependencies: ["WeirTensors", "WeirIO", "WeirOps", "CYaml"],
      path: "Sources/Pipeline", swiftSettings: common),

    // The command line.
    .executableTarget(
      name: "weir",
      dependencies: [
        "WeirPipeline", "WeirIO", "WeirOps", "WeirTensors", "CSystem",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/weir", swiftSettings: common),

    .target(
      name: "TestSupport", dependencies: ["WeirTensors"], path: "Tests/TestSupport", swiftSettings: testing),
    .testTarget(
      name: "TensorsTests", dependencies: ["WeirTensors", "TestSupport"], swiftSettings: testing),
    .testTarget(
      name: "IOTests", dependencies: ["WeirIO", "WeirTensors", "TestSupport"], swiftSettings: testing),
    .testTarget(
      name: "OpsTests", dependencies: ["WeirOps", "WeirTensors", "CKernels", "TestSupport"], swiftSettings: testing),
    .testTarget(
      name: "PipelineTests",
      dependencies: ["WeirPipeline", "WeirIO", "WeirOps", "WeirTensors", "TestSupport"], swiftSettings: testing),
    .testTarget(
      name: "CLITests", dependencies: ["weir", "WeirPipeline", "WeirIO", "WeirTensors", "TestSupport"],
      exclude: ["Cases"], swiftSettings: testing),
  ]
)

// The fuzzer and the replay of what it found share their targets, and a source file belongs to one target at a time.
let fuzzed: [Target.Dependency] = ["WeirPipeline", "WeirIO", "WeirOps", "WeirTensors", "TestSupport"]
if Context.environment["WEIR_FUZZ"] == nil {
  package.targets.append(
    .testTarget(
      name: "FuzzTests", dependencies: fuzzed, path: "Fuzz", exclude: ["Corpus", "Crashes", "Driver", "seeds.py"],
      sources: ["Targets", "Replay"], swiftSettings: testing))
} else {
  package.targets.append(
    .executableTarget(
      name: "weir-fuzz", dependencies: fuzzed, path: "Fuzz", exclude: ["Corpus", "Crashes", "Replay", "seeds.py"],
      sources: ["Targets", "Driver"], swiftSettings: testing,
      // The gold linker ends on an internal error here.
      linkerSettings: [.unsafeFlags(["-use-ld=lld"], .when(platforms: [.linux]))]))
}
