import Foundation
import Testing

extension CommandLineTests {
  /// `compose distill`: a model of few steps, made of the workshop's.
  @Suite struct DistillTests {
    @Test func distilledModelsAreModels() throws {
      try Bench.with { bench in
        func run(_ arguments: String...) throws -> Outcome {
          try Run(
            arguments + ["--threads", "1"], in: bench.folder, cache: bench.workshop.cache
          ).outcome()
        }
        try FileManager.default.copyItem(at: bench.workshop.model, to: bench.folder / "tones")
        let data = bench.workshop.data.path
        let plan = try run("distill", "tones", data, "--steps", "2", "--updates", "3", "--dry-run")
        #expect(plan.status == 0, "\(plan.errors)")
        #expect(plan.output.contains("\nteacher: tones, for 2 steps\n"))
        #expect(plan.output.contains("\nwrites:  tones-2-steps, "))
        #expect(!FileManager.default.fileExists(atPath: (bench.folder / "tones-2-steps").path))

        let judged = try run(
          "distill", "tones", data, "--updates", "3", "--adversary", "hinge", "--output", "judged")
        #expect(judged.status == 0, "\(judged.errors)")
        #expect(judged.output.contains("\nteacher: tones, for 4 steps, judged by hinge\n"))
        let judgedInfo = try bench.compose("info", "judged")
        #expect(
          judgedInfo.output.contains("\ndistilled   from tones, for 4 steps, judged by hinge\n"))
        let unjudged = try run(
          "distill", "tones", data, "--output", "judged", "--resume", "--adversary", "none")
        #expect(
          unjudged.message.contains("--adversary was hinge and cannot become none"),
          "\(unjudged.message)")
        let mmd = try run("distill", "tones", data, "--adversary", "mmd", "--dry-run")
        #expect(mmd.message.contains("one of 'none' and 'hinge'"), "\(mmd.errors)")

        let made = try run("distill", "tones", data, "--steps", "2", "--updates", "3")
        #expect(made.status == 0, "\(made.errors)")
        #expect(
          made.output.hasSuffix(
            "trained step 3: tones-2-steps\ngenerate: compose generate --model tones-2-steps --seconds 30\n"
          ))
        let info = try bench.compose("info", "tones-2-steps")
        #expect(info.output.contains("\ndistilled   from tones, for 2 steps\n"))
        #expect(info.output.contains("\nsampling    euler, 2 steps, guidance 1.0\n"))

        // It draws, varies and leads from one sound to another like any other.
        let drawn = try run(
          "generate", "--model", "tones-2-steps", "--seconds", "0.5", "--output", "a.wav",
          "--recipe")
        #expect(drawn.status == 0, "\(drawn.errors)")
        let again = try run("generate", "--from", "a.json", "--output", "b.wav")
        #expect(again.errors.contains("b.wav: byte for byte as it was"))
        let varied = try run(
          "vary", "a.wav", "--model", "tones-2-steps", "--strength", "0.5", "--output", "c.wav")
        #expect(varied.status == 0, "\(varied.errors)")
        let between = try run(
          "interpolate", "a.wav", "c.wav", "--model", "tones-2-steps", "--output", "d.wav")
        #expect(between.status == 0, "\(between.errors)")
        #expect(try contents(bench.folder).contains("d-7.wav"))

        // A run goes on with what it began with.
        let longer = try run(
          "distill", "tones", data, "--steps", "2", "--updates", "5", "--resume")
        #expect(longer.output.contains("trained step 5: tones-2-steps\n"), "\(longer.errors)")
        let other = try run("distill", "tones", data, "--steps", "2", "--updates", "3")
        #expect(other.message.contains("tones-2-steps already holds a model"), "\(other.message)")
        let fewer = try run(
          "distill", "tones", data, "--steps", "4", "--output", "tones-2-steps", "--resume")
        #expect(fewer.message.contains("--steps was 2 and cannot become 4"), "\(fewer.message)")
        let over = try run("distill", "tones", data, "--output", "tones-2-steps", "--resume")
        #expect(
          over.output.contains("the run is at its end; --hours or --updates with more go on"),
          "\(over.errors)")
        // In how many steps it draws can be said when all is learned; its weights stay.
        let weights = bench.folder / "tones-2-steps/model.safetensors"
        let before = try Data(contentsOf: weights)
        let finer = try run(
          "distill", "tones", data, "--steps", "2", "--updates", "5", "--resume",
          "--drawing-steps", "5")
        #expect(finer.status == 0, "\(finer.errors)")
        #expect(try Data(contentsOf: weights) == before)
        let drawing = try bench.compose("info", "tones-2-steps")
        #expect(drawing.output.contains("\nsampling    euler-ancestral, 5 steps, guidance 1.0\n"))
        // A run that goes on without a word about it keeps it.
        let on = try run("distill", "tones", data, "--steps", "2", "--updates", "6", "--resume")
        #expect(on.output.contains("trained step 6: tones-2-steps\n"), "\(on.errors)")
        let kept = try bench.compose("info", "tones-2-steps")
        #expect(kept.output.contains("\nsampling    euler-ancestral, 5 steps, guidance 1.0\n"))
        let coarse = try run(
          "distill", "tones", data, "--drawing-steps", "3", "--output", "more", "--dry-run")
        #expect(
          coarse.message.hasPrefix(
            "compose: --drawing-steps must be at least --steps, which is 4."), "\(coarse.message)")
        let twice = try run("distill", "tones-2-steps", data)
        #expect(twice.message.contains("what was distilled has no more to teach"))
        let guided = try run("train", data, "--guide-for", "tones-2-steps")
        #expect(guided.message.contains("is drawn without a guide"), "\(guided.message)")
        let stranger = try run(
          "distill", "tones-2-steps", data, "--steps", "2", "--output", "tones-2-steps", "--resume")
        #expect(stranger.message.contains("it learns from another model"), "\(stranger.message)")
        let trained = try run("train", data, "--output", "tones-2-steps", "--resume")
        #expect(trained.message.contains("a run of compose distill"), "\(trained.message)")
        let many = try run("distill", "tones", data, "--steps", "17")
        #expect(
          many.message == "compose: --steps must be 1 to 16. See compose distill --help.",
          "\(many.message)")
        try bench.folder.write(tone(seconds: 4), to: "other/low/a.wav")
        let elsewhere = try run("distill", "tones", "other")
        #expect(
          elsewhere.message.hasPrefix(
            "compose: distill takes the data that the model was trained on"),
          "\(elsewhere.message)")
      }
    }
  }
}
