/// What can go wrong between a folder of audio and new music, each in one line that says what to do.
public enum ModelError: Error, Equatable, CustomStringConvertible {
  case noFolder(String)
  case allTooShort(String, longest: Double, window: Double)
  case invalidConfiguration(String)
  case damagedModel(String, reason: String)
  case autoencoderAlone(String)
  case noAutoencoder(String)
  case otherVersion(String, found: Int, supported: Int)
  case unknownLabel(String, known: [String])
  case unknownNumber(String, known: [Conditioning.Number])
  case noCaptions
  case invalidSeconds(Double, limit: Double)
  case invalidSpan(Range<Double>, duration: Double)
  case tooShortToEdit(Double, needed: Double)
  case tooLongToEdit(Double, limit: Double)
  case invalidArgument(String)
  case modelExists(String, canResume: Bool)
  case outputExists(String)
  case exportInside(String, of: String)
  case nothingToResume(String, file: String = "training/checkpoint.safetensors")
  case holdsModel(String)
  case holdsAutoencoder(String)
  case otherRun(String, reason: String)
  case datasetChanged(String, reason: String)
  case diverged(step: Int, recoveries: Int)
  case autoencoderDiverged(step: Int)
  case inUse(String)
  case noHeldOut(String)
  case noSnapshots(String)
  case averageOutOfReach(width: Double, error: Double)
  case cannotWrite(String, reason: String)
  case budgetTooSmall(Double, needed: Double)
  case unusableSettings(String, reason: String)
  case nothingToTuneOn(String)
  case unreadable(String)
  case unusableRecipe(String, reason: String)
  case otherModel(String, found: String?, wanted: String, option: String)

  public var description: String {
    switch self {
    case .noFolder(let path):
      "there is no folder at \(path)"
    case .allTooShort(let path, let longest, let window):
      "every clip in \(path) is shorter than the window of \(format(window)) s (the longest has "
        + "\(format(longest)) s): use --preset oneshots, which pads short clips, or longer files"
    case .invalidConfiguration(let reason):
      "not a usable model configuration: \(reason)"
    case .damagedModel(let path, let reason):
      "the model in \(path) is damaged or incomplete: \(reason)"
    case .autoencoderAlone(let path):
      "\(path) holds an autoencoder alone: compose train DATASET --latent \(path) makes a model of it"
    case .noAutoencoder(let path):
      "\(path) holds no autoencoder: compose train DATASET --autoencoder trains one"
    case .otherVersion(let path, let found, let supported):
      "the model in \(path) has format version \(found), this program reads up to \(supported): "
        + "use a newer version of compose, or the one that trained it"
    case .unknownLabel(let label, let known):
      known.isEmpty
        ? "the model has no labels, so --label \(label) means nothing to it"
        : "the model has no label \(label); it knows \(known.joined(separator: ", "))"
    case .unknownNumber(let name, let known):
      known.isEmpty
        ? "the model has learned no numbers, so \(name) means nothing to it: train it on a folder with "
          + "a column of numbers in metadata.csv"
        : "the model has no number \(name); it knows "
          + known.map(\.description).joined(separator: ", ")
    case .noCaptions:
      "the model has learned no captions, so a prompt means nothing to it: train it on a folder with a "
        + "column caption in metadata.csv, or with a text file beside each sound"
    case .invalidSeconds(let seconds, let limit):
      "cannot generate \(format(seconds)) seconds: ask for more than 0 and at most \(format(limit))"
    case .invalidSpan(let span, let duration):
      "\(format(span.lowerBound)) to \(format(span.upperBound)) s is no part of a sound of "
        + "\(format(duration)) s: a part lies between 0 and its end"
    case .tooShortToEdit(let seconds, let needed):
      "\(format(seconds)) s of sound are too little to go by: the model needs \(format(needed)) s"
    case .tooLongToEdit(let seconds, let limit):
      "\(format(seconds)) s of sound are more than can be edited at once, \(format(limit)) s: cut the part out "
        + "of it first"
    case .invalidArgument(let reason):
      reason
    case .outputExists(let path):
      "\(path) exists already: choose another --output"
    case .exportInside(let path, let model):
      "\(path) would lie in the folder that is copied, \(model): choose another --output"
    case .modelExists(let path, let canResume):
      canResume
        ? "\(path) already holds a model: add --resume to train it further, or choose another --output"
        : "\(path) already holds a model: choose another --output"
    case .nothingToResume(let path, let file):
      "\(path) has no \(file) to go on from: train anew with another --output"
    case .holdsModel(let path):
      "\(path) holds a model, not an autoencoder: leave out --autoencoder to go on with it, or choose another "
        + "--output"
    case .holdsAutoencoder(let path):
      "\(path) holds an autoencoder, not a model: add --autoencoder to go on with it, or choose another --output"
    case .otherRun(let path, let reason):
      "cannot resume \(path) with these options: \(reason)"
    case .datasetChanged(let path, let reason):
      "the data is not what \(path) was trained on: \(reason)"
    case .diverged(let step, let recoveries):
      "the loss exploded at step \(step), and \(recoveries) returns to the last good state with ever "
        + "lower learning rates did not help: go on with --resume and a much lower --learning-rate"
    case .autoencoderDiverged(let step):
      "the loss exploded at step \(step): go on from the last checkpoint with --resume and a much lower "
        + "--learning-rate"
    case .inUse(let path):
      "another process is training in \(path): wait until it ends, or choose another --output"
    case .noHeldOut(let path):
      "--patience watches the loss on held-out files, and \(path) has none: it takes ten files, and "
        + "--held-out above 0"
    case .noSnapshots(let path):
      "\(path) has no snapshots of averaged weights in training/snapshots, which compose train keeps"
    case .averageOutOfReach(let width, let error):
      "the snapshots cannot make an average of width \(format(width)) (they miss "
        + "\(format(100 * error)) % of it): ask for one nearer to those that training kept"
    case .budgetTooSmall(let seconds, let needed):
      "a budget of \(format(seconds)) s is too small: with what is to be prepared, measured and saved, "
        + "the least takes \(format(needed.rounded(.up))) s on this machine"
    case .unusableSettings(let path, let reason):
      "cannot use the settings in \(path): \(reason)"
    case .nothingToTuneOn(let path):
      "tuning compares losses on held-out files, and \(path) has none: it takes ten files, and "
        + "--held-out above 0"
    case .unreadable(let path):
      "cannot read \(path)"
    case .unusableRecipe(let path, let reason):
      "cannot use the recipe \(path): \(reason)"
    case .otherModel(let path, let found, let wanted, let option):
      (found.map {
        "\(path) holds another model than the recipe's (fingerprint \($0), not \(wanted))"
      }
        ?? "the recipe's model is not at \(path)")
        + ": say with \(option) where the right one lies"
    case .cannotWrite(let path, let reason):
      "cannot write \(path): \(reason)"
    }
  }

  private func format(_ seconds: Double) -> String {
    seconds.rounded() == seconds && abs(seconds) < 1e15
      ? String(Int(seconds)) : String((seconds * 100).rounded() / 100)
  }
}
