import ResNet

extension Recipe {
  /// The recipe over another number of steps: the learning rate drops after the same shares of them, of
  /// which those are left out that a few steps have no room for.
  public func lasting(iterations: Int) -> Recipe {
    var recipe = self
    recipe.fit.iterations = iterations
    recipe.fit.schedule.milestones = milestones(of: iterations)
    return recipe
  }

  /// The recipe over another number of epochs of so many training images, in batches of its size.
  public func lasting(epochs: Int, images: Int) -> Recipe {
    // What is out of range here is refused by `fit`.
    let steps = max(epochs, 0).multipliedReportingOverflow(by: images / max(fit.batchSize, 1))
    var recipe = lasting(iterations: steps.overflow ? 0 : steps.partialValue)
    recipe.fit.epochs = epochs
    recipe.fit.iterations = nil
    return recipe
  }

  private func milestones(of total: Int) -> [Int] {
    guard let own = fit.iterations, own > 0, total > 0 else { return [] }
    var scaled: [Int] = []
    for milestone in fit.schedule.milestones where 0 < milestone && milestone < own {
      // Rounded: thirds of whole epochs are whole. Below the total, so it is a number of steps.
      let product = UInt(milestone).multipliedFullWidth(by: UInt(total))
      let (quotient, remainder) = UInt(own).dividingFullWidth(product)
      let place = Int(quotient) + (remainder >= UInt(own) - remainder ? 1 : 0)
      if place > scaled.last ?? 0, place < total { scaled.append(place) }
    }
    return scaled
  }
}
