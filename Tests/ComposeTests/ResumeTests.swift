import Foundation
import Testing

extension CommandLineTests {
  /// Runs that are ended from outside and go on.
  @Suite struct ResumeTests {
    /// A run with checkpoints at steps 2, 4, 6 and 7.
    private func train(
      _ bench: Bench, _ output: String, _ more: [String] = [], precision: String = "float32"
    ) throws -> Run {
      try Run(
        [
          "train", "data", "--output", output, "--steps", "7", "--save-every", "2", "--preset",
          "draft", "--batch-size", "1", "--precision", precision, "--threads", "1",
        ] + more, in: bench.folder, cache: bench.workshop.cache)
    }

    private func withData(_ body: (Bench) throws -> Void) throws {
      try Bench.with { bench in
        try bench.folder.write(tone(seconds: 4, frequency: 500), to: "data/a.wav")
        try body(bench)
      }
    }

    /// A run that is killed (SIGKILL) again and again, at once after its first checkpoint, while it
    /// writes its second and while it trains on, ends with the same bytes as one that is not.
    @Test func killedRunEqualsUninterruptedOne() throws {
      try withData { bench in
        let whole = try train(bench, "whole").outcome()
        try #require(whole.status == 0)

        let folder = bench.folder / "killed"
        func exists(_ name: String) -> Bool {
          FileManager.default.fileExists(atPath: (folder / name).path)
        }
        let isWriting = {
          let names = try? FileManager.default.contentsOfDirectory(
            atPath: (folder / "training").path)
          return names?.contains { $0.hasSuffix(".tmp") } ?? false
        }
        let moments: [() -> Bool] = [
          { exists("training/checkpoint.safetensors") },
          { isWriting() || exists("samples/step-000004.wav") },
          {
            exists("samples/step-000004.wav")
              || exists("training/snapshots/step-00000006.safetensors")
          },
        ]
        for (number, moment) in moments.enumerated() {
          let run = try train(bench, "killed", number == 0 ? [] : ["--resume"])
          run.wait(until: moment)
          run.send(SIGKILL)
          #expect(run.outcome().status == -SIGKILL, "moment \(number): \(run.errors)")
        }
        let last = try train(bench, "killed", ["--resume"]).outcome()
        #expect(last.status == 0)
        #expect(last.output.contains(/run:     from step [46] to 7 steps/))
        #expect(exists("samples/step-000007.wav"))
        try expectEqualRuns(bench.folder / "whole", folder)
      }
    }

    /// A run that is killed at any moments whatever, among them those of its start, of its
    /// checkpoints and of the samples it makes, ends with the same bytes as one that is not.
    /// `COMPOSE_TEST_KILLS` asks for more moments than the few of a usual test run, and
    /// `COMPOSE_TEST_SEED` for those of an earlier one.
    @Test(arguments: ["float32", "bfloat16"])
    func runKilledAtRandomMomentsEqualsUninterruptedOne(precision: String) throws {
      let environment = ProcessInfo.processInfo.environment
      let kills = environment["COMPOSE_TEST_KILLS"].flatMap { Int($0) } ?? 3
      let seed =
        environment["COMPOSE_TEST_SEED"].flatMap { UInt64($0) } ?? .random(in: 0..<1_000_000)
      print("\(kills) kills at moments of COMPOSE_TEST_SEED=\(seed)")
      var random = Moments(state: seed)
      try withData { bench in
        let start = ContinuousClock.now
        try #require(try train(bench, "whole", precision: precision).outcome().status == 0)
        let duration = start.duration(to: .now) / .microseconds(1)
        let folder = bench.folder / "killed"
        var (killed, runs) = (0, 0)
        while killed < kills && runs < 4 * kills {
          runs += 1
          let hasCheckpoint = FileManager.default.fileExists(
            atPath: (folder / "training/checkpoint.safetensors").path)
          let run = try train(
            bench, "killed", hasCheckpoint ? ["--resume"] : [], precision: precision)
          usleep(UInt32(Double.random(in: 0..<1.1, using: &random) * duration))
          run.send(SIGKILL)
          let outcome = run.outcome()
          if outcome.status == -SIGKILL {
            killed += 1
            continue
          }
          // It was faster: what it made is right, and the next one starts anew.
          #expect(outcome.status == 0, "\(outcome.errors)")
          try expectEqualRuns(bench.folder / "whole", folder)
          try FileManager.default.removeItem(at: folder)
        }
        #expect(killed == kills)
        let hasCheckpoint = FileManager.default.fileExists(
          atPath: (folder / "training/checkpoint.safetensors").path)
        let last = try train(
          bench, "killed", hasCheckpoint ? ["--resume"] : [], precision: precision
        ).outcome()
        #expect(last.status == 0, "\(last.errors)")
        try expectEqualRuns(bench.folder / "whole", folder)
      }
    }

