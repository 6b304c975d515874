import Audio
import Foundation
import Pages
import Spectro

/// A run on one page: `report.html` in the model's folder, written anew at each checkpoint.
package struct TrainingReport {
  package static let fileName = "report.html"

  let name: String
  let state: TrainingState
  let data: DataSummary
  let lines: [TrainingLog.Line]
  let bands: NoiseBands
  let samples: [TrainingSample]

  /// What was trained on.
  package struct DataSummary: Sendable {
    package var files: Int
    package var seconds: Double
    package var heldOutFiles: Int
    package var skipped: [(path: String, reason: String)]
    package var skippedCount: Int
    package var labels: [(name: String, files: Int)]
  }

  package init(
    name: String, state: TrainingState, data: DataSummary, lines: [TrainingLog.Line],
    bands: NoiseBands, samples: [TrainingSample]
  ) {
    self.name = name
    self.state = state
    self.data = data
    self.lines = lines
    self.bands = bands
    self.samples = samples
  }

  /// - Throws: `AudioError` for a sample that cannot be read any more.
  package func html() throws -> String {
    let history = state.model.history
    let loss = String(format: "%.4f", history.loss)
    let body = [
      """
      <header>
      <h1>\(escaped(name))</h1>
      <p class="lead">\(escaped(status))</p>
      <div class="facts">
      \(fact(count(history.steps), "steps"))
      \(fact(count(history.clipsSeen), "clips heard"))
      \(fact(hours(history.trainingHours), "of training"))
      \(fact(loss, "loss, lately"))
      \(fact(hours(history.datasetHours), "of audio, \(files(history.files))"))
      </div>
      </header>
      """,
      try HTMLPage.section("What it makes", gallery()),
      HTMLPage.section("What it learns", lossCharts()),
      HTMLPage.section("The run", runCharts()),
      HTMLPage.section("The data", dataSummary()),
      HTMLPage.section("Settings", HTMLPage.table(settings())),
      HTMLPage.section("History", HTMLPage.table(events())),
      HTMLPage.section("Limits", "<ul>\(limits().map { "<li>\(escaped($0))</li>" }.joined())</ul>"),
    ]
    return HTMLPage(title: "\(name), step \(state.steps)", body: body.joined(separator: "\n")).html
  }

  private func fact(_ value: String, _ name: String) -> String {
    "<div><b>\(escaped(value))</b><span>\(escaped(name))</span></div>"
  }

  private var status: String {
    let part = state.configuration.progress(steps: state.steps, seconds: state.seconds)
    let model = "A \(state.model.preset) model of \(state.model.history.dataset). "
    if part >= 1 { return model + "This run is over." }
    return model + String(format: "%.0f %% of the run is done, by the last checkpoint.", part * 100)
  }

  // MARK: - What it makes

  /// Labels in rows, checkpoints side by side.
  private func gallery() throws -> String {
    guard !samples.isEmpty else { return "<p class=\"none\">No samples yet.</p>" }
    let chosen = Set(TrainingSample.spread(samples.map(\.step), count: 6))
    let settings = state.model.representation.spectrogram
    let analysis = try MelSpectrogram(settings)
    var rows: [String] = []
    var labels: [String?] = []
    for sample in samples where !labels.contains(sample.label) { labels.append(sample.label) }
    for label in labels {
      let figures = try samples.filter { $0.label == label && chosen.contains($0.step) }.map {
        sample in
        let audio = try AudioBuffer(contentsOf: sample.file.path)
        let logMel = analysis.logMel(of: audio.mono().channels[0])
        let picture = Canvas(of: logMel, range: logMel.pictureRange(settings))
        let caption = "step \(count(sample.step))"
        return """
          <figure>\
          \(HTMLPage.image(png: try picture.png(), alternative: "Spectrogram of \(label ?? "a sample"), \(caption)"))\
          \(HTMLPage.player(mp3: try mp3(of: audio)))\
          <figcaption>\(caption)</figcaption></figure>
          """
      }
      rows.append(
        (label.map { "<h3>\(escaped($0))</h3>" } ?? "")
          + "<div class=\"gallery\">\(figures.joined(separator: "\n"))</div>")
    }
    let note = String(
      format:
        "The same seed at each checkpoint, so that what changes is what was learned. Time runs to "
        + "the right over %.1f s, frequency up to %.1f kHz; bright is loud.",
      state.model.representation.windowSeconds, settings.topFrequency / 1000)
    return "<p class=\"note\">\(note)</p>" + rows.joined(separator: "\n")
  }

  // MARK: - Curves

  private func lossCharts() -> String {
    let heldOut = curve(points: 200) { $0.heldOutLoss }
    var whole = [
      LineChart.Series(name: "", points: curve(points: 200) { $0.loss }, style: "main faint"),
      LineChart.Series(name: "training", points: curve(points: 40) { $0.loss }, style: "main"),
    ]
    if !heldOut.isEmpty {
      whole.append(LineChart.Series(name: "held out", points: heldOut, style: "other"))
    }
    let byNoise = byNoise { $0.lossByNoise }
    let heldOutByNoise = self.byNoise { $0.heldOutLossByNoise }
    let sigmaData = String(format: "%g", state.model.normalization.sigmaData)
    var charts = """
      <p class="note">The mean squared error of the network, 1 for one that knows nothing. Lower is \
      better; a line that has gone flat has no more to give at this learning rate.</p>
      \(LineChart(title: "Loss over steps", series: whole, yAxis: .logarithmic).svg())
      <h3>By noise level</h3>
      <p class="note">The same, parted by how much noise the network had to see through. σ is \
      the noise's standard deviation, where the data's is \(sigmaData). Much noise is where the outline \
      of a piece is decided, little noise where its finest detail is; that part stays near 1 longest.</p>
      \(LineChart(title: "Loss by noise level over steps", series: byNoise, yAxis: .logarithmic).svg())
      """
    if heldOutByNoise.contains(where: { !$0.points.isEmpty }) {
      charts += """
        <h3>By noise level, on files held out</h3>
        \(LineChart(title: "Held-out loss by noise level", series: heldOutByNoise, yAxis: .logarithmic).svg())
        """
    }
    return charts
  }

  private func byNoise(_ values: (TrainingLog.Line) -> [Double?]?) -> [LineChart.Series] {
    (0..<NoiseBands.count).map { band in
      LineChart.Series(
        name: bands.name(of: band),
        points: curve(points: 40) { line in
          values(line).flatMap { band < $0.count ? $0[band] : nil }
        },
        style: "s\(band + 1)")
    }
  }

  private func runCharts() -> String {
    func chart(_ title: String, _ value: (TrainingLog.Line) -> Double?) -> String {
      let series = LineChart.Series(name: title, points: curve(points: 100, value), style: "main")
      let chart = LineChart(
        title: title, series: [series], size: (width: 330, height: 190), nameWidth: 0)
      return "<div><h3>\(escaped(title))</h3>\(chart.svg())</div>"
    }
    return """
      <div class="small">\(chart("Learning rate") { $0.learningRate })\
      \(chart("Gradient norm, before clipping") { $0.gradientNorm })\
      \(chart("Clips a second") { $0.clipsPerSecond })</div>
      """
  }

  /// At most so many points, each the mean of its stretch of steps.
  private func curve(
    points count: Int, _ value: (TrainingLog.Line) -> Double?
  ) -> [(x: Double, y: Double)] {
    let width = max(1, Double((lines.last?.step ?? 0) + 1) / Double(count))
    var points: [(x: Double, y: Double)] = []
    var stretch: (number: Int, x: Double, sum: Double, weight: Double)?
    func close() {
      if let stretch { points.append((stretch.x, stretch.sum / stretch.weight)) }
    }
    for line in lines {
      guard let y = value(line) else { continue }
      let (number, weight) = (Int(Double(line.step) / width), Double(line.steps ?? 1))
      if stretch?.number != number {
        close()
        stretch = (number, 0, 0, 0)
      }
      stretch?.x = Double(line.step)
      stretch?.sum += y * weight
      stretch?.weight += weight
    }
    close()
    return points
  }
}

/// 12345 → "12,345"
func count(_ number: Int) -> String {
  var digits = String(number)
  for place in stride(from: digits.count - 3, to: 0, by: -3) {
    digits.insert(",", at: digits.index(digits.startIndex, offsetBy: place))
  }
  return digits
}

func files(_ number: Int) -> String { number == 1 ? "1 file" : "\(count(number)) files" }

/// 0.02 → "1.2 min"
func hours(_ hours: Double) -> String {
  hours < 1 ? String(format: "%.1f min", hours * 60) : String(format: "%.2f h", hours)
}
