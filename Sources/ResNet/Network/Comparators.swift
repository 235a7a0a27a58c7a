extension Network {
  /// The networks of others that the paper compares with, by preset name, in the terms of this
  /// library. Dropout, which some of them were trained with, is no part of a network here.
  static let comparators: [(family: Family, network: Network)] = [
    (.imageNet, vgg("vgg16", blocks: [2, 2, 3, 3, 3], .bias)),
    (.imageNet, vgg("vgg19", blocks: [2, 2, 4, 4, 4], .bias)),
    (.imageNet, vgg("vgg16-bn", blocks: [2, 2, 3, 3, 3], .biasAndBatchNorm)),
    (.imageNet, vgg("vgg19-bn", blocks: [2, 2, 4, 4, 4], .biasAndBatchNorm)),
    (.cifar, highway("highway19", blocks: [4, 6, 6], widths: [32, 80, 128])),
    (.cifar, highway("highway32", blocks: [9, 10, 10], widths: [32, 48, 64])),
    (.cifar, fitNet19),
  ]

  /// "Very Deep Convolutional Networks for Large-Scale Image Recognition" (Simonyan and Zisserman,
  /// 2014), Table 1, configurations D and E; with BN as torchvision has it.
  private static func vgg(_ name: String, blocks: [Int], _ affine: Affine) -> Network {
    Network(
      name: name, stem: .none, stemWidth: 0, block: oneConvolution,
      stages: zip(blocks, [64, 128, 256, 512, 512]).map {
        Stage(blocks: $0, width: $1, stride: 1, maxPool: 2)
      },
      shortcut: .none, affine: affine, window: 7, hidden: [4096, 4096], classes: 1000)
  }

  /// "Training Very Deep Networks" (Srivastava, Greff and Schmidhuber, 2015), section 4.3.
  ///
  /// That of 19 layers (2.3M parameters) is the one that its authors published as
  /// `examples/highways/cifar10-19layers` of their repository `highway-networks`: in each stage a
  /// plain layer and then highway layers; at the end a 1x1 convolution, the average and a fully
  /// connected layer. Of that of 32 layers the paper gives the depth and the number of parameters,
  /// 1.25M. The stages here are of the same kind, equally deep, with widths that make that number.
  private static func highway(_ name: String, blocks: [Int], widths: [Int]) -> Network {
    Network(
      name: name, stem: .cifar, stemWidth: widths[0], block: oneConvolution,
      stages: zip(blocks, widths).enumerated().map { index, stage in
        Stage(
          blocks: stage.0, width: stage.1, stride: 1, maxPool: index + 1 < widths.count ? 2 : 0)
      },
      shortcut: .gate, affine: .bias, hidden: [100], classes: 10)
  }

  /// FitNet 4 of "FitNets: Hints for Thin Deep Nets" (Romero et al., 2014): 17 convolutions and a
  /// fully connected layer of maxout units, then the classifier.
  ///
  /// Widths and poolings are those of its authors' `yaml/cifar10_fitnet19_all.yaml` in their repository
  /// `FitNets`. There the fully connected layer has units of 5 pieces, which makes 2.7M parameters;
  /// with 2 as everywhere else, as here, they are the 2.5M that both papers give.
  private static let fitNet19 = Network(
    name: "fitnet19", stem: .none, stemWidth: 0, block: oneConvolution,
    stages: [
      Stage(blocks: 3, width: 32, stride: 1), Stage(blocks: 2, width: 48, stride: 1, maxPool: 2),
      Stage(blocks: 6, width: 80, stride: 1, maxPool: 2),
      Stage(blocks: 6, width: 128, stride: 1, maxPool: 8),
    ],
    shortcut: .none, affine: .bias, activation: .maxout(pieces: 2), hidden: [500], classes: 10)

  private static let oneConvolution = Block([Block.Layer(kernel: 3)])
}
