public import ArgumentParser

/// What an audition reads and writes, whatever the sound goes through.
public struct AuditionOptions: ParsableArguments {
  @Argument(help: "Audio files, or folders of them.")
  public var paths: [String]

  @Option(name: .shortAndLong, help: "Folder to write to. Default: the first name + -audition.")
  public var output: String?

  @Option(
    name: .shortAndLong,
    help: """
      Folder of an autoencoder, or of a model that draws codes: send the spectrograms through its code, too, \
      and take its settings.
      """)
  public var model: String?

  @Option(parsing: .unconditional, help: "Passes of Griffin-Lim.")
  public var iterations = 32

  @Option(parsing: .unconditional, help: "Files to take of each folder.")
  public var files = 8

  @Option(
    parsing: .unconditional,
    help: """
      Seconds to take of each file, from the middle of longer ones, or from the beginning where the \
      file does not tell how long it is.
      """)
  public var seconds = 30.0

  @Flag(help: "Replace files that exist.")
  public var overwrite = false

  public init() {}

  public func validate() throws {
    guard !paths.isEmpty else { throw ValidationError("Name a file or a folder.") }
    guard (0...10_000).contains(iterations) else {
      throw ValidationError("--iterations must be 0 to 10000.")
    }
    guard (1...100_000).contains(files) else {
      throw ValidationError("--files must be 1 to 100000.")
    }
    guard seconds >= 0.1, seconds <= 600 else {
      throw ValidationError("--seconds must be 0.1 to 600.")
    }
  }
}
