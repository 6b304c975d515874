import Foundation
import Testing

extension CommandLineTests {
  @Suite struct PlanTests {
    private func train(_ bench: Bench, _ options: String...) throws -> Outcome {
      try Run(
        ["train", bench.workshop.data.path, "--threads", "1"] + options, in: bench.folder,
        cache: bench.workshop.cache
      ).outcome()
    }

    /// The whole plan, and nothing but the plan.
    @Test func dryRunPrintsThePlan() throws {
      try Bench.with { bench in
        let outcome = try train(
          bench, "--output", "model", "--preset", "draft", "--hours", "3", "--save-every", "1000",
          "--multi-scale", "0.5", "--dropout", "0.1", "--dry-run")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(
          lines.map { $0.prefix { $0 != ":" } }
            == ["data", "held out", "labels", "model", "run", "speed", "memory", "writes"])
        #expect(lines[4] == "run:     to 3 hours, batches of 8")
        let speed = try #require(
          lines[5].firstMatch(of: /: 3h00m for (\d+) steps, \w+ for (\d+) checkpoint/))
        let (steps, checkpoints) = (try #require(Int(speed.1)), try #require(Int(speed.2)))
        #expect(steps > 100 && checkpoints == (steps + 999) / 1000)
        #expect(try contents(bench.folder) == [])
      }
    }

    /// What the plan says of memory is what training takes.
    @Test func memoryIsAsPlanned() throws {
      try Bench.with { bench in
        let run = try Run(
          [
            "train", bench.workshop.data.path, "--output", "model", "--preset", "draft", "--steps",
            "6", "--batch-size", "32", "--precision", "float32",
          ], in: bench.folder, cache: bench.workshop.cache)
        var peak = 0.0
        run.wait {
          peak = max(peak, run.residentMemory)
          return false
        }
        let outcome = run.outcome()
        #expect(outcome.status == 0, "\(outcome.errors)")
        let planned = try #require(outcome.output.firstMatch(of: /memory:  about (\d+) MiB/))
        let expected = try #require(Double(planned.1)) * 1_048_576
        #expect(abs(peak - expected) < 0.25 * expected, "\(peak / 1e6) MB of \(expected / 1e6) MB")
      }
    }

    /// What a budget that is too small says that the least takes, in seconds.
    private func least(_ outcome: Outcome) throws -> Int {
      #expect(outcome.status == EX_DATAERR)
      let match = try #require(
        outcome.message.wholeMatch(
          of:
            /compose: a budget of 0\.1 s is too small: .*, the least takes (\d+) s on this machine/),
        "\(outcome.errors)")
      return try #require(Int(match.1))
    }

