import Audio
import Foundation
import MusicDiffusion
import Testing

@Suite(.serialized) struct TrainingReportTests {
  private func trainer(
    _ folder: URL, _ dataset: Dataset, steps: Int, resume: Bool = false
  ) throws -> Trainer {
    var configuration = TrainingConfiguration(preset: .draft)
    (configuration.steps, configuration.batchSize, configuration.saveInterval) = (steps, 2, 2)
    return try Trainer(
      folder: folder, dataset: dataset, configuration: configuration, device: .cpu,
      precision: .float32, resume: resume)
  }

  /// A run with its samples, stopped and resumed: log, event files and page tell all of it, once.
  @Test func tellsTheRun() throws {
    try withDataset { dataset in
      try withTemporaryFolder { parent in
        let folder = parent / "tones <1>"
        let first = try trainer(folder, dataset, steps: 4)
        var made = 0
        let outcome = try first.run(
          onStep: { _ in made += 1 },
          onSave: { _ in
            try first.drawSamples()
            try first.writeReport()
          }, shouldStop: { made == 3 })
        #expect(outcome == .interrupted)
        let second = try trainer(folder, dataset, steps: 4, resume: true)
        _ = try second.run(onSave: { _ in
          try second.drawSamples()
          try second.writeReport()
        })
        let lines = try TrainingLog.lines(in: folder)
        #expect(lines.filter { $0.loss != nil }.map(\.step) == [1, 2, 3, 4])
        #expect(
          lines.compactMap(\.event) == ["started", "interrupted", "resumed", "finished"])
        for line in lines where line.loss != nil {
          #expect(line.lossByNoise?.compactMap(\.self).isEmpty == false)
          #expect(try #require(line.gradientNorm) > 0)
          #expect(try #require(line.clipsPerSecond) > 0)
        }

        let page = try String(contentsOf: folder / TrainingReport.fileName, encoding: .utf8)
        #expect(page.contains("<h1>tones &lt;1&gt;</h1>"))
        // Two labels at the checkpoints of steps 2 and 4.
        #expect(page.matches(of: /data:image\/png;base64,iVBOR/).count == 4)
        #expect(page.matches(of: /data:audio\/mpeg;base64,/).count == 4)
        #expect(page.contains("resumed at step 3"))
        #expect(page.contains("No loss on held-out files"))
        // Two losses, and the noise levels that were drawn.
        #expect(page.matches(of: /<path class="line s[1-5]"/).count >= 2)
        // Nothing is fetched.
        #expect(!page.contains("http") && !page.contains("<script") && !page.contains("url("))
        try expectWellFormed(page)

        let events = try contents(folder / "tensorboard")
        let messages = try events.flatMap {
          try EventReader.messages(Data(contentsOf: folder / "tensorboard" / $0))
        }
        func holding(_ text: String) -> Int {
          messages.count { $0.firstRange(of: Data(text.utf8)) != nil }
        }
        #expect(holding("spectrograms/low") == 2 && holding("sounds/high") == 2)
        #expect(holding("audio/wav") == 4 && holding("loss/training") == 4)
      }
    }
  }

  @Test func spreadsCheckpoints() {
    #expect(TrainingSample.spread([250, 500], count: 6) == [250, 500])
    let steps = (1...100).map { $0 * 250 }
    let chosen = TrainingSample.spread(steps, count: 6)
    #expect(chosen == [250, 750, 1500, 4000, 10000, 25000])
  }

  /// Samples of a killed run that were made behind the checkpoint are not this run's.
  @Test func findsItsSamples() throws {
    try withTemporaryFolder { folder in
      for name in ["step-000250-a-b.wav", "step-000500-a-b.wav", "step-000250-a-b.png", "x.wav"] {
        try folder.write("", to: "samples/" + name)
      }
      let samples = TrainingSample.all(in: folder, through: 499)
      #expect(samples.map(\.step) == [250])
      #expect(samples.map(\.label) == ["a-b"])
    }
  }

  /// Every element is closed, in turn.
  private func expectWellFormed(_ page: String) throws {
    var open: [Substring] = []
    for match in page.matches(of: /<(\/?)([a-z0-9]+)[^>]*?(\/?)>/) {
      let (name, isEmpty) = (match.2, ["meta", "img", "circle"].contains(match.2))
      if isEmpty || match.3 == "/" { continue }
      if match.1 == "/" { #expect(open.popLast() == name) } else { open.append(name) }
    }
    #expect(open.isEmpty)
  }
}
