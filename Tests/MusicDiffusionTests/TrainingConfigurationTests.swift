import MusicDiffusion
import Testing

@Suite struct TrainingConfigurationTests {
  /// A linear rise over the first hundred steps, a linear fall over the last two fifths.
  @Test func learningRateRisesStaysAndFalls() {
    var configuration = TrainingConfiguration(preset: .draft)
    configuration.learningRate = 1e-3
    configuration.steps = 1000
    func rate(_ step: Int) -> Double {
      configuration.learningRate(
        step: step, progress: configuration.progress(steps: step, seconds: 0))
    }
    for (step, expected) in [
      (0, 1e-5), (49, 5e-4), (99, 1e-3), (100, 1e-3), (600, 1e-3), (800, 5e-4), (999, 2.5e-6),
    ] {
      #expect(abs(rate(step) - expected) < 1e-12, "step \(step)")
    }
    configuration.coolDown = 0
    #expect(rate(999) == 1e-3)
    // A run that ends before it has warmed up falls too.
    (configuration.coolDown, configuration.steps) = (0.4, 50)
    #expect(rate(49) < rate(40))
  }

  /// Steps or hours, whichever comes first.
  @Test func progressIsThatOfTheNearerEnd() {
    var configuration = TrainingConfiguration(preset: .draft)
    configuration.steps = 100
    #expect(configuration.progress(steps: 25, seconds: 1e9) == 0.25)
    configuration.hours = 2
    #expect(configuration.progress(steps: 25, seconds: 3600) == 0.5)
    #expect(configuration.progress(steps: 75, seconds: 3600) == 0.75)
    configuration.steps = nil
    #expect(configuration.progress(steps: 1 << 40, seconds: 7200) == 1)
  }
}