    /// Two processes cannot train in the same folder; the second says so and changes nothing.
    @Test func secondProcessIsRefused() throws {
      try withData { bench in
        let first = try Run(
          [
            "train", "data", "--output", "model", "--steps", "100000", "--save-every", "1",
            "--preset", "draft", "--batch-size", "1", "--threads", "1",
          ], in: bench.folder, cache: bench.workshop.cache)
        first.wait { first.errors.contains("step 1/100000") }
        let checkpoint = bench.folder / "model/training/checkpoint.safetensors"
        first.wait { FileManager.default.fileExists(atPath: checkpoint.path) }
        // It stands still, so that what changes is the other's doing.
        first.send(SIGSTOP)
        usleep(100_000)
        let before = try files(bench.folder / "model")
        let second = try bench.compose("train", "data", "--output", "model", "--resume")
        #expect(second.status == EX_DATAERR)
        #expect(
          second.message == "compose: another process is training in \(bench.folder.path)/model: "
            + "wait until it ends, or choose another --output")
        #expect(try files(bench.folder / "model") == before)
        #expect(first.isRunning)
        first.send(SIGKILL)
        _ = first.outcome()
        // Nothing is left of the lock.
        let third = try bench.compose(
          "train", "data", "--output", "model", "--resume", "--steps", "1", "--threads", "1")
        #expect(third.status == 0, "\(third.errors)")
      }
    }

    /// A disk that is full when a checkpoint is written leaves the one before as it was, and the run
    /// goes on from it once there is room.
    @Test func fullDiskKeepsTheLastCheckpoint() throws {
      try withData { bench in
        func train(_ more: String..., fileSizeLimit: Int? = nil) throws -> Outcome {
          try Run(
            [
              "train", "data", "--output", "model", "--preset", "draft", "--batch-size", "1",
              "--threads", "1",
            ] + more, in: bench.folder, cache: bench.workshop.cache, fileSizeLimit: fileSizeLimit
          ).outcome()
        }
        try #require(try train("--steps", "1").status == 0)
        let files = ["training/checkpoint.safetensors", "model.safetensors", "config.json"]
        func bytes() throws -> [Data] {
          try files.map { try Data(contentsOf: bench.folder / "model" / $0) }
        }
        let before = try bytes()
        let full = try train("--resume", "--steps", "2", fileSizeLimit: 9000)
        #expect(full.status == EX_DATAERR)
        #expect(
          full.message == "compose: cannot write \(bench.folder.path)/model/training/"
            + "checkpoint.safetensors: File too large")
        #expect(try bytes() == before)
        #expect(
          try contents(bench.folder / "model/training") == ["checkpoint.safetensors", "snapshots"])
        #expect(try train("--resume", "--steps", "2").status == 0)
      }
    }

    /// Ctrl-C saves, says how to go on and is no failure; what it says works.
    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func interruptedRunSaves(_ signal: Int32) throws {
      try withData { bench in
        let run = try Run(
          [
            "train", "data", "--output", "model", "--steps", "100000", "--save-every", "100000",
            "--preset", "draft", "--batch-size", "1", "--threads", "1",
          ], in: bench.folder, cache: bench.workshop.cache)
        run.wait { run.errors.contains("step 1/100000") }
        #expect(try !isIgnored(signal, by: run))
        run.send(signal)
        let outcome = run.outcome()
        #expect(outcome.status == 0)
        #expect(outcome.errors.hasSuffix("stopping; Ctrl-C again ends at once\n"))
        let match = try #require(outcome.output.firstMatch(of: /stopped at step (\d+): model\n/))
        let steps = try #require(Int(match.1))
        #expect(outcome.output.contains("compose train data --output model --resume\n"))
        #expect(try contents(bench.folder / "model/training") == ["checkpoint.safetensors"])
        let resumed = try bench.compose(
          "train", "data", "--output", "model", "--resume", "--steps", "\(steps + 1)",
          "--threads", "1")
        #expect(resumed.status == 0)
        #expect(resumed.output.contains("run:     from step \(steps) to \(steps + 1) steps"))
        #expect(resumed.output.contains("trained step \(steps + 1): model\n"))
      }
    }

    /// A closed terminal may be told of twice, by the shell and by the system, and a request to end, too.
    @Test(arguments: [SIGHUP, SIGTERM])
    func repeatedRequestStillSaves(_ signal: Int32) throws {
      try withData { bench in
        let run = try Run(
          [
            "train", "data", "--output", "model", "--steps", "100000", "--save-every", "100000",
            "--preset", "draft", "--batch-size", "8", "--threads", "1",
          ], in: bench.folder, cache: bench.workshop.cache)
        run.wait { run.errors.contains("step 1/100000") }
        for _ in 0..<4 {
          run.send(signal)
          usleep(20_000)
        }
        let outcome = run.outcome()
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.contains(/stopped at step \d+: model\n/))
        #expect(try contents(bench.folder / "model/training") == ["checkpoint.safetensors"])
      }
    }

    /// A second Ctrl-C ends at once.
    @Test func secondKeyEndsAtOnce() throws {
      try withData { bench in
        let run = try Run(
          [
            "train", "data", "--output", "model", "--steps", "100000", "--save-every", "100000",
            "--preset", "draft", "--batch-size", "32", "--threads", "1",
          ], in: bench.folder, cache: bench.workshop.cache)
        run.wait { run.output.contains("run:     to 100000 steps") }
        run.send(SIGINT)
        run.wait { run.errors.contains("stopping; Ctrl-C again ends at once\n") }
        run.send(SIGINT)
        #expect(run.outcome().status == 130)
        #expect(try contents(bench.folder / "model/training") == [])
      }
    }

    /// Ctrl-C is heeded from the first moment on: while audio is read it ends the program, and a moment
    /// later, before the first step, it saves that.
    @Test func interruptedPreparationEnds() throws {
      try withData { bench in
        for index in 0..<40 {
          try bench.folder.write(
            tone(seconds: 30, frequency: 300 + Double(index)), to: "data/\(index).flac")
        }
        func run() throws -> Run {
          try Run(
            [
              "train", "data", "--output", "model", "--steps", "100000", "--preset", "draft",
              "--batch-size", "1", "--threads", "1",
            ], in: bench.folder, cache: bench.folder / "cache")
        }
        let early = try run()
        early.wait { early.errors.contains("reading audio: ") }
        early.send(SIGINT)
        let ended = early.outcome()
        #expect(ended.status == 130)
        #expect(
          ended.message == "compose: stopped; what is complete stays, and running it again goes on")
        let late = try run()
        late.wait { late.output.contains("run:     to 100000 steps") }
        late.send(SIGINT)
        let saved = late.outcome()
        #expect(saved.status == 0)
        #expect(saved.output.contains(/stopped at step \d+: model\n/))
      }
    }

    private func isIgnored(_ signal: Int32, by run: Run) throws -> Bool {
      let status = try String(
        contentsOfFile: "/proc/\(run.processIdentifier)/status", encoding: .utf8)
      let mask = try #require(status.firstMatch(of: /SigIgn:\s+([0-9a-f]+)/)?.1)
      return try #require(UInt64(mask, radix: 16)) & 1 << UInt64(signal - 1) != 0
    }

    private func files(_ folder: URL) throws -> [String: Data] {
      var files: [String: Data] = [:]
      for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
        files[name] = FileManager.default.contents(atPath: (folder / name).path)
      }
      return files
    }

    /// All that training wrote is equal, but for the time it took.
    private func expectEqualRuns(_ first: URL, _ second: URL) throws {
      #expect(try contents(first) == contents(second))
      #expect(
        try contents(second / "training") == contents(first / "training")
          && contents(second / "training/snapshots") == contents(first / "training/snapshots"))
      #expect(try contents(second / "samples") == contents(first / "samples"))
      let snapshots = try contents(second / "training/snapshots")
      let samples = try contents(second / "samples").filter { $0.hasPrefix("step-") }
      let files =
        samples.map { "samples/" + $0 } + snapshots.map { "training/snapshots/" + $0 }
      for name in ["model.safetensors"] + files {
        #expect(
          try Data(contentsOf: first / name) == Data(contentsOf: second / name), "\(name)")
      }
      let checkpoints = try [first, second].map {
        try Checkpoint(Data(contentsOf: $0 / "training/checkpoint.safetensors"))
      }
      #expect(checkpoints[0].tensors == checkpoints[1].tensors)
      #expect(checkpoints[0].layout == checkpoints[1].layout)
      #expect(checkpoints[0].state == checkpoints[1].state)
      let configurations = try [first, second].map {
        withoutTimes(
          try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: $0 / "config.json"))
              as? [String: Any]))
      }
      #expect(configurations[0] == configurations[1])
      let logs = try [first, second].map {
        try logged(String(contentsOf: $0 / "log.jsonl", encoding: .utf8))
      }
      #expect(logs[0].count == 7)
      #expect(logs[0] == logs[1])
    }
  }
}

