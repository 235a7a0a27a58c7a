import ArgumentParser
import ResNet
import ResNetData

struct PrintRecipe: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recipe", abstract: "Print what a recipe of the paper is.")

  @Argument(help: "Its name, such as cifar.")
  var name: String

  func run() throws {
    print(try Recipe.named(name), terminator: "")
  }
}
