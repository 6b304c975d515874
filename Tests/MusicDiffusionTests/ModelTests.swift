import Foundation
import MusicDiffusion
import Testing
import Torch

@Suite struct ModelTests {
  /// A changed byte of the model that ships is noticed.
  @Test func shippedModelIsSealed() throws {
    let shipped =
      URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent() / "samples/chorales-model"
    try withTemporaryFolder { folder in
      for name in ["config.json", "model.safetensors"] {
        try FileManager.default.copyItem(at: shipped / name, to: folder / name)
      }
      #expect(try Model(contentsOf: folder.path).parameters.named.count == 145)
      var weights = try Data(contentsOf: folder / "model.safetensors")
      for place in [20, 9000, weights.count / 2, weights.count - 1] {
        weights[place] ^= 1
        try weights.write(to: folder / "model.safetensors")
        #expect(throws: ModelError.self) { try Model(contentsOf: folder.path) }
        weights[place] ^= 1
      }
    }
  }

  private func withModelFolder(_ body: (URL) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try GeneratorTests.model().write(to: folder)
      try body(folder)
    }
  }

  @Test func comesBackAsItWasWritten() throws {
    try withModelFolder { folder in
      #expect(try contents(folder) == ["config.json", "model.safetensors"])
      let (model, original) = (try Model(contentsOf: folder.path), try GeneratorTests.model())
      #expect(model.configuration == original.configuration)
      for (name, tensor) in original.parameters.named {
        #expect(try tensor.floats() == model.parameters[name]?.floats())
      }
      #expect(
        try Generator(model: model).generate(seconds: 0.1, seed: 1)
          == Generator(model: original).generate(seconds: 0.1, seed: 1))
    }
  }

  @Test func missingFoldersAreErrors() throws {
    try withTemporaryFolder { folder in
      let absent = (folder / "absent").path
      #expect(throws: ModelError.noFolder(absent)) { try Model(contentsOf: absent) }
      try expectDamage(folder, "it has no readable config.json")
    }
  }

  @Test func damagedWeightsAreErrors() throws {
    try withModelFolder { folder in
      let file = folder / "model.safetensors"
      let whole = try Data(contentsOf: file)
      for count in [0, 4, 8, 100, whole.count / 2, whole.count - 1] {
        try whole.prefix(count).write(to: file)
        try expectDamage(folder, "model.safetensors: not a sound safetensors file")
      }
      try (whole + [0]).write(to: file)
      try expectDamage(folder, "model.safetensors: not a sound safetensors file")
      try FileManager.default.removeItem(at: file)
      try expectDamage(folder, "model.safetensors: No such file")
      var tensors = try GeneratorTests.model().parameters.named
      let last = tensors.removeLast()
      try SafeTensors.write(tensors, to: file.path)
      try expectDamage(folder, "1 missing (\(last.name))")
      tensors.append((name: last.name, tensor: try .zeros([1, 2])))
      try SafeTensors.write(tensors, to: file.path)
      try expectDamage(folder, "1 of another shape (\(last.name) [1, 2] for")
    }
  }

  /// Any bit of the header that flips gives the same model or a typed error in one line.
  @Test func flippedBitsAreErrors() throws {
    try withModelFolder { folder in
      let file = folder / "model.safetensors"
      let whole = try Data(contentsOf: file)
      let header = 8 + whole.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
      var random = RandomGenerator(seed: 1)
      var refused = 0
      for number in 0..<150 {
        let bit = number < 64 ? number : random.integer(in: 64..<header * 8)
        var damaged = whole
        damaged[bit / 8] ^= 1 << (bit % 8)
        try damaged.write(to: file)
        do {
          _ = try Model(contentsOf: folder.path)
        } catch ModelError.damagedModel(_, let reason) {
          refused += 1
          #expect(!reason.contains("\n"), "bit \(bit)")
        }
      }
      // What is not refused has changed the metadata or the spelling alone.
      #expect(refused > 140)
    }
  }

  @Test func otherVersionsAreErrors() throws {
    try withModelFolder { folder in
      try change(folder) { $0.replacing("\"formatVersion\" : 1", with: "\"formatVersion\" : 9") }
      #expect(throws: ModelError.otherVersion(folder.path, found: 9, supported: 5)) {
        try Model(contentsOf: folder.path)
      }
    }
  }

  /// Whatever stands in a config.json, it is a model that can draw or an error in one line.
  @Test(arguments: [
    ("\"melBins\" : 16", "\"melBins\" : 32"), ("\"melBins\" : 16", "\"melBins\" : -16"),
    ("\"melBins\" : 16", "\"melBins\" : 9223372036854775807"),
    ("\"patchBins\" : 2", "\"patchBins\" : 0"), ("\"blocks\" : 2", "\"blocks\" : 1"),
    ("\"blocks\" : 2", "\"blocks\" : 64"), ("\"headWidth\" : 8", "\"headWidth\" : 16"),
    ("\"embeddingWidth\" : 16", "\"embeddingWidth\" : 8192"),
    ("\"labelCount\" : 3", "\"labelCount\" : 2"), ("\"channels\" : 2", "\"channels\" : 1"),
    ("\"windowFrames\" : 32", "\"windowFrames\" : 33"),
    ("\"windowFrames\" : 32", "\"windowFrames\" : 0"),
    ("\"hopLength\" : 64", "\"hopLength\" : 0"), ("\"fftSize\" : 256", "\"fftSize\" : 255"),
    ("\"sampleRate\" : 8000", "\"sampleRate\" : -1"), ("\"sigmaMin\" : 0.01", "\"sigmaMin\" : 0"),
    ("\"sigmaMax\" : 40", "\"sigmaMax\" : 0.001"), ("\"steps\" : 4", "\"steps\" : 0"),
    ("\"sampler\" : \"dpm++2m-sde\"", "\"sampler\" : \"magic\""),
    ("\"sigmaData\" : 0.5", "\"sigmaData\" : 0"), ("\"batchSize\" : 0", "\"batchSize\" : -1"),
    ("\"mean\" : [", "\"mean\" : [1,"), ("\"noise\"", "\"nose\""), ("{", "["), ("}", ""),
    ("\"formatVersion\" : 1", "\"formatVersion\" : \"1\""),
  ])
  func impossibleConfigurationsAreErrors(_ part: String, _ replacement: String) throws {
    try withModelFolder { folder in
      try change(folder) { text in
        #expect(text.contains(part))
        return text.replacing(part, with: replacement)
      }
      // A number of heads does not show in the weights, so such a model loads and differs.
      if part.contains("headWidth") {
        _ = try Model(contentsOf: folder.path)
      } else {
        try expectDamage(folder)
      }
    }
  }

  /// A config.json that asks for a network of hundreds of gigabytes is refused as quickly.
  @Test func enormousNetworksAreErrors() throws {
    try withModelFolder { folder in
      try change(folder) { text in
        text.replacing(/"widths" : \[[^\]]*\]/, with: "\"widths\" : [8192,8192,8192]")
      }
      try expectDamage(folder, "of another shape")
    }
  }

  /// Edits a configuration as a person would who knows of its checksum.
  private func change(_ folder: URL, _ edit: (String) -> String) throws {
    let file = folder / "config.json"
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
    let unsealed = lines.filter { !$0.contains("\"bytes\" : ") && !$0.contains("\"crc32c\" : ") }
    try Data(edit(unsealed.joined(separator: "\n")).utf8).write(to: file)
  }

  private func expectDamage(
    _ folder: URL, _ text: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    do {
      _ = try Model(contentsOf: folder.path)
      Issue.record("damage was not noticed", sourceLocation: sourceLocation)
    } catch ModelError.damagedModel(let path, let reason) {
      #expect(path == folder.path, sourceLocation: sourceLocation)
      #expect(!reason.contains("\n"), sourceLocation: sourceLocation)
      #expect(text.map(reason.contains) ?? true, "\(reason)", sourceLocation: sourceLocation)
    }
  }
}