/// Random numbers that a seed decides (Steele et al. 2014, SplitMix64).
private struct Moments: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}

/// The lines of a log that tell of steps, without times.
private func logged(_ text: String) throws -> [NSDictionary] {
  try text.split(separator: "\n").compactMap { line in
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    return object["loss"] == nil
      ? nil : object.filter { $0.key != "time" && $0.key != "clipsPerSecond" } as NSDictionary
  }
}

/// A checkpoint taken apart: the elements of all tensors, what the header says of them, and the
/// state of the run without the time it took.
private struct Checkpoint {
  let tensors: Data
  let layout: NSDictionary
  let state: NSDictionary

  init(_ file: Data) throws {
    let size = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    tensors = file.dropFirst(8 + size)
    var header = try #require(
      JSONSerialization.jsonObject(with: file.dropFirst(8).prefix(size)) as? [String: Any])
    let metadata = try #require(header.removeValue(forKey: "__metadata__") as? [String: String])
    layout = header as NSDictionary
    let json = Data(try #require(metadata["state"]).utf8)
    state = withoutTimes(
      try #require(JSONSerialization.jsonObject(with: json) as? [String: Any]))
  }
}

/// Without how long the training took, wherever that stands, and checksums of it.
private func withoutTimes(_ object: [String: Any]) -> NSDictionary {
  object.filter { !["seconds", "trainingHours", "bytes", "crc32c"].contains($0.key) }
    .mapValues { ($0 as? [String: Any]).map(withoutTimes) ?? $0 } as NSDictionary
}
