import Testing

@testable import ResNet
@testable import ResNetData

@Suite struct DataRecipeTests {
  /// Section 4.2 of the paper.
  @Test func cifarIsAsPublished() throws {
    let recipe = try Recipe.named("cifar")
    #expect(recipe.sgd == SGDOptions(learningRate: 0.1, momentum: 0.9, weightDecay: 1e-4))
    #expect(recipe.fit.iterations == 64_000 && recipe.fit.batchSize == 128)
    #expect(recipe.fit.schedule == StepSchedule(milestones: [32_000, 48_000], gamma: 0.1))
    #expect(recipe.fit.augmentation == Augmentation(padding: 4, mirror: true))
    #expect(recipe.fit.normalize == .automatic)
    #expect(recipe.fit.warmUp == nil && recipe.fit.plateau == nil)
    #expect(recipe.validationImages == 5000)

    var deep = try Recipe.named("cifar-resnet110")
    #expect(deep.fit.warmUp == WarmUp(rate: 0.01, untilError: 0.8))
    deep.fit.warmUp = nil
    #expect(deep.fit == recipe.fit && deep.sgd == recipe.sgd)
  }

  @Test func aRecipePrintsWhatItIs() {
    var recipe = Recipe.cifar
    #expect(
      "\(recipe)" == """
        cifar: CIFAR-10 as in section 4.2 of the paper
          length         64,000 steps
          batch          128 images
          optimizer      SGD, momentum 0.9, weight decay 0.0001
          learning rate  0.1; times 0.1 after 32,000 and 48,000 steps
          images         crops out of 4 pixels of zero padding a side, half of them mirrored
          normalization  the per-pixel mean of the training images is subtracted, unless the model \
        has its own
          validation     5,000 of the training images are held out

        """)
    recipe.fit.iterations = nil
    recipe.fit.epochs = 7
    recipe.fit.warmUp = WarmUp()
    recipe.fit.plateau = Plateau(patience: 3, threshold: 0.25)
    recipe.fit.schedule = StepSchedule(milestones: [1_234_567], gamma: 0.5)
    recipe.fit.augmentation = nil
    recipe.fit.normalize = .keep
    recipe.sgd.spareBatchNormAndBiases = true
    recipe.validationImages = 0
    for words in [
      "7 epochs", "0.01 until the training error of 100 steps is below 0.8",
      "after 1,234,567 steps",
      "times 0.5 when in 3 epochs the validation error has not fallen by 0.25", "as they are",
      "the model's own", "of convolution and FC weights",
      "none of the training images are held out",
    ] {
      #expect("\(recipe)".contains(words), "\(words)")
    }
  }

  /// Section 3.4 of the paper.
  @Test func imageNetIsAsPublished() throws {
    let recipe = try Recipe.named("imagenet")
    #expect(recipe.sgd == SGDOptions(learningRate: 0.1, momentum: 0.9, weightDecay: 1e-4))
    #expect(recipe.fit.iterations == 600_000 && recipe.fit.batchSize == 256)
    #expect(recipe.fit.plateau == Plateau(patience: 5, threshold: 0.001))
    #expect(recipe.fit.schedule.gamma == 0.1 && recipe.fit.schedule.milestones.isEmpty)
    #expect(recipe.images == .published && recipe.fit.augmentation == nil)
    #expect(recipe.fit.normalize == .automatic)
    for words in [
      "shorter side is 256 to 480 pixels, half of them mirrored", "N(0, 0.1)",
      "times 0.1 when in 5 epochs", "per-pixel mean", "none of the training images are held out",
    ] {
      #expect("\(recipe)".contains(words), "\(words)")
    }

    let common = try Recipe.named("imagenet-common")
    let epoch = 1_281_167 / 256
    #expect(common.fit.iterations == 90 * epoch)
    #expect(common.fit.schedule.milestones == [30 * epoch, 60 * epoch])
    #expect(common.images == .common && common.fit.normalize == .perChannel)
    for words in ["0.08 to 1.0 of the area", "0.75 to 1.33", "deviation of each channel"] {
      #expect("\(common)".contains(words), "\(words)")
    }
  }

  @Test func everyRecipeIsValidAndHasItsName() throws {
    let data = try TrainingSupport.data(count: 256)
    for recipe in Recipe.all {
      #expect(try Recipe.named(recipe.name) == recipe)
      try recipe.sgd.validate()
      try recipe.fit.validate(for: data)
    }
    let error = thrownError { try Recipe.named("cifar11") }
    #expect(error?.kind == .notFound && error?.message.contains("cifar-resnet110") == true)
  }
}

/// Recipes of other lengths.
@Suite struct DataRecipeLengthTests {
  @Test func milestonesKeepTheirShares() {
    // 90 epochs of 1,000 images in batches of 256: 270 steps, thirds of which are whole epochs.
    let short = Recipe.imageNetCommon.lasting(epochs: 90, images: 1000)
    #expect(short.fit.epochs == 90 && short.fit.iterations == nil)
    #expect(short.fit.schedule.milestones == [90, 180])
    #expect(Recipe.cifar.lasting(iterations: 64).fit.schedule.milestones == [32, 48])
    #expect(Recipe.cifar.lasting(iterations: 64).fit.iterations == 64)
    // Rounded to whole steps.
    #expect(Recipe.imageNetCommon.lasting(iterations: 100).fit.schedule.milestones == [33, 67])
    for recipe in Recipe.all {
      #expect(recipe.lasting(iterations: recipe.fit.iterations ?? 0) == recipe)
      #expect(recipe.fit.schedule.gamma == recipe.lasting(iterations: 7).fit.schedule.gamma)
    }
    #expect(Recipe.imageNet.lasting(epochs: 3, images: 1000).fit.plateau == Plateau())
  }

  @Test func fewStepsHaveNoRoomForDrops() {
    #expect(Recipe.cifar.lasting(iterations: 4).fit.schedule.milestones == [2, 3])
    #expect(Recipe.cifar.lasting(iterations: 2).fit.schedule.milestones == [1])
    for count in [1, 0, -1, .min] {
      #expect(Recipe.cifar.lasting(iterations: count).fit.schedule.milestones.isEmpty)
    }
    var odd = Recipe.cifar
    odd.fit.schedule.milestones = [-5, 0, .max]
    #expect(odd.lasting(iterations: .max).fit.schedule.milestones.isEmpty)
    let largest = Recipe.cifar.lasting(iterations: .max).fit.schedule.milestones
    #expect(largest == [.max / 2 + 1, .max / 4 * 3 + 2])
  }

  /// `fit` refuses what is out of range.
  @Test func lengthsThatCannotBeAreKept() throws {
    var recipe = Recipe.cifar
    recipe.fit.batchSize = 0
    for (epochs, images) in [(-1, 100), (0, 100), (.max, 1000), (3, 0)] {
      #expect(recipe.lasting(epochs: epochs, images: images).fit.epochs == epochs)
    }
  }
}
