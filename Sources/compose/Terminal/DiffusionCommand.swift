/// The commands that need libtorch. It takes half a second to load, so they are in a program of
/// their own, `compose-diffusion`, which `compose` becomes when it is asked for one of them.
public enum DiffusionCommand: String, Sendable {
  case train, tune, generate, pack, `continue`, inpaint, vary, interpolate, explain, info, ema,
    distill, export, audition

  public var abstract: String {
    switch self {
    case .train: "Trains a model on a folder of audio."
    case .tune: "Searches settings to train a folder of audio with, by short runs."
    case .generate: "Generates new music with a trained model."
    case .pack: "Makes a sample pack: distinct sounds, trimmed, equally loud, ranked."
    case .continue: "Goes on from a file of sound."
    case .inpaint: "Draws parts of a file of sound anew: spans of time, bands of frequencies."
    case .vary: "Draws a file of sound in another way, more or less like it."
    case .interpolate: "Makes sounds that lead from one file to another."
    case .explain: "Shows how a model makes music: pictures, an animation, losses by noise level."
    case .info: "Tells what a model is."
    case .distill: "Makes a model that draws in few steps of one that takes many."
    case .export: "Copies what of a model is needed to draw, for others to use."
    case .audition: "Lets you hear what an autoencoder's code keeps of sound."
    case .ema: "Makes a model of another EMA length out of a training run."
    }
  }
}
