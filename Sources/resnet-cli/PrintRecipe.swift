import ArgumentParser
import ResNet
import ResNetData

struct PrintRecipe: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recipe", abstract: "Print what a recipe of the paper is.",
    discussion: """
      Recipes are \(Recipe.all.map(\.name).joined(separator: ", ")).

          resnet recipe cifar
      """)

  @Argument(help: "Its name, such as cifar.", completion: .list(Recipe.all.map(\.name)))
  var name: String

  func run() throws {
    print(try Recipe.named(name), terminator: "")
  }
}
