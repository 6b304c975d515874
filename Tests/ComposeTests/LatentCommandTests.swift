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
        let idle = try run(
          "train", data, "--autoencoder", "--config", "code.json", "--dry-run", "--adversary",
          "none")
        #expect(
          idle.message
            == "compose: cannot use the settings in code.json: adversary.start means nothing where nobody "
            + "judges: take it out, or leave out --adversary none", "\(idle.message)")
        try bench.folder.write(
          #"{"preset": "draft", "network": {"patchFrames": 8}, "adversary": {"loss": "wgan"}}"#,
          to: "loss.json")
        let over = try run(
          "train", data, "--autoencoder", "--config", "loss.json", "--dry-run", "--adversary",
          "none", "--bottleneck", "sparse")
        #expect(over.output.contains("1/32 of the values, sparse\n"), "\(over.output)")
        try bench.folder.write("{\"network\": {\"patchBins\": 0}}", to: "off.json")
        let off = try run("train", data, "--autoencoder", "--config", "off.json", "--dry-run")
        #expect(
          off.message.hasPrefix(
            "compose: cannot use the settings in off.json: autoencoder.patchBins must"),
          "\(off.message)")
        for (settings, reason) in [
          (
            #"{"adversary": {"loss": "foo"}}"#,
            "adversary.loss: foo is none of wgan, wgan-gp, hinge, mmd"
          ),
          (
            #"{"network": {"bottleneck": {"kind": "foo"}}}"#,
            "network.bottleneck.kind: foo is none of variational, sparse"
          ),
          (
            #"{"augmentation": {"kinds": ["gain", "foo"]}}"#,
            "augmentation.kinds: foo is none of gain, pitch, time, mask, mix"
          ),
          (#"{"batchSize": 2.5}"#, "batchSize cannot be 2.5"),
        ] {
          try bench.folder.write(settings, to: "word.json")
          let unknown = try run("train", data, "--autoencoder", "--config", "word.json")
          #expect(
            unknown.message == "compose: cannot use the settings in word.json: \(reason)",
            "\(unknown.message)")
        }
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
        #expect(!more.output.contains("nothing was trained"))
        let past = try run(
          "train", data, "--autoencoder", "--steps", "2", "--output", "code", "--resume")
        #expect(
          past.output.contains(
            "nothing was trained: the run is at its end; --steps above 5 or more --hours go on\n"
              + "trained step 5: code\n"), "\(past.output)")

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
        #expect(
          info.output.contains("\ncode        4 x 16 for 8 frames, sparse, autoencoder of 0."),
          "\(info.output)")
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
        let exported = try bench.compose(
          "export", "model", "--weights", "int8", "--output", "small")
        #expect(exported.status == 0, "\(exported.errors)")
        let own = [
          "autoencoder.json", "autoencoder.safetensors", "config.json", "model.safetensors",
        ]
        #expect(try contents(bench.folder / "small") == (own + ["guide"]).sorted())
        #expect(try contents(bench.folder / "small/guide") == own)
        let guided = try run(
          "generate", "--model", "small", "--guide", "small/guide", "--guidance", "1.4",
          "--seconds", "0.5", "--steps", "2", "--output", "small.wav")
        #expect(guided.status == 0, "\(guided.errors)")
        let few = try run("distill", "model", data, "--steps", "1", "--updates", "1")
        #expect(few.status == 0, "\(few.errors)")
        let ofFew = try bench.compose("info", "model-1-step")
        #expect(ofFew.output.contains(", 1 step, guidance "), "\(ofFew.output)")
        #expect(ofFew.output.contains("\ntraining    1 step of "), "\(ofFew.output)")
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
        try FileManager.default.copyItem(
          at: bench.folder / "model", to: bench.folder / "swapped")
        for file in ["autoencoder.json", "autoencoder.safetensors"] {
          try FileManager.default.removeItem(at: bench.folder / "swapped/\(file)")
          try FileManager.default.copyItem(
            at: bench.folder / "other/\(file)", to: bench.folder / "swapped/\(file)")
        }
        let remedy =
          "copy autoencoder.json and autoencoder.safetensors from the autoencoder that it was trained with"
        for arguments in [
          ["generate", "--model", "swapped", "--output", "d.wav"],
          ["train", data, "--output", "swapped", "--resume", "--steps", "9"],
          ["train", data, "--latent", "swapped", "--output", "next"],
        ] {
          let swapped = try Run(arguments, in: bench.folder, cache: bench.workshop.cache).outcome()
          #expect(
            swapped.message
              == "compose: the model in swapped is damaged or incomplete: its autoencoder is of another "
              + "code: \(remedy)", "\(swapped.message)")
          #expect(swapped.output == "")
        }
        try FileManager.default.removeItem(at: bench.folder / "swapped/autoencoder.json")
        for arguments in [
          ["generate", "--model", "swapped", "--output", "d.wav"],
          ["spectrogram", "audition", data, "--model", "swapped"],
          ["train", data, "--latent", "swapped", "--output", "next"],
        ] {
          let lost = try Run(arguments, in: bench.folder, cache: bench.workshop.cache).outcome()
          #expect(
            lost.message
              == "compose: the model in swapped is damaged or incomplete: its autoencoder.json is missing: "
              + remedy, "\(lost.message)")
        }

        let from = try run("train", data, "--from", "model", "--steps", "1", "--output", "next")
        #expect(from.status == 0, "\(from.errors)")

        let described = try bench.compose("info", "code")
        for line in [
          "sound       22050 Hz, mono", "window      128 frames, 2.97 s", "judge       none",
        ] {
          #expect(described.output.contains("\n\(line)\n"), "\(described.output)")
        }
        #expect(
          described.output.contains(
            /\nerror       \d+\.\d\d dB at step 5, best \d+\.\d\d at step [35]\n/))
        #expect(try bench.compose("info", "judged").output.contains("\njudge       hinge\n"))
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

        // One kind in place of the other.
        for (arguments, message) in [
          (
            ["--autoencoder", "--resume", "--output", "model"],
            "model holds a model, not an autoencoder: leave out --autoencoder to go on with it, or choose "
              + "another --output"
          ),
          (
            ["--autoencoder", "--output", "model"],
            "model already holds a model: choose another --output"
          ),
          (
            ["--resume", "--output", "code"],
            "code holds an autoencoder, not a model: add --autoencoder to go on with it, or choose another "
              + "--output"
          ),
          (
            ["--autoencoder", "--resume", "--output", "nowhere"],
            "\(bench.folder.path)/nowhere has no training/autoencoder.safetensors to go on from: train anew "
              + "with another --output"
          ),
          (
            ["--latent", bench.workshop.model.path, "--output", "nowhere"],
            "\(bench.workshop.model.path) holds no autoencoder: compose train DATASET --autoencoder trains one"
          ),
          (
            ["--latent", data, "--output", "nowhere"],
            "\(data) holds no autoencoder: compose train DATASET --autoencoder trains one"
          ),
        ] {
          let wrong = try Run(
            ["train", data] + arguments, in: bench.folder, cache: bench.workshop.cache
          ).outcome()
          #expect(wrong.message == "compose: \(message)", "\(wrong.message)")
        }
        try bench.folder.write(#"{"preset": "standard"}"#, to: "standard.json")
        let unlike = try run(
          "train", data, "--latent", "code", "--config", "standard.json", "--output", "nowhere")
        #expect(
          unlike.message
            == "compose: cannot use the settings in standard.json: preset is standard, and the autoencoder in "
            + "code is for draft: take it out", "\(unlike.message)")
        #expect(!FileManager.default.fileExists(atPath: (bench.folder / "nowhere").path))
        let absent = try run("train", data, "--latent", "absent")
        #expect(absent.message == "compose: there is no folder at absent", "\(absent.message)")
      }
    }
  }
}
