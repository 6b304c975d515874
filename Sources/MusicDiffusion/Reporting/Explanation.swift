import Audio
public import Foundation
import Pages
import Spectro

/// What a model does, for a person to see: pictures of a ``DenoisingPath``, its losses and a page
/// with all of it.
public struct Explanation {
  public let name: String
  public let path: DenoisingPath
  /// On given audio, or as the run's log has them; empty where there is neither.
  public let losses: [NoiseLevelLoss]
  private let areLogged: Bool

  /// - Parameter areLogged: whether the losses are those of the run's log.
  public init(
    name: String, path: DenoisingPath, losses: [NoiseLevelLoss], areLogged: Bool = false
  ) {
    (self.name, self.path, self.losses, self.areLogged) = (name, path, losses, areLogged)
  }

  /// The noise levels to measure losses at: twelve in equal ratios, where music and noise are both
  /// heard.
  public static let sigmas = (0..<12).map { 0.02 * pow(1000, Double($0) / 11) }

  /// What ``write(to:)`` writes.
  public static let fileNames = [
    "explain.html", "strip.png", "animation.png", "decisions.png", "music.wav",
  ]

  /// Writes a page, and what it shows as files of their own, over files of these names.
  ///
  /// - Returns: ``fileNames``.
  /// - Throws: ``ModelError/cannotWrite(_:reason:)``, `AudioError`.
  public func write(to folder: URL) throws -> [String] {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw ModelError.cannotWrite(folder.path, reason: error.localizedDescription)
    }
    let (strip, animation) = (try path.strip().png(), try path.animation())
    let decisions = try path.decisions().png()
    let page = try html(strip: strip, animation: animation, decisions: decisions)
    let files = [Data(page.utf8), strip, animation, decisions]
    for (name, data) in zip(Self.fileNames, files) {
      try writeAtomically(data, to: folder.appendingPathComponent(name))
    }
    let music = folder.appendingPathComponent(Self.fileNames[files.count])
    try path.audio.write(to: music.path, overwrite: true)
    return Self.fileNames
  }

  private func html(strip: Data, animation: Data, decisions: Data) throws -> String {
    func picture(_ png: Data, _ alternative: String) -> String {
      HTMLPage.image(png: png, alternative: alternative)
        .replacing("<img ", with: "<img class=\"wide\" ")
    }
    let label = path.label.map { ", \($0)" } ?? ""
    let lead =
      "Seed \(path.seed)\(label). The model starts from noise and asks its network again and again "
      + "what music may be behind it, each time with less noise left. σ is the deviation of that "
      + String(format: "noise; the music's own is %g.", path.sigmaData)
    var sections = [
      "<header><h1>How \(escaped(name)) makes music</h1><p class=\"lead\">\(escaped(lead))</p></header>",
      HTMLPage.section(
        "The way",
        picture(animation, "The denoising path as an animation")
          + HTMLPage.player(mp3: try mp3(of: path.audio))),
      HTMLPage.section(
        "Step by step",
        """
        <p class="note">At much noise the network expects something like the mean of all music it has \
        heard, blurred; with each step it commits itself to more.</p>
        \(picture(strip, "What the model sees, expects and changes at some of the steps"))
        """),
      HTMLPage.section(
        "Which noise level decides what",
        picture(decisions, "The noise level that decides each place")
      ),
      HTMLPage.section("Steps", steps()),
    ]
    if !losses.isEmpty { sections.insert(HTMLPage.section("How well it sees", charts()), at: 4) }
    return HTMLPage(title: "How \(name) makes music", body: sections.joined(separator: "\n")).html
  }

  private func charts() -> String {
    func chart(_ title: String, _ value: (NoiseLevelLoss) -> Double) -> String {
      let series = LineChart.Series(
        name: title, points: losses.map { ($0.sigma, value($0)) }, style: "main")
      let chart = LineChart(
        title: title, series: [series], xName: "σ of the noise", xAxis: .logarithmic,
        yAxis: .logarithmic, size: (width: 470, height: 260), nameWidth: 0)
      return "<div><h3>\(escaped(title))</h3>\(chart.svg())</div>"
    }
    let origin =
      areLogged
      ? "As the log of the training has it, at the middle of each of five bands of noise."
      : "On real audio with noise added, nothing of it known."
    return """
      <p class="note">\(origin) The loss is 1 for a \
      network that knows nothing. The error is how far the estimate is off, 1 for guessing the mean of all \
      music: where it is far below 1 the model sees through the noise.</p>
      <div class="small">\(chart("Loss") { $0.loss })\
      \(chart("Error of the estimate") { $0.error })</div>
      """
  }

  private func steps() -> String {
    let shares = path.decidedShares
    let most = max(shares.max() ?? 1, 1e-9)
    return HTMLPage.table(
      path.steps.enumerated().map { number, step in
        (
          String(format: "%d · σ %.3g", number + 1, step.sigma),
          String(
            format:
              "%@%.1f %% decided, mean change %.1f dB",
            HTMLPage.bar(shares[number] / most), shares[number] * 100, step.meanChange)
        )
      })
  }
}
