import Spectro
import Testing

@Suite struct SpectroErrorTests {
  @Test func descriptionsAreOneLineThatNamesTheFile() {
    let errors: [SpectroError] = [
      .unreadable(path: "a.png", reason: "no"), .unwritable(path: "a.png", reason: "no"),
      .exists(path: "a.png"),
    ]
    for error in errors {
      #expect("\(error)".contains("a.png") && !"\(error)".contains("\n"))
    }
    #expect(
      "\(SpectroError.exists(path: "a.png"))"
        == "cannot write a.png: it exists already; choose another name or allow overwriting")
    let settings = SpectrogramSettings(hopLength: 4096)
    let error = #expect(throws: SpectroError.self) { try settings.validate() }
    #expect(
      error?.description
        == "spectrogram settings: hopLength must be from 1 to half of fftSize (1024), not 4096")
  }
}