    /// A budget is nearly used up, and hardly overstepped; how nearly depends on what else the machine
    /// does.
    @Test func budgetIsKept() throws {
      try Bench.with { bench in
        func train(_ budget: String) throws -> Outcome {
          try self.train(bench, "--output", "model", "--preset", "draft", "--budget", budget)
        }
        let budget = try max(12, 3 * least(train("0.1s")))
        #expect(try contents(bench.folder) == [])
        let start = ContinuousClock.now
        let outcome = try train("\(budget)s")
        let seconds = start.duration(to: .now) / .seconds(1)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect((0.4 * Double(budget)..<2.5 * Double(budget)).contains(seconds), "\(seconds) s")
        // The plan itself, which BudgetFitTests expect exactly, depends on nothing but what was measured.
        let planned = try #require(outcome.output.firstMatch(of: /all in all (?:(\d+)m)?(\d+)s\n/))
        let all = 60 * (Int(planned.1 ?? "0") ?? 0) + (Int(planned.2) ?? 0)
        #expect((budget * 3 / 4...budget).contains(all), "\(all) of \(budget) s")
        #expect(
          outcome.output.contains(
            /budget:  \w+, of which \w+ are over: batches of \d+ \(.+\), all in all \w+\n/))
        #expect(outcome.output.contains(/run:     to \d+ steps or 0\.\d+ hours, batches of \d+\n/))
        #expect(outcome.output.contains(/trained step \d+: model\n/))
      }
    }

    /// What one of a file and the options makes meaningless in the other is refused before anything is read,
    /// and what they have in common is kept.
    @Test func whatChangesNothingIsRefused() throws {
      try Bench.with { bench in
        try bench.folder.write(
          """
          {"preset": "draft", "steps": 1, "noise": {"logMean": -1.2, "logStandardDeviation": 1.1},
           "augmentation": {"kinds": ["pitch"], "probability": 0.3, "pitchRange": 2}}
          """, to: "a.json")
        for (options, reason) in [
          (
            ["--noise-levels", "cosine"],
            "noise.logMean means nothing to noise levels cosine: take it out, or choose log-normal"
          ),
          (
            ["--augment", "gain"],
            "augmentation.pitchRange means nothing where pitch is not augmented: take it out, or add "
              + "pitch to the kinds"
          ),
          (
            ["--budget", "1m"],
            "steps means nothing to --budget, which chooses the length of the run: take it out, or "
              + "leave out --budget"
          ),
        ] {
          let outcome = try Run(
            ["train", bench.workshop.data.path, "--config", "a.json", "--output", "no"] + options,
            in: bench.folder, cache: bench.workshop.cache
          ).outcome()
          try bench.expect(
            outcome, "cannot use the settings in a.json: \(reason)", leaving: ["a.json"])
        }
        let trained = try train(
          bench, "--config", "a.json", "--output", "model", "--noise-levels", "log-normal",
          "--augment", "gain,pitch", "--batch-size", "1")
        #expect(trained.status == 0, "\(trained.errors)")
        let saved = String(
          decoding: try Data(contentsOf: bench.folder / "model/training/checkpoint.safetensors")
            .prefix(1 << 16), as: UTF8.self)
        for setting in [
          #"logMean\":-1.2"#, #"pitchRange\":2"#, #"probability\":0.3"#,
          #"kinds\":[\"gain\",\"pitch\"]"#,
        ] {
          #expect(saved.contains(setting), "\(setting)")
        }
      }
    }

    /// Options count more than a file of settings; what a file does not know it says.
    @Test func takesSettingsFromAFile() throws {
      try Bench.with { bench in
        try bench.folder.write(
          """
          {"preset": "draft", "batchSize": 3, "learningRate": 0.001, "widths": [32, 48, 64], "steps": 5}
          """, to: "tuned.json")
        let planned = try train(bench, "--config", "tuned.json", "--dry-run")
        #expect(planned.output.contains("model:   draft, 0.4 M parameters (2 MiB), "))
        #expect(planned.output.contains("run:     to 5 steps, batches of 3\n"))
        let trained = try train(
          bench, "--config", "tuned.json", "--output", "model", "--steps", "1", "--batch-size", "1")
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(trained.output.contains("run:     to 1 steps, batches of 1\n"))
        #expect(try bench.compose("info", "model").output.contains("widths 32/48/64\n"))
        try bench.folder.write("{\"learning-rate\": 0.001}", to: "wrong.json")
        let refused = try train(bench, "--config", "wrong.json")
        #expect(refused.status == EX_DATAERR)
        #expect(
          refused.message.hasPrefix(
            "compose: cannot use the settings in wrong.json: unknown key \"learning-rate\"; known are "
              + "accumulation, augmentation, batchSize, "))
        #expect(try contents(bench.folder) == ["model", "tuned.json", "wrong.json"])
      }
    }

    /// A search on a dozen tones: a table, a file, and a run with it.
    @Test func tunesAndTrainsWithIt() throws {
      try Bench.with { bench in
        for number in 0..<12 {
          try bench.folder.write(
            tone(seconds: 3.2, frequency: 200 + 50 * Double(number)), to: "tones/\(number).wav")
        }
        // A small network, so that the test is soon over.
        try bench.folder.write(
          "{\"preset\": \"draft\", \"widths\": [16, 24, 32]}", to: "small.json")
        func tune(_ budget: String, _ more: String...) throws -> Outcome {
          try Run(
            [
              "tune", "tones", "--budget", budget, "--config", "small.json", "--batch-size", "1",
              "--threads", "1", "--seed", "7",
            ] + more, in: bench.folder, cache: bench.workshop.cache
          ).outcome()
        }
        let budget = try max(15, 2 * least(tune("0.1s")))
        let tuned = try tune("\(budget)s")
        #expect(tuned.status == 0, "\(tuned.errors)")
        #expect(tuned.output.contains(/round 1 of \d: \d+ runs of \w+ each\n/))
        let standard =
          /0\.0006 +16\/24\/32 +log-normal -0\.6 1\.4 +\d+ +\d\.\d{4} +\(the default\)\n/
        #expect(tuned.output.contains(standard))
        #expect(
          tuned.output.hasSuffix("train:   compose train tones --config tones-tuned.json\n"))
        #expect(try contents(bench.folder) == ["small.json", "tones", "tones-tuned.json"])
        let file = try #require(
          JSONSerialization.jsonObject(
            with: Data(contentsOf: bench.folder / "tones-tuned.json")) as? [String: Any])
        #expect(
          file.keys.sorted() == [
            "batchSize", "detailKernels", "heldOut", "learningRate", "noise", "preset", "seed",
            "widths",
          ])
        let planned = try bench.compose(
          "train", "tones", "--config", "tones-tuned.json", "--steps", "3", "--dry-run")
        #expect(planned.output.contains("run:     to 3 steps, batches of 1\n"), "\(planned.errors)")
        #expect(
          try tune("1s").message
            == "compose: tones-tuned.json exists already: add --overwrite, or choose another --output"
        )
        _ = try least(tune("0.1s", "--overwrite"))
        let few = try bench.compose("tune", bench.workshop.data.path, "--preset", "draft")
        #expect(
          few.message == "compose: tuning compares losses on held-out files, and "
            + "\(bench.workshop.data.path) has none: it takes ten files, and --held-out above 0")
      }
    }
  }
}
