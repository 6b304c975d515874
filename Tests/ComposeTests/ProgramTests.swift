import Foundation
import Testing

extension CommandLineTests {
  @Suite("compose, the program") struct ProgramTests {
    @Test func startsWithoutLibtorch() throws {
      try Bench.with { bench in
        // Makes the loader list what it would load.
        let libraries = try Run(
          ["spectrogram", "--help"], in: bench.folder, cache: bench.workshop.cache,
          environment: ["LD_TRACE_LOADED_OBJECTS": "1"]
        ).outcome().output
        #expect(libraries.contains("libfftw3f"))
        #expect(!libraries.contains("torch"))
      }
    }

    @Test func explainsTheCommandsOfBothPrograms() throws {
      try Bench.with { bench in
        #expect(try bench.compose("--help").output.contains("train  "))
        for command in ["train", "generate", "info", "spectrogram"] {
          let asked = try bench.compose("help", command)
          #expect(asked.status == 0)
          #expect(asked.output == (try bench.compose(command, "--help").output))
          #expect(asked.output.contains("USAGE: compose \(command)"))
        }
        #expect(
          try bench.compose("generate", "--version").output == bench.compose("--version").output)
      }
    }

    @Test func saysWhenTheOtherProgramIsMissing() throws {
      try Bench.with { bench in
        try FileManager.default.copyItem(at: Run.program, to: bench.folder / "compose")
        let outcome = try Run(
          ["info", "model"], in: bench.folder, cache: bench.workshop.cache,
          program: bench.folder / "compose"
        ).outcome()
        try bench.expect(
          outcome, failsWith: EX_DATAERR,
          "\((bench.folder / "compose-diffusion").path) is missing: it belongs beside compose; build both with "
            + "swift build -c release", leaving: ["compose"])
      }
    }
  }
}
