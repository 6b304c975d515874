import ArgumentParser
import MusicDiffusion

@Sendable func readBudget(_ text: String) throws -> Budget {
  guard let budget = Budget(text) else {
    throw ValidationError("A budget is a time of up to ten years, such as 2h, 30m, 1.5d or 1h30m.")
  }
  return budget
}

/// What may be known before a run starts.
struct PlanOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      Time for everything, reading and saving included, such as 2h, 30m, 1.5d or 1h30m. Chooses what \
      is not given of --preset, --batch-size and --save-every, and the steps, by measuring this \
      machine; the plan that is printed says why.
      """, valueName: "time"),
    transform: readBudget)
  var budget: Budget?

  @Option(
    help: ArgumentHelp(
      """
      JSON file of settings, as compose tune writes it; with --autoencoder of its own (Docs/latents.md). \
      Options given here count more than the file.
      """, valueName: "file"))
  var config: String?

  @Flag(help: "Print the plan and stop, without training or writing a model.")
  var dryRun = false
}
