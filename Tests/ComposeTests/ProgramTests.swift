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

    /// What a file is called steers no terminal: every error is one line, and shows what it names.
    @Test func namesAreShownAndNotObeyed() throws {
      try Bench.with { bench in
        let (name, shown) = (
          "a\nb\u{1B}[31m\u{7F}\u{85}\u{202E}.wav", #"a\nb\u{1B}[31m\u{7F}\u{0085}\u{202E}.wav"#
        )
        try bench.expect(
          bench.compose("spectrogram", "export", name),
          "cannot read \(shown): there is no such file")
        try bench.expect(
          bench.compose("spectrogram", "audition", "x.wav", "--colour\u{1B}[31m\n"),
          failsWith: EX_USAGE,
          #"Unknown option '--colour\u{1B}[31m '. See compose spectrogram audition --help."#)
        try bench.expect(
          bench.compose("info", name), "there is no folder at \(shown)")
        // Results and words on the way, too.
        try bench.folder.write(tone(seconds: 0.3), to: "in/\(name)")
        try bench.folder.write("not a sound", to: "in/bad\u{1B}c\n.wav")
        let many = try bench.compose(
          "spectrogram", "audition", "in", "--iterations", "0", "--output", "out")
        #expect(many.output.hasPrefix("in/\(shown)\n"))
        #expect(
          many.errors.contains(#"skipped in/bad\u{1B}c\n.wav: cannot read in/bad\u{1B}c\n.wav: "#))
        #expect(!(many.output + many.errors).contains("\u{1B}"))
        // Other writing stays as it is.
        try bench.expect(
          bench.compose("spectrogram", "export", "łódź 👩‍🎤.wav"),
          "cannot read łódź 👩‍🎤.wav: there is no such file", leaving: ["in", "out"])
      }
    }

    /// Names of one letter are names like any other.
    @Test func oneLetterIsAName() throws {
      try Bench.with { bench in
        let planned = try bench.compose(
          "train", bench.workshop.data.path, "--preset", "draft", "--steps", "2", "--batch-size",
          "2",
          "--dry-run", "--output", "o")
        #expect(planned.status == 0, "\(planned.errors)")
        try bench.expect(
          bench.compose("spectrogram", "export", "o"), "cannot read o: there is no such file")
        let drawn = try bench.generate("--seconds", "0.1", "--output", "o/p/a.wav")
        #expect(drawn.status == 0, "\(drawn.errors)")
        #expect(try contents(bench.folder) == ["o"])
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
