import Foundation
import Testing

extension CommandLineTests {
  /// `compose train --autoencoder` and `--latent`.
  @Suite struct LatentCommandTests {
    @Test func codesFromTheCommandLine() throws {
      try Bench.with { bench in
        func run(_ arguments: String...) throws -> Outcome {
          try Run(
            arguments + ["--threads", "1"], in: bench.folder, cache: bench.workshop.cache
          ).outcome()
        }
        let data = bench.workshop.data.path
        let plan = try run("train", data, "--autoencoder", "--preset", "draft", "--dry-run")
        #expect(plan.status == 0, "\(plan.errors)")
        #expect(
          plan.output.contains(
            /\ncode:    4 x 16 for 8 frames, 1\/16 of the values, variational, judged by hinge\n/)
        )
        #expect(plan.output.contains("\nrun:     to 0.5 hours, batches of 8\n"))
        try bench.folder.write(
          """
          {"preset": "draft", "network": {"patchFrames": 8}, "adversary": {"loss": "wgan", "start": 0.5}}
          """, to: "code.json")
        let filed = try run("train", data, "--autoencoder", "--config", "code.json", "--dry-run")
        #expect(
          filed.output.contains(
            "4 x 16 for 16 frames, 1/32 of the values, variational, judged by wgan"),
          "\(filed.output) \(filed.errors)")
        let over = try run(
          "train", data, "--autoencoder", "--config", "code.json", "--dry-run", "--adversary",
          "none",
          "--bottleneck", "sparse")
        #expect(over.output.contains("1/32 of the values, sparse\n"), "\(over.output)")
        try bench.folder.write("{\"network\": {\"patchBins\": 0}}", to: "off.json")
        let off = try run("train", data, "--autoencoder", "--config", "off.json", "--dry-run")
        #expect(
          off.message.hasPrefix(
            "compose: cannot use the settings in off.json: autoencoder.patchBins must"),
          "\(off.message)")
        let coded = try run(
          "train", data, "--autoencoder", "--preset", "draft", "--steps", "3", "--output", "code",
          "--bottleneck", "sparse", "--adversary", "none")
        #expect(coded.status == 0, "\(coded.errors)")
        #expect(
          coded.output.hasSuffix(
            "trained step 3: code\ntrain:    compose train \(data) --latent code\n"))
        #expect(!coded.output.contains("judged by"))
        #expect(coded.errors.contains(/step 3  error \d+\.\d\d dB, the best so far/))
        let more = try run(
          "train", data, "--autoencoder", "--steps", "5", "--output", "code", "--resume")
        #expect(more.output.contains("trained step 5: code\n"), "\(more.errors)")

        // A judge, from the third of the run on.
        let judged = try run(
          "train", data, "--autoencoder", "--preset", "draft", "--steps", "4", "--output",
          "judged", "--batch-size", "2")
        #expect(judged.status == 0, "\(judged.errors)")
        #expect(judged.output.contains(", variational, judged by hinge\n"))
        let changed = try run(
          "train", data, "--autoencoder", "--output", "judged", "--resume", "--steps", "6",
          "--adversary", "mmd")
        #expect(
          changed.message.contains("--adversary was hinge and cannot become mmd"),
          "\(changed.message)")
        let plain = try run("train", data, "--adversary", "wgan")
        #expect(
          plain.message.hasPrefix("compose: --adversary is for --autoencoder."),
          "\(plain.message)")

        // What it keeps is heard without a model.
        let heard = try bench.compose(
          "spectrogram", "audition", data, "--model", "code", "--files", "1", "--seconds", "1",
          "--output", "heard")
        #expect(heard.status == 0, "\(heard.errors)")
        #expect(heard.output.contains("spectral convergence "))
        #expect(try contents(bench.folder / "heard").count == 3)
        let given = try bench.compose(
          "spectrogram", "audition", data, "--model", "code", "--mel-bins", "64")
        #expect(given.message.hasPrefix("compose: --model has settings of its own"))
        let pixels = try bench.compose(
          "spectrogram", "audition", data, "--model", bench.workshop.model.path)
        #expect(pixels.message.contains(" draws spectrograms as they are: leave out --model"))

        let made = try run("train", data, "--latent", "code", "--steps", "2", "--output", "model")
        #expect(made.status == 0, "\(made.errors)")
        #expect(made.output.contains("\ndraws:   codes of 4 x 16 for 8 frames\n"))
        let info = try bench.compose("info", "model")
        #expect(info.output.contains("\ncode        4 x 16 for 8 frames, "), "\(info.output)")
        let drawn = try run(
          "generate", "--model", "model", "--seconds", "1", "--steps", "2", "--output", "a.wav",
          "--recipe")
        #expect(drawn.status == 0, "\(drawn.errors)")
        let again = try run("generate", "--from", "a.json", "--output", "b.wav")
        #expect(again.errors.contains("b.wav: byte for byte as it was"), "\(again.errors)")
        let longer = try run("train", data, "--output", "model", "--steps", "3", "--resume")
        #expect(longer.output.contains("trained step 3: model\n"), "\(longer.errors)")
        let guide = try run("train", data, "--guide-for", "model", "--steps", "1")
        #expect(guide.status == 0, "\(guide.errors)")
        let few = try run("distill", "model", data, "--steps", "2", "--updates", "1")
        #expect(few.status == 0, "\(few.errors)")
        let average = try bench.compose(
          "ema", "model", "--width", "0.1", "--step", "2", "--output", "average")
        #expect(average.status == 0, "\(average.errors)")
        let drawnByIt = try run(
          "generate", "--model", "average", "--seconds", "0.5", "--steps", "2", "--output", "c.wav")
        #expect(drawnByIt.status == 0, "\(drawnByIt.errors)")
        // Another autoencoder of the same size is another one.
        let other = try run(
          "train", data, "--autoencoder", "--preset", "draft", "--steps", "2", "--seed", "5",
          "--output", "other")
        #expect(other.status == 0, "\(other.errors)")
        let mixed = try run(
          "train", data, "--from", "model", "--latent", "other", "--steps", "1", "--output", "mixed"
        )
        #expect(mixed.message.contains("--from takes a model with a network of the same size"))
        let late = try run("train", data, "--latent", "other", "--output", "model", "--resume")
        #expect(late.message.hasPrefix("compose: --latent is for new runs"), "\(late.message)")
        let inside = try run("train", data, "--latent", "other", "--output", "code", "--steps", "1")
        #expect(inside.message.contains("code already holds a model"), "\(inside.message)")
        for file in ["autoencoder.json", "autoencoder.safetensors"] {
          try FileManager.default.removeItem(at: bench.folder / "average/\(file)")
          try FileManager.default.copyItem(
            at: bench.folder / "other/\(file)", to: bench.folder / "average/\(file)")
        }
        let swapped = try run("generate", "--model", "average", "--output", "d.wav")
        #expect(
          swapped.message.contains("its autoencoder is of another code"), "\(swapped.message)")

        let from = try run("train", data, "--from", "model", "--steps", "1", "--output", "next")
        #expect(from.status == 0, "\(from.errors)")

        let described = try bench.compose("info", "code")
        #expect(described.output.contains(/\nautoencoder 0\.\d\d M parameters, sparse\n/))
        #expect(
          described.output.contains("\ncode        4 x 16 for 8 frames, 1/16 of the values\n"))

        let alone = try run("generate", "--model", "code")
        #expect(
          alone.message
            == "compose: code holds an autoencoder alone: compose train DATASET --latent code makes a model of it",
          "\(alone.message)")
        let both = try run("train", data, "--autoencoder", "--latent", "code")
        #expect(both.message.hasPrefix("compose: --autoencoder and --latent exclude each other."))
        let taken = try run("train", data, "--autoencoder", "--output", "code")
        #expect(taken.message.contains("code already holds a model"), "\(taken.message)")
        let absent = try run("train", data, "--latent", "absent")
        #expect(absent.message == "compose: there is no folder at absent", "\(absent.message)")
      }
    }
  }
}
