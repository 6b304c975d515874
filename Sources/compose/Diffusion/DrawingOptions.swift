public import ArgumentParser
public import MusicDiffusion
import Torch

/// What the estimates of the network are led to and away from.
struct GuidanceOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help:
      "How strictly to follow label, prompt and numbers, or to keep away from --guide: 0 not at all, 1 as trained, 1.5 to 3 more so. Default: the model's, or its guide's."
  )
  var guidance: Double?

  @Option(
    parsing: .unconditional,
    help:
      "How much of the contrast that guidance adds is taken back, 0 to 1; about 0.7 suits a guidance above 3."
  )
  var guidanceRescale: Double?

  @Option(
    help:
      "LOW:HIGH: guide only where the noise has a standard deviation between these, in units of the data, whose own is 0.5; 0:100 for all of it. Default: the model's, mostly 0.2:5, or its guide's, which begins at 1.",
    transform: { text in
      guard let interval = NoiseInterval(text) else {
        throw ValidationError(
          "--guidance-interval is LOW:HIGH, the lower one first, such as 0.2:5.")
      }
      return interval
    })
  var guidanceInterval: NoiseInterval?

  @Option(help: "A label of the model to keep away from, in place of no label.")
  var negativeLabel: String?

  @Option(help: "Words to keep away from, in place of none.")
  var negativePrompt: String?

  @Option(
    help:
      "Folder of a weaker model of the same data, such as an earlier snapshot, to keep away from. Needs no labels."
  )
  var guide: String?

  func validate() throws {
    guard guidance.map({ (0...100).contains($0) }) ?? true else {
      throw ValidationError("--guidance must be 0 to 100.")
    }
    guard guidanceRescale.map({ (0...1).contains($0) }) ?? true else {
      throw ValidationError("--guidance-rescale must be 0 to 1.")
    }
    guard guide == nil || (negativeLabel == nil && negativePrompt == nil) else {
      let negative = negativeLabel != nil ? "--negative-label" : "--negative-prompt"
      throw ValidationError("--guide and \(negative) exclude each other.")
    }
  }

  /// What draws, led away from --guide where one is named.
  func generator(_ model: Model, _ device: Device, _ precision: DType) throws -> Generator {
    guard let guide else { return Generator(model: model, device: device, precision: precision) }
    return try Generator(
      model: model, awayFrom: Model(contentsOf: guide, device: device), device: device,
      precision: precision)
  }

  func set(_ options: inout Generator.Options) {
    options.guidanceScale = guidance
    options.guidanceRescale = guidanceRescale
    options.guidanceInterval = guidanceInterval?.sigmas
    options.negativeLabel = negativeLabel
    options.negativePrompt = negativePrompt
  }
}

/// `LOW:HIGH`, standard deviations of the noise.
struct NoiseInterval {
  let sigmas: ClosedRange<Double>

  init?(_ text: String) {
    let bounds = text.split(separator: ":", omittingEmptySubsequences: false)
      .map { Double($0) }
    guard bounds.count == 2, let low = bounds[0], let high = bounds[1], 0 <= low, low < high else {
      return nil
    }
    sigmas = low...high
  }
}

/// How the way from noise to signal is taken.
struct SamplingOptions: ParsableArguments {
  /// Of --steps, which is not among these: it means another thing to compose interpolate.
  static let stepsHelp = ArgumentHelp(
    """
    Denoising steps: more is slower, and nearer to real music up to some. Default: the model's, mostly \
    \(SamplingDefaults().steps).
    """)

  @Option(help: "The way from noise to sound. Default: the model's, mostly dpm++2m-sde.")
  var sampler: Sampler?

  @Option(help: "Where the steps lie between noise and sound. Default: the model's, mostly karras.")
  var schedule: SigmaSchedule?

  @Option(
    parsing: .unconditional,
    help:
      "Of the schedule flow: above 1 more of the steps are spent on much noise. Default: the model's, mostly 1."
  )
  var shift: Double?

  @Option(
    parsing: .unconditional,
    help:
      "How much noise ddim, euler-ancestral and the sde samplers add anew, 0 to 1. Default: 0 for ddim, else 1."
  )
  var eta: Double?

  @Option(
    parsing: .unconditional,
    help: "How much noise heun adds on its way, in all, relative to what is there; such as 10.")
  var churn: Double?

  @Option(help: "What the noise is drawn from. Default: the model's.")
  var noise: NoiseShape?

  func validate() throws {
    guard shift.map({ (0.01...100).contains($0) }) ?? true else {
      throw ValidationError("--shift must be 0.01 to 100.")
    }
    guard eta.map({ (0...1).contains($0) }) ?? true else {
      throw ValidationError("--eta must be 0 to 1.")
    }
    guard churn.map({ (0...10_000).contains($0) }) ?? true else {
      throw ValidationError("--churn must be 0 to 10000.")
    }
  }

  func set(_ options: inout Generator.Options) {
    options.sampler = sampler
    options.schedule = schedule
    options.shift = shift
    options.noise = noise
    if eta != nil || churn != nil {
      options.samplerSettings = Sampler.Settings(
        eta: eta, churn: churn.map { Sampling.Churn(amount: $0) })
    }
  }
}

extension Sampler: ExpressibleByArgument {}
extension SigmaSchedule: ExpressibleByArgument {}
extension NoiseShape: ExpressibleByArgument {}
