// swift-tools-version: 6.1
import PackageDescription

// A package of its own, so that who uses Compose does not build it. scripts/bench runs it.
let package = Package(
  name: "compose-benchmarks",
  dependencies: [.package(name: "compose", path: "..")],
  targets: [
    .systemLibrary(name: "FFTW", pkgConfig: "fftw3f", providers: [.apt(["libfftw3-dev"])]),
    .target(name: "Harness"),
    // Programs of their own, so that the memory of the first holds no libtorch.
    .executableTarget(
      name: "spectro-benchmark",
      dependencies: ["FFTW", "Harness", .product(name: "Spectro", package: "compose")],
      path: "Sources/SpectroBenchmark"),
    .executableTarget(
      name: "inversion-quality",
      dependencies: [
        .product(name: "Spectro", package: "compose"), .product(name: "Audio", package: "compose"),
      ],
      path: "Sources/InversionQuality"),
    .executableTarget(
      name: "network-benchmark",
      dependencies: [
        "Harness",
        .product(name: "MusicDiffusion", package: "compose"),
        .product(name: "Torch", package: "compose"),
      ],
      path: "Sources/NetworkBenchmark"),
    .executableTarget(
      name: "data-benchmark",
      dependencies: [
        .product(name: "MusicDiffusion", package: "compose"),
        .product(name: "Corpus", package: "compose"),
        .product(name: "Spectro", package: "compose"),
        .product(name: "Audio", package: "compose"),
        .product(name: "Torch", package: "compose"),
      ],
      path: "Sources/DataBenchmark"),
  ],
  swiftLanguageModes: [.v6]
)
