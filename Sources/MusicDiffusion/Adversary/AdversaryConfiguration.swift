/// How an adversary takes part in the training of who makes what it judges: of an autoencoder, or in a distillation of
/// a student. Saved with the training state.
public struct AdversaryConfiguration: Codable, Sendable, Equatable {
  public var loss: AdversarialLoss
  /// How large the gradient of its loss is made at the maker's last layer, as a part of that of the maker's own
  /// loss, 0 to 1000.
  public var weight = 0.5
  /// The same for the gradient of feature matching.
  public var featureMatching = 0.5
  /// The part of the run after which it joins, from 0 to below 1: once there is something to tell from real
  /// music.
  public var start = 0.3
  /// The part of the run in which its weight rises from 0, while it learns.
  public var rise = 0.05
  /// Of the networks that judge: channels of the first layer, in a distillation of the heads.
  public var width = 16
  /// Its learning rate, as a part of the maker's. It takes a step for each batch.
  public var rate = 0.4

  public init(_ loss: AdversarialLoss) { self.loss = loss }

  func validate() throws {
    func check(_ holds: Bool, _ reason: String) throws {
      if !holds { throw ModelError.invalidConfiguration("adversary." + reason) }
    }
    try check((0...1000).contains(weight), "weight must be 0 to 1000")
    try check((0...1000).contains(featureMatching), "featureMatching must be 0 to 1000")
    try check((0..<1).contains(start), "start must be from 0 to below 1")
    try check((0...1).contains(rise), "rise must be 0 to 1")
    try check((1...256).contains(width), "width must be 1 to 256")
    try check((0...10).contains(rate), "rate must be 0 to 10")
  }
}
