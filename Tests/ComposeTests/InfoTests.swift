import Foundation
import Testing

extension CommandLineTests {
  @Suite struct InfoTests {
    @Test func saysWhatAModelIs() throws {
      try Bench.with { bench in
        let outcome = try bench.compose("info", bench.workshop.model.path)
        #expect(outcome.status == 0)
        #expect(outcome.errors == "")
        for line in [
          "preset      draft", "sound       22050 Hz, mono",
          "spectrogram 128 mel bins (slaney), n_fft 2048, hop 512",
          "window      128 frames, 2.97 s", "network     0.81 M parameters, widths 48/64/96",
          "weights     float16",
          "labels      high, low", "data        data: 3 files, 0.00 hours, 0 skipped",
          "noise       gaussian, log-normal levels, prediction edm",
          "sampling    dpm++2m-sde, 24 steps, guidance 1.5 where sigma is 0.2 to 5.0",
        ] {
          #expect(outcome.output.contains(line + "\n"))
        }
        #expect(outcome.output.contains(/training    2 steps of 2 \(4 clips\).*loss .*, seed 0\n/))
      }
    }

    /// The same line from every command that takes a model.
    @Test func unusableModelsAreErrors() throws {
      try Bench.with { bench in
        func check(_ message: String) throws {
          try bench.expect(bench.compose("info", "model"), message, leaving: ["model"])
          try bench.expect(
            bench.compose("generate", "--model", "model"), message, leaving: ["model"])
        }
        func edit(_ part: String, _ replacement: String) throws {
          let file = bench.workshop.model / "config.json"
          // As whoever edits it by hand has to: without the lines of the checksum.
          let text = try String(contentsOf: file, encoding: .utf8)
            .split(separator: "\n")
            .filter { !$0.contains("\"bytes\" : ") && !$0.contains("\"crc32c\" : ") }
            .joined(separator: "\n")
          try #require(text.contains(part))
          try bench.folder.write(text.replacing(part, with: replacement), to: "model/config.json")
        }
        for command in [["info", "model"], ["generate", "--model", "model"]] {
          let outcome = try Run(command, in: bench.folder, cache: bench.workshop.cache).outcome()
          try bench.expect(outcome, "there is no folder at model")
        }
        let weights = try Data(contentsOf: bench.workshop.model / "model.safetensors")
        try edit("\"formatVersion\" : 1", "\"formatVersion\" : 9")
        try check(
          "the model in model has format version 9, this program reads up to 5: use a newer version of "
            + "compose, or the one that trained it")
        try edit("\"blocks\" : 1", "\"blocks\" : 0")
        try check(
          "the model in model is damaged or incomplete: not a usable model configuration: "
            + "network.blocks must be 1 to 64, one number for all levels or as many as there are widths"
        )
        try edit("{", "")
        try check("the model in model is damaged or incomplete: config.json is not a model's")
        try edit("\"blocks\"", "\"blocks\"")
        let file = bench.folder / "model/model.safetensors"
        try check(
          "the model in model is damaged or incomplete: \(file.path): No such file or directory")
        try weights.dropLast(10).write(to: file)
        try check(
          "the model in model is damaged or incomplete: \(file.path): not a sound safetensors file: "
            + "it holds \(size(weights) - 10) bytes of data and the header speaks of \(size(weights))"
        )
        try weights.write(to: file)
        try FileManager.default.removeItem(at: bench.folder / "model/config.json")
        try check("the model in model is damaged or incomplete: it has no readable config.json")
      }
    }

    /// Bytes of data after the header of a safetensors file.
    private func size(_ file: Data) -> Int {
      file.count - 8 - file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    @Test func helpAndVersionAreNoErrors() throws {
      try Bench.with { bench in
        let version = try bench.compose("--version")
        #expect(version.status == 0)
        #expect(version.output.contains(/^\d+\.\d+\.\d+\n$/))
        for command in ["train", "generate", "spectrogram", "info"] {
          let help = try bench.compose(command, "--help")
          #expect(help.status == 0)
          #expect(help.output.contains("USAGE: compose \(command)"))
          #expect(help.errors == "")
        }
        let unknown = try bench.compose("magic")
        #expect(unknown.status == EX_USAGE)
        #expect(unknown.errors.split(separator: "\n").count == 1)
      }
    }
  }
}
