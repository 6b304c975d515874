import Audio
import Evaluation
import Foundation
import Testing

@Suite struct VGGishTests {
  private struct Golden: Decodable {
    /// In 16 bits, at 16 kHz.
    var sound: [Float]
    /// `[2, 7]`.
    var embeddings: [Float]
  }

  private var weights: String {
    get throws {
      let url = Bundle.module.url(forResource: "Goldens/vggish", withExtension: "safetensors")
      return try #require(url).path
    }
  }

  /// torchvggish's front end and PyTorch's layers, of a network with few channels.
  @Test func embeddingsAreTorchvggishs() throws {
    let golden: Golden = try loadGolden("vggish")
    let network = try VGGish(contentsOf: weights)
    let found = network.embeddings(of: golden.sound.map { $0 / 32768 })
    #expect(found.rows == 2 && found.columns == 7)
    let scale = golden.embeddings.map(abs).max() ?? 0
    for (value, wanted) in zip(found.values, golden.embeddings) {
      #expect(abs(value - wanted) < 2e-5 * scale, "\(value), \(wanted)")
    }
    // Not a sample less for the second patch.
    let least = 95 * 160 + 400 + 96 * 160
    #expect(network.embeddings(of: Array(repeating: 0, count: least)).rows == 2)
    #expect(network.embeddings(of: Array(repeating: 0, count: least - 1)).rows == 1)
    #expect(network.embeddings(of: []).rows == 0)
  }

  /// Music of the same hand is nearer than noise; too little music has no distance.
  @Test func distanceTellsMusicFromNoise() throws {
    try withTemporaryFolder { folder in
      var generator = SeededGenerator(seed: 8)
      for seed in 1...4 as ClosedRange<UInt64> {
        try (folder / "real").write(tune(seconds: 12, seed: seed), to: "\(seed).wav")
        try (folder / "alike").write(tune(seconds: 12, seed: 50 + seed), to: "\(seed).wav")
        let noise = (0..<12 * rate).map { _ in Float(0.1 * generator.nextNormal()) }
        try (folder / "noise").write(noise, to: "\(seed).wav")
      }
      try (folder / "few").write(tune(seconds: 5, seed: 60), to: "1.wav")
      let network = try VGGish(contentsOf: weights)
      func distance(_ name: String) throws -> AudioDistance {
        let report = try EvaluationReport(
          real: AudioFolder((folder / "real").path), generated: AudioFolder((folder / name).path),
          vggish: network)
        let found = try #require(report.audioDistance)
        #expect((found.generated == nil) == report.notes.contains { $0.contains("audio distance") })
        return found
      }
      let (alike, noise) = (try distance("alike"), try distance("noise"))
      // Twelve patches of 0.96 s in 12 s.
      #expect(alike.realPatches == 48 && alike.generatedPatches == 48 && alike.halfPatches == 24)
      #expect(alike.fewestPatches == 14)
      let (near, far) = (try #require(alike.generated), try #require(noise.generated))
      #expect(near >= 0 && near * 5 < far, "\(near), \(far), \(alike)")
      #expect(try #require(alike.halves).mean * 5 < far)
      #expect(try #require(distance("real").generated) < 1e-3 * near)
      #expect(try distance("few").generated == nil)
    }
  }

  @Test func otherWeightsAreRefused() throws {
    try withTemporaryFolder { folder in
      let whole = try Data(contentsOf: URL(fileURLWithPath: weights))
      let path = (folder / "w.safetensors").path
      func expect(_ data: Data?, _ reason: String) throws {
        try data?.write(to: URL(fileURLWithPath: path))
        #expect(throws: EvaluationError.unusableWeights(path, reason: reason)) {
          try VGGish(contentsOf: path)
        }
      }
      func replacing(_ old: String, _ new: String) throws -> Data {
        let range = try #require(whole.range(of: Data(old.utf8)))
        return whole[..<range.lowerBound] + Data(new.utf8) + whole[range.upperBound...]
      }
      try expect(nil, "there is no such file, or it is not readable")
      let none = "it is not a safetensors file (a .pth or .ckpt must be converted)"
      try expect(Data(), none)
      try expect(Data("PK\u{3}\u{4} a zip of pickles".utf8), none)
      try expect(
        replacing("features.13.bias", "features.14.bias"), "it has no tensor features.13.bias")
      try expect(
        replacing("\"shape\":[3,1,3,3]", "\"shape\":[3,3,1,3]"),
        "features.0.weight has the shape [3, 3, 1, 3], which is not VGGish's")
      for (old, new, shape) in [
        ("\"shape\":[3,1,3,3]", "\"shape\":[1,1,2147483648,2147483648]", [1, 1, 1 << 31, 1 << 31]),
        ("[12984,13092]", "[1,-9223372036854775808]", [3, 1, 3, 3]),
        ("[12984,13092]", "[-9223372036854775808,13092]", [3, 1, 3, 3]),
      ] {
        let header = try #require(whole.range(of: Data("}}".utf8))).upperBound
        var text = String(decoding: whole[8..<header], as: UTF8.self).replacing(old, with: new)
        while text.utf8.count % 8 > 0 { text += " " }
        let size = withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian, Array.init)
        try expect(
          Data(size) + Data(text.utf8) + whole[header...],
          "features.0.weight is F32 \(shape), or its bytes are not there")
      }
      try expect(
        whole.dropLast(), "features.8.weight is F32 [5, 5, 3, 3], or its bytes are not there")
    }
  }
}
