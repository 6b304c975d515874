import Foundation
import Spectro

extension Inspection {
  /// What to do, in plain words, what matters most first. The amounts are rules of thumb: the model
  /// of chorales that ships was trained on ten hours.
  func makeAdvice() -> [String] {
    if files.isEmpty { return ["No file can be read: convert them to WAV or FLAC."] }
    var advice: [String] = []
    if let metadataProblem {
      advice.append("Mend metadata.csv, or no model can be trained: \(metadataProblem).")
    }
    func add(_ files: [FileReport], _ text: (_ files: String, _ isOne: Bool) -> String) {
      if !files.isEmpty { advice.append(text(count(files.count), files.count == 1)) }
    }
    if !unreadable.isEmpty {
      advice.append(
        "\(count(unreadable.count)) cannot be read and will be left out: convert or remove "
          + (unreadable.count == 1 ? "it." : "them."))
    }
    let copies = duplicates.reduce(0) { $0 + $1.count - 1 }
    if copies > 0 {
      advice.append(
        "Remove \(count(copies)) whose samples are in another file too: what is there twice is "
          + "learned twice as much, and a copy among the held-out files makes their loss look better "
          + "than it is.")
    }
    if !nearDuplicates.isEmpty {
      advice.append(
        "Listen to the \(nearDuplicates.count) group\(nearDuplicates.count == 1 ? "" : "s") of files "
          + "that sound alike, and keep the best of each.")
    }
    add(silent) { "Remove \($0): there is no sound in \($1 ? "it" : "them")." }
    add(mostlySilent) {
      "Trim \($0): more than half of \($1 ? "it" : "each") is silence, which the model would learn."
    }
    add(clipped) {
      "\($0) \($1 ? "is" : "are") clipped; take \($1 ? "it" : "them") from before the limiter, or leave \($1 ? "it" : "them") out if the distortion is not wanted."
    }
    add(withOffset) { files, _ in "Take the DC offset out of \(files) with a high-pass at 20 Hz." }
    if 2 * narrow.count > files.count {
      advice.append(
        "Most of the sound has nothing in the upper part of what \(preset.rawValue) learns: neither will the "
          + "model's.")
    }
    add(2 * narrow.count > files.count ? [] : narrow) {
      "\($0) \($1 ? "holds" : "hold") nothing in the upper part of what \(preset.rawValue) learns: the model will "
        + "sometimes sound as dull. Replace \($1 ? "it" : "them"), or leave \($1 ? "it" : "them") out."
    }
    add(tooShort) {
      "\($0) \($1 ? "is" : "are") shorter than the window of \(preset.rawValue) (\(String(format: "%.1f", preset.windowSeconds)) s) "
        + "and will be left out; --preset oneshots takes short ones."
    }
    add(loudnessOutliers) {
      "\($0) \($1 ? "is" : "are") more than 15 LU louder or softer than most: bring \($1 ? "it" : "them") nearer if that is not meant."
    }
    if let least = labels.min(by: { $0.weight < $1.weight }), labels.count > 1,
      let most = labels.max(by: { $0.weight < $1.weight }), most.weight > 10 * least.weight
    {
      advice.append(
        "Labels are uneven: \(most.title) has \(Int(most.weight / max(least.weight, 0.1))) times the "
          + "sound of \(least.title), which will be learned less well. Add to it, or merge it with a "
          + "label like it.")
    }
    if labels.count > 1, let loose = labels.first(where: { $0.name.isEmpty }) {
      advice.append(
        "\(count(loose.files)) outside of any sub-folder will have no label: move "
          + "\(loose.files == 1 ? "it" : "them") where \(loose.files == 1 ? "it belongs" : "they belong")."
      )
    }
    return advice + metadataAdvice + [presetAdvice, amountAdvice]
  }

  private var metadataAdvice: [String] {
    guard let metadata else { return [] }
    var advice: [String] = []
    let strays = metadata.rowsWithoutFile.count
    if strays > 0 {
      advice.append(
        "\(strays) row\(strays == 1 ? "" : "s") of metadata.csv name\(strays == 1 ? "s" : "") no file that is "
          + "there: paths begin in this folder, as kicks/one.wav.")
    }
    if metadata.filesWithoutRow.count > 0 {
      let files = count(metadata.filesWithoutRow.count)
      advice.append("\(files) without a row in metadata.csv: what it says is unknown for these.")
    }
    for column in metadata.ignoredColumns {
      advice.append("Column \(column.name) of metadata.csv is not used: \(column.reason).")
    }
    if metadata.captions > 0, metadata.captions * 2 < files.count {
      advice.append(
        "\(count(metadata.captions)) of \(files.count) have a caption: prompts will be learned from "
          + "these alone.")
    }
    return advice
  }

  private var usable: [FileReport] {
    let left = Set((tooShort + silent).map(\.path))
    return files.filter { !left.contains($0.path) }
  }

  private var presetAdvice: String {
    let stereo = files.count { $0.channels > 1 && !$0.isDualMono && $0.sampleRate >= 44100 }
    let settings = preset.settings
    let text =
      "Preset \(preset.rawValue): \(settings.sampleRate) Hz \(preset.channelCount == 1 ? "mono" : "stereo"), "
      + String(format: "windows of %.1f s", preset.windowSeconds)
    if preset == .standard, 2 * stereo > files.count, seconds > 3600 {
      return text + "; with a GPU, --preset studio learns all 44.1 kHz in stereo."
    }
    return text + "."
  }

  private var amountAdvice: String {
    let seconds = usable.reduce(0) { $0 + $1.seconds }
    if preset == .oneshots {
      let number = count(usable.count)
      return switch usable.count {
      case 0: "Nothing is left to train on."
      case ..<100:
        "\(number) \(usable.count == 1 ? "is" : "are") too few: the model will give them back. Some hundreds make a start."
      case ..<500: "\(number) make a start; a thousand give more variety."
      default: "\(number) are enough to train on."
      }
    }
    let amount =
      seconds < 3600
      ? String(format: "%.0f minutes", seconds / 60) : String(format: "%.1f hours", seconds / 3600)
    return switch seconds {
    case 0: "Nothing is left to train on."
    case ..<600:
      "\(amount) of sound are too little: the model will give back what it was shown. An hour makes a "
        + "start."
    case ..<3600:
      "\(amount) of sound make a start: expect variations of your files. Three hours are better."
    case ..<10800: "\(amount) of sound are enough for one style of music; more gives more variety."
    default: "\(amount) of sound are enough to train on."
    }
  }
}

extension Inspection.Label {
  /// As it is called in a sentence.
  public var title: String { name.isEmpty ? "what has no label" : name }
}

private func count(_ files: Int) -> String { files == 1 ? "1 file" : "\(files) files" }
