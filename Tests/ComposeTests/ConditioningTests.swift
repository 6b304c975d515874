import Audio
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct ConditioningTests {
    /// From a table to music: the doctor, training, what the model is, and what can be asked of it.
    @Test func captionsAndNumbersGoAllTheWay() throws {
      try Bench.with { bench in
        for (index, frequency) in [220.0, 330, 1400].enumerated() {
          try bench.folder.write(
            tone(seconds: 4, frequency: frequency), to: "data/\(index).wav")
        }
        try bench.folder.write(
          "file,caption,tempo,key\n0.wav,\"low, dark\",90,C\n1.wav,low,120,D\n9.wav,lost,100,E\n",
          to: "data/metadata.csv")
        try bench.folder.write("bright", to: "data/2.txt")

        let doctor = try bench.compose("dataset", "inspect", "data")
        for line in [
          "  table       3 rows in metadata.csv",
          "  number      tempo from 90 to 120, known of 2 files",
          "  captions    of 3 files, 1 of them in a text file beside it",
          "  not used    key: line 2 has \"C\", which is no number",
          "  row without file      1  line 4: 9.wav", "  file without row      1  2.wav",
        ] {
          #expect(doctor.output.contains("\n\(line)\n"), "\(line)")
        }

        let training = try bench.compose(
          "train", "data", "--output", "told", "--preset", "draft", "--steps", "1",
          "--batch-size", "2", "--threads", "1", "--precision", "float32")
        #expect(training.status == 0)
        #expect(training.output.contains("\nnumbers: tempo 90 to 120\ncaptions: of 3 files\n"))
        #expect(training.output.contains("(column key is not used: line 2 has \"C\""))
        #expect(
          training.output.contains(
            "(rows of metadata.csv that name no file that is there: 1, as line 4: 9.wav)"))
        #expect(
          FileManager.default.fileExists(
            atPath: (bench.folder / "told/samples/step-000001-bright.wav").path))

        let info = try bench.compose("info", "told")
        #expect(info.output.contains("\nnumbers     tempo 90 to 120\n"))
        #expect(info.output.contains(/\ncaptions    \d+ tokens, prompts of up to 128\n/))

        func generate(_ arguments: String...) throws -> Outcome {
          let shared = [
            "generate", "--model", "told", "--seconds", "1", "--steps", "2", "--seed", "1",
          ]
          return try Run(
            shared + arguments, in: bench.folder, cache: bench.workshop.cache
          ).outcome()
        }
        let plain = try generate("--output", "plain.wav")
        #expect(plain.status == 0)
        let told = try generate(
          "--prompt", "bright", "--negative-prompt", "dark", "--set", "tempo=100.5", "--output",
          "told.wav")
        #expect(told.status == 0 && !told.errors.contains("lies outside"))
        #expect(told.output.contains(", \"bright\", tempo 100.5, seed 1, "))
        let beyond = try generate("--set", "tempo=300", "--output", "beyond.wav")
        #expect(beyond.status == 0)
        #expect(
          beyond.errors.contains(
            "tempo = 300 lies outside of what the model has learned from, 90 to 120\n"))
        let unknown = try generate("--set", "speed=1", "--output", "x.wav")
        #expect(unknown.status == EX_DATAERR)
        #expect(
          unknown.message == "compose: the model has no number speed; it knows tempo 90 to 120")
        #expect(try generate("--set", "tempo").status == EX_USAGE)
        #expect(try generate("--set", "tempo=1", "--set", "Tempo=2").status == EX_USAGE)
      }
    }

    @Test func modelsWithoutThemSayWhatToDo() throws {
      try Bench.with { bench in
        for (option, value, words) in [
          ("--prompt", "dark", "the model has learned no captions"),
          ("--negative-prompt", "dark", "the model has learned no captions"),
          ("--set", "tempo=1", "the model has learned no numbers"),
        ] {
          let outcome = try bench.compose(
            "generate", "--model", bench.workshop.model.path, "--seconds", "1", option, value)
          #expect(outcome.status == EX_DATAERR)
          #expect(outcome.message.hasPrefix("compose: " + words))
          #expect(outcome.message.contains("metadata.csv"))
        }
        try bench.folder.write(tone(seconds: 4), to: "data/a.wav")
        try bench.folder.write("file,caption\na.wav,\"open\n", to: "data/metadata.csv")
        let training = try bench.compose("train", "data", "--steps", "1")
        #expect(training.status == EX_DATAERR)
        #expect(
          training.message.hasSuffix(
            "data/metadata.csv, line 2: a quote is opened and not closed"))
      }
    }
  }
}
