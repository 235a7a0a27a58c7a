// Classifies images: prints the class that a model finds most probable, and how probable it is.
//
//   classify model.h5 image.jpg ...
//
// Images are JPEG and PNG files. An ImageNet model sees the middle of each as the paper does (the
// shorter side resized to 256, of that 224 x 224), other models see the image as it is. Compile
// with: c++ -std=c++17 classify.cpp -lresnet -o classify
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <resnet.hpp>

namespace {

// Reads a file as the model sees it.
resnet::image read_view(const char *path, const rn_model_info &model) {
  resnet::image image = resnet::image::read(path, model.input_channels);
  return model.input_height == 224 ? image.centre(256, 224) : std::move(image);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: classify MODEL.h5 IMAGE.jpg ...\n");
    return EXIT_FAILURE;
  }
  const char *what = argv[1];
  try {
    const resnet::model model = resnet::model::open(what);
    const rn_model_info info = model.get_info();
    for (int i = 2; i < argc; i++) {
      what = argv[i];
      const resnet::image view = read_view(what, info);
      const rn_image_info size = view.get_info();
      const std::vector<float> probabilities = model.probabilities(
          resnet::images(view.pixels(), 1, size.channels, size.height, size.width));

      const auto best = std::max_element(probabilities.begin(), probabilities.end());
      const auto label = static_cast<std::int32_t>(best - probabilities.begin());
      std::string name = model.class_name(label);
      if (name.empty()) name = std::to_string(label);
      std::printf("%s: %s %.4f\n", what, name.c_str(), static_cast<double>(*best));
    }
  } catch (const resnet::error &error) {
    std::fprintf(stderr, "classify: %s: %s: %s\n", what, rn_status_string(error.status()),
                 error.what());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
