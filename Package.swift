// swift-tools-version: 6.1
import PackageDescription

let swiftSettings: [SwiftSetting] = [.enableUpcomingFeature("InternalImportsByDefault")]

// Debian's libtorch-dev by default. With LIBTORCH set to the `torch` folder of a PyPI install,
// that one: its libraries go by full path, because the linker searches the system's folder first.
let torchFlags: (cxx: [CXXSetting], linker: [LinkerSetting], cxxStandard: CXXLanguageStandard)
if let libtorch = Context.environment["LIBTORCH"] {
  torchFlags = (
    cxx: [
      .unsafeFlags([
        "-isystem", "\(libtorch)/include",
        "-isystem", "\(libtorch)/include/torch/csrc/api/include",
      ])
    ],
    linker: [
      .unsafeFlags([
        "\(libtorch)/lib/libtorch_cpu.so", "\(libtorch)/lib/libc10.so",
        "-Xlinker", "-rpath", "-Xlinker", "\(libtorch)/lib",
      ])
    ],
    cxxStandard: .cxx20
  )
} else {
  torchFlags = (
    cxx: [],
    linker: [.linkedLibrary("torch_cpu"), .linkedLibrary("c10")],
    cxxStandard: .cxx17
  )
}

let package = Package(
  name: "compose",
  products: [
    .executable(name: "compose", targets: ["compose"]),
    .executable(name: "compose-diffusion", targets: ["compose-diffusion"]),
    .library(name: "MusicDiffusion", targets: ["MusicDiffusion"]),
    .library(name: "Corpus", targets: ["Corpus"]),
    .library(name: "Evaluation", targets: ["Evaluation"]),
    .library(name: "Spectro", targets: ["Spectro"]),
    .library(name: "Audio", targets: ["Audio"]),
    .library(name: "Torch", targets: ["Torch"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
  ],
  targets: [
    .systemLibrary(name: "CSndfile", pkgConfig: "sndfile", providers: [.apt(["libsndfile1-dev"])]),
    .systemLibrary(name: "CSoxr", pkgConfig: "soxr", providers: [.apt(["libsoxr-dev"])]),
    .systemLibrary(
      name: "CEBUR128", pkgConfig: "libebur128", providers: [.apt(["libebur128-dev"])]),
    .systemLibrary(name: "CFFTW", pkgConfig: "fftw3f", providers: [.apt(["libfftw3-dev"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .target(name: "CSpectro"),
    .target(name: "CTorch", cxxSettings: torchFlags.cxx, linkerSettings: torchFlags.linker),

    .target(
      name: "Audio", dependencies: ["CSndfile", "CSoxr", "CEBUR128"],
      swiftSettings: swiftSettings),
    .target(
      name: "Spectro", dependencies: ["CSpectro", "CFFTW", "CPNG"], swiftSettings: swiftSettings),
    .target(name: "Checksums", swiftSettings: swiftSettings),
    .target(
      name: "Corpus", dependencies: ["Checksums", "Spectro", "Audio"],
      swiftSettings: swiftSettings),
    .target(name: "Pages", dependencies: ["Spectro", "Audio"], swiftSettings: swiftSettings),
    .target(
      name: "Evaluation", dependencies: ["Corpus", "Pages", "CSpectro", "Spectro", "Audio"],
      swiftSettings: swiftSettings),
    .target(name: "Torch", dependencies: ["CTorch", "Checksums"], swiftSettings: swiftSettings),
    .target(
      name: "MusicDiffusion",
      dependencies: ["Torch", "Corpus", "Pages", "Checksums", "Spectro", "Audio"],
      swiftSettings: swiftSettings),

    // The commands: those that need libtorch in a program of their own, which takes half a second
    // to load.
    .target(
      name: "Terminal",
      dependencies: [
        "Spectro", "Audio", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/compose/Terminal", swiftSettings: swiftSettings),
    .target(
      name: "Audition",
      dependencies: [
        "Terminal", "Spectro", "Audio",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/compose/Audition", swiftSettings: swiftSettings),
    .executableTarget(
      name: "compose", dependencies: ["Terminal", "Audition", "Evaluation", "Corpus"],
      path: "Sources/compose/Main", swiftSettings: swiftSettings),
    .executableTarget(
      name: "compose-diffusion",
      dependencies: ["Terminal", "Audition", "MusicDiffusion", "Evaluation", "Corpus"],
      path: "Sources/compose/Diffusion", swiftSettings: swiftSettings),

    .testTarget(
      name: "AudioTests", dependencies: ["Audio"], resources: [.copy("Goldens")],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "SpectroTests", dependencies: ["Spectro", "CSpectro", "Audio"],
      resources: [.copy("Goldens")],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "CorpusTests", dependencies: ["Corpus", "Spectro", "Audio"],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "EvaluationTests", dependencies: ["Evaluation", "Spectro", "Audio"],
      resources: [.copy("Goldens")], swiftSettings: swiftSettings),
    .testTarget(
      name: "TorchTests", dependencies: ["Torch"], resources: [.copy("Goldens")],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "MusicDiffusionTests", dependencies: ["MusicDiffusion", "Corpus"],
      resources: [.copy("Goldens")],
      swiftSettings: swiftSettings),
    .testTarget(
      name: "ComposeTests", dependencies: ["compose", "compose-diffusion", "Audio"],
      swiftSettings: swiftSettings),

    // The fuzzer: what damages files and reads them, the program, and a little of it as a test.
    .target(
      name: "Fuzzing", dependencies: ["MusicDiffusion", "Corpus", "Torch", "Spectro", "Audio"],
      path: "Tests/Fuzzing", swiftSettings: swiftSettings),
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "Fuzzing", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/fuzz", swiftSettings: swiftSettings),
    .testTarget(
      name: "FuzzTests", dependencies: ["Fuzzing", "MusicDiffusion", "Torch", "Spectro", "Audio"],
      resources: [.copy("Corpus")],
      swiftSettings: swiftSettings),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: torchFlags.cxxStandard
)
