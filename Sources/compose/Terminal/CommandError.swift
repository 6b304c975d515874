import Foundation

/// What only the command line can get wrong.
public enum CommandError: Error, CustomStringConvertible {
  case exists(String)
  case insideData(String)
  case notAFolder(String)
  case unsupportedOutput(String, choices: String)
  case noShippedModel(String)
  case unknownSettings(String)
  case uselessOptions(String, because: String)
  case cannotWrite(String, reason: String)
  case noCUDA
  case recipeNeedsCUDA(String, device: String)
  case missingProgram(String)
  case oneOutputForMany(String)
  case unsupportedInput(String, choices: String)
  case noSpectrograms(String)
  case beyondEnd(String, duration: Double)
  case loopTooLong(String, seconds: Double)
  case filesFailed(Int, of: Int)
  case interrupted
  case stopped
  case nothingTuned
  case folderInUse(String)
  case emptyPack(because: String)
  case packTooSmall(Int, of: Int, because: String)
  case packStopped(Int, of: Int)
  case generationStopped(Int, of: Int)

  public var description: String {
    switch self {
    case .exists(let path):
      "\(path) exists already: add --overwrite, or choose another --output"
    case .insideData(let path):
      "\(path) lies in the folder of the data, which would then hold the model's own sounds: choose an "
        + "--output outside of it"
    case .notAFolder(let path):
      "\(path) is a file: choose an --output that is a folder, or not there yet"
    case .unsupportedOutput(let path, let choices):
      "cannot tell the format from the name \(path): end it in \(choices)"
    case .noShippedModel(let path):
      "the model that ships with compose is not at \(path): run from the project's folder, or name "
        + "a model with --model"
    case .uselessOptions(let options, let reason):
      "\(reason): leave out \(options)"
    case .cannotWrite(let path, let reason):
      "cannot write to \(path): \(reason)"
    case .unknownSettings(let path):
      "\(path) does not say what made it: give --sample-rate, and --fft-size and --hop-length if they "
        + "are not 2048 and 512"
    case .missingProgram(let path):
      "\(path) is missing: it belongs beside compose; build both with swift build -c release"
    case .oneOutputForMany(let path):
      "\(path) cannot hold several files: name a folder with --output"
    case .unsupportedInput(let path, let choices):
      "cannot tell what \(path) is: its name should end in \(choices)"
    case .noSpectrograms(let folder):
      "no .png, .npy or .csv files in \(folder)"
    case .beyondEnd(let path, let duration):
      String(format: "%@ ends at %.2f s, where --from is not yet reached", path, duration)
    case .loopTooLong(let path, let seconds):
      "\(path) is longer than a loop may be, \(Int(seconds)) s: leave out --loop, or name a part with --from "
        + "and --to"
    case .filesFailed(let count, let total):
      "\(count) of \(total) files could not be used; they are named above"
    case .interrupted:
      "stopped; what is complete stays, and running it again goes on"
    case .stopped: "stopped; nothing was written"
    case .nothingTuned:
      "stopped before the first round was over: nothing was written"
    case .folderInUse(let path):
      "\(path) exists already and is not an empty folder: choose another --output"
    case .emptyPack(let reason):
      "no sound can be used, \(reason): nothing was written; a model that was trained for longer makes more"
    case .packTooSmall(let count, let total, let reason):
      "the pack has \(count) of \(total) sounds, \(reason): ask for fewer, or use a model that was trained on "
        + "more"
    case .packStopped(let count, let total):
      "stopped; the pack has \(count) of \(total) sounds"
    case .generationStopped(let count, let total):
      count == 0
        ? "stopped; nothing was written" : "stopped; \(count) of \(total) files were written"
    case .noCUDA:
      "this machine or this build has no CUDA: use --device cpu, or build with LIBTORCH set to a "
        + "CUDA build of torch"
    case .recipeNeedsCUDA(let path, let device):
      "\(path) was made on \(device), and this machine or this build has no CUDA: add --device cpu for the "
        + "same music with other roundings"
    }
  }
}
