import ResNet
import ResNetData

/// Warns of what a training of a network on some images can hardly be meant to be. A network that is not new is a
/// given model's.
func advise(on images: any TrainingData, _ network: Network, isNew: Bool) {
  if images.classes == 1 {
    warn("all images are of one class, so there is nothing to tell apart")
  }
  if network.classes > images.classes {
    warn(
      "\(network.name) has \(network.classes) classes, the images \(images.classes): its other outputs "
        + "have no images to learn from, and none of its classes gets a name; leave --classes out")
  }
  let (made, given) = (network.publishedExtent, images.extent)
  let times = Double(given.height * given.width) / Double(made.height * made.width)
  // Twice in both directions may be meant.
  if network.stem == .cifar, times > 4 {
    warn(
      "\(network.name) is made for images of \(made), these are \(given), \(fixed(times, decimals: 0)) "
        + "times the work; --crop and --resize see them smaller"
        + (isNew ? ", and --network resnet18 is made for 224x224" : ""))
  }
}
