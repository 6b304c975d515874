public import Audio
import Foundation
import Pages
import Spectro

/// A sample pack on one page, with a picture and a player for each sound. The players play the files beside
/// the page.
public struct PackPage {
  private let manifest: PackManifest
  private var pictures: [String] = []
  private let mel: MelSpectrogram

  /// Seconds that a picture shows at most.
  private static let longest = 6.0

  /// - Parameters:
  ///   - sampleRate: of the sounds, Hz.
  ///   - sound: gives each of the manifest's sounds.
  public init(
    _ manifest: PackManifest, sampleRate: Int,
    sound: (PackManifest.Sound) throws -> AudioBuffer
  ) throws {
    self.manifest = manifest
    let fftSize = 1 << Int(log2(0.046 * Double(sampleRate)).rounded())
    mel = try MelSpectrogram(
      SpectrogramSettings(
        sampleRate: sampleRate, fftSize: fftSize, hopLength: fftSize / 4, melBins: 96,
        minFrequency: 30))
    for entry in manifest.sounds {
      let whole = try sound(entry)
      let most = min(whole.sampleCount, Int(Self.longest * Double(sampleRate)))
      let logMel = mel.logMel(of: whole[0..<most].mono().channels[0])
      let picture = Canvas(of: logMel, range: logMel.pictureRange(mel.settings))
      pictures.append(
        HTMLPage.image(png: try picture.png(), alternative: "Spectrogram of \(entry.file)"))
    }
  }

  public var html: String {
    let labels = manifest.sounds.map(\.label).reduce(into: [String?]()) { labels, label in
      if !labels.contains(label) { labels.append(label) }
    }
    let sections = labels.map { label in
      let figures = manifest.sounds.indices.filter { manifest.sounds[$0].label == label }
        .map(figure)
      return HTMLPage.section(
        label ?? "Sounds", "<div class=\"gallery\">\(figures.joined(separator: "\n"))</div>")
    }
    let left = manifest.leftOut.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
      .joined(separator: ", ")
    let lead =
      "Made by \(manifest.program) with a model of \(manifest.dataset). Of \(manifest.made) sounds these "
      + "are \(manifest.sounds.count)\(left.isEmpty ? "" : "; left out: \(left)"). Matched to "
      + "\(manifest.matchedTo). The best first, by \(manifest.ranking)."
    return HTMLPage(
      title: "Sample pack",
      body: "<header><h1>Sample pack</h1><p class=\"lead\">\(escaped(lead))</p></header>\n"
        + sections.joined(separator: "\n")
    ).html
  }

  private func figure(_ index: Int) -> String {
    let sound = manifest.sounds[index]
    let address =
      sound.file.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? sound.file
    let rank =
      sound.distance.map { String(format: "distance %.2f", $0) }
      ?? String(format: "score %.2f", sound.figures.score)
    let caption =
      "\(sound.file), \(String(format: "%.2f s", sound.seconds)), seed \(sound.seed), \(rank)"
    return "<figure>\(pictures[index])"
      + "<audio controls\(sound.figures.regularity == nil ? "" : " loop") preload=\"none\" src=\"\(escaped(address))\"></audio>"
      + "<figcaption>\(escaped(caption))</figcaption></figure>"
  }
}
