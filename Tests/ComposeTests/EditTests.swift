import Audio
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct EditTests {
    /// Runs a command with the workshop's model, in few steps.
    private func edit(_ bench: Bench, _ arguments: String...) throws -> Outcome {
      try Run(
        arguments + ["--model", bench.workshop.model.path, "--threads", "1"], in: bench.folder,
        cache: bench.workshop.cache
      ).outcome()
    }

    private func samples(_ bench: Bench, _ name: String) throws -> AudioBuffer {
      try AudioBuffer(contentsOf: (bench.folder / name).path)
    }

    /// The file begins with the samples of the one it goes on from, to the bit, in whatever format keeps
    /// them; rate, channels and metadata stay.
    @Test(arguments: [
      ("wav", AudioEncoding.wav16, "wav"), ("wav", .wav24, "wav"), ("wav", .wavFloat, "wav"),
      ("flac", .flac24, "flac"), ("ogg", .vorbis, "wav"),
    ])
    func continueKeepsTheSound(_ format: String, _ encoding: AudioEncoding, _ written: String)
      throws
    {
      try Bench.with { bench in
        let start = try tone(seconds: 0.7).mixed(toChannels: 2).resampled(to: 32000)
        try start.write(
          to: (bench.folder / "a.\(format)").path, encoding: encoding,
          metadata: AudioMetadata(title: "Sketch"))
        let outcome = try edit(
          bench, "continue", "a.\(format)", "--seconds", "0.5", "--seed", "7", "--steps", "3")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(
          outcome.output.hasPrefix(
            "a-continued.\(written): 1.2 s, of which 0.5 s from 0.70 s on are new, at 32000 Hz, seed 7, in "
          ))
        let (old, new) = (
          try samples(bench, "a.\(format)"), try samples(bench, "a-continued.\(written)")
        )
        #expect(new.sampleCount == old.sampleCount + 16000)
        #expect(new[0..<old.sampleCount] == old)
        #expect(new[old.sampleCount..<new.sampleCount].rms > 1e-6)
        let metadata = try AudioReader((bench.folder / "a-continued.\(written)").path).metadata
        #expect(metadata.title == "Sketch")
        #expect(metadata.comment == "continued, seed 7, a model of data")
      }
    }

    /// Outside of the spans not a sample changes; both ways of naming a span are the same.
    @Test func inpaintKeepsTheRest() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 1), to: "a.wav")
        let old = try samples(bench, "a.wav")
        for (name, options) in [
          ("b.wav", ["--from", "0.2", "--to", "0.5"]), ("c.wav", ["--span", "0.2-0.5"]),
        ] {
          let outcome = try Run(
            ["inpaint", "a.wav", "--output", name, "--seed", "7", "--steps", "3", "--threads", "1"]
              + ["--model", bench.workshop.model.path] + options, in: bench.folder,
            cache: bench.workshop.cache
          ).outcome()
          #expect(outcome.status == 0, "\(outcome.errors)")
          #expect(
            outcome.output.hasPrefix(
              "\(name): 1.0 s at 22050 Hz, 0.2-0.5 s drawn anew, seed 7, in "))
          let new = try samples(bench, name)
          #expect(new.sampleCount == old.sampleCount)
          #expect(new[0..<4410] == old[0..<4410] && new[11025..<22050] == old[11025..<22050])
          #expect(new[4410..<11025] != old[4410..<11025])
        }
        #expect(try samples(bench, "b.wav") == samples(bench, "c.wav"))
        let band = try edit(
          bench, "inpaint", "a.wav", "--band", "1000-4000", "--seed", "7", "--steps", "3")
        #expect(
          band.output.hasPrefix("a-inpainted.wav: 1.0 s at 22050 Hz, 1000-4000 Hz drawn anew"))
        #expect(try samples(bench, "a-inpainted.wav") != old)
      }
    }

    @Test func varyAndInterpolateWriteTheirFiles() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 0.5), to: "a.wav")
        try bench.folder.write(tone(seconds: 0.4, frequency: 880), to: "b.wav")
        let varied = try edit(
          bench, "vary", "a.wav", "--strength", "0.5", "--steps", "4", "--seed", "7", "--label",
          "low")
        #expect(varied.status == 0, "\(varied.errors)")
        #expect(
          varied.output.hasPrefix("a-varied.wav: 0.5 s at 22050 Hz, low, strength 0.5, seed 7, "))
        #expect(try samples(bench, "a-varied.wav").sampleCount == 11025)
        let between = try edit(
          bench, "interpolate", "a.wav", "b.wav", "--steps", "3", "--denoising-steps", "3",
          "--seed", "7")
        #expect(between.status == 0, "\(between.errors)")
        #expect(between.output.split(separator: "\n").count == 3)
        #expect(
          try contents(bench.folder) == [
            "a-to-b-1.wav", "a-to-b-2.wav", "a-to-b-3.wav", "a-varied.wav", "a.wav", "b.wav",
          ])
        for number in 1...3 {
          #expect(try samples(bench, "a-to-b-\(number).wav").sampleCount == 8820)
        }
      }
    }

    @Test func errorsAreOneLine() throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 1), to: "a.wav")
        try bench.folder.write(tone(seconds: 0.01), to: "short.wav")
        try bench.folder.write("precious", to: "b.wav")
        let names = ["a.wav", "b.wav", "short.wav"]
        func expect(_ message: String, _ arguments: String...) throws {
          let outcome = try Run(
            arguments + ["--model", bench.workshop.model.path], in: bench.folder,
            cache: bench.workshop.cache
          ).outcome()
          try bench.expect(outcome, message, leaving: names)
        }
        try expect("cannot read c.wav: there is no such file", "continue", "c.wav")
        try expect(
          "cannot read b.wav: not an audio file of a known format", "continue", "b.wav", "--output",
          "d.wav")
        try expect(
          "0.01 s of sound are too little to go by: the model needs 0.09 s", "continue", "short.wav"
        )
        try expect(
          "b.wav exists already: add --overwrite, or choose another --output", "continue", "a.wav",
          "--output", "b.wav")
        try expect(
          "0.5 to 2 s is no part of a sound of 1 s: a part lies between 0 and its end",
          "inpaint", "a.wav", "--from", "0.5", "--to",
          "2")
        try expect(
          "a.wav ends at 1.00 s, where --from is not yet reached", "inpaint", "a.wav", "--from", "3"
        )
        try expect(
          "the model has nothing to draw from 20000.0 to 21000.0 Hz: give a wider band below 11025.0 Hz",
          "inpaint", "a.wav", "--band", "20000-21000")
        try expect(
          "the model has no label middle; it knows high, low", "vary", "a.wav", "--label", "middle")
        try expect(
          "cannot tell the format from the name x: end it in .wav, .flac, .ogg, .mp3, .aiff or .opus",
          "interpolate", "a.wav", "a.wav", "--output", "x")
      }
    }

    @Test(arguments: [
      ["continue"], ["continue", "a.wav", "--seconds", "0"], ["inpaint", "a.wav"],
      ["inpaint", "a.wav", "--from", "2", "--to", "1"], ["inpaint", "a.wav", "--span", "2"],
      ["inpaint", "a.wav", "--band", "x"], ["vary", "a.wav", "--strength", "1.5"],
      ["interpolate", "a.wav"], ["interpolate", "a.wav", "b.wav", "--steps", "1"],
    ])
    func usageErrorsAreOneLine(_ arguments: [String]) throws {
      try Bench.with { bench in
        let outcome = try Run(arguments, in: bench.folder, cache: bench.workshop.cache).outcome()
        #expect(outcome.status == EX_USAGE)
        #expect(outcome.errors.hasPrefix("compose: "))
        #expect(outcome.errors.hasSuffix("See compose \(arguments[0]) --help.\n"))
        #expect(outcome.errors.split(separator: "\n").count == 1)
        #expect(try contents(bench.folder) == [])
      }
    }
  }
}
