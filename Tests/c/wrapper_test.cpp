// resnet.hpp: every function does its work, failures are exceptions, and handles are owned.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <resnet.hpp>

namespace {

int checks = 0;

void expect(bool condition, const char *what, int line) {
  checks++;
  if (condition) return;
  std::fprintf(stderr, "wrapper_test.cpp:%d: not so: %s\n", line, what);
  std::exit(EXIT_FAILURE);
}
#define EXPECT(condition) expect((condition), #condition, __LINE__)

// The status that a call throws; RN_OK if it throws none.
template <class Call>
rn_status thrown(Call call) {
  try {
    call();
  } catch (const resnet::error &error) {
    return error.what()[0] == '\0' ? RN_OK : error.status();
  }
  return RN_OK;
}

resnet::model small_model(std::int32_t classes = 2) {
  resnet::model_options options;
  options.input_channels = 1;
  options.base_width = 4;
  options.classes = classes;
  options.seed = 7;
  return resnet::model::create("resnet8", options);
}

// Dark and bright grey images of 8 x 8.
struct samples {
  std::vector<std::uint8_t> pixels = std::vector<std::uint8_t>(20 * 64);
  std::vector<std::int32_t> labels = std::vector<std::int32_t>(20);

  samples() {
    for (std::size_t i = 0; i < labels.size(); i++) {
      labels[i] = static_cast<std::int32_t>(i % 2);
      for (std::size_t p = 0; p < 64; p++)
        pixels[i * 64 + p] = static_cast<std::uint8_t>(i % 2 * 150 + (i + p) % 50);
    }
  }
  resnet::images images() const { return resnet::images(pixels, 20, 1, 8, 8); }
  resnet::dataset dataset() const { return resnet::dataset::create(images(), labels, 2); }
};

void test_library() {
  EXPECT(resnet::version() == std::string(rn_version()));
  EXPECT(std::string(resnet::get_isa()).size() > 3);
  const std::int32_t threads = resnet::get_threads();
  resnet::set_threads(1);
  EXPECT(resnet::get_threads() == 1);
  resnet::set_threads(threads);
  resnet::set_winograd(false);
  EXPECT(!resnet::get_winograd());
  resnet::set_winograd(true);
  EXPECT(thrown([] { resnet::set_threads(-1); }) == RN_INVALID_ARGUMENT);
}

void test_handles() {
  resnet::model first = small_model(), second = std::move(first);
  EXPECT(first.get() == nullptr && second.get() != nullptr);
  EXPECT(thrown([&] { first.name(); }) == RN_INVALID_HANDLE);
  rn_model *const handle = second.get();
  first = std::move(second);
  EXPECT(first.get() == handle && second.get() == nullptr);
  first = small_model(3);  // which frees the model it had
  EXPECT(rn_model_save(handle, "freed.h5") == RN_INVALID_HANDLE);
  const resnet::model adopted(first.release());
  EXPECT(adopted.get_info().classes == 3);
}

void test_models() {
  resnet::model model = small_model();
  const rn_model_info info = model.get_info();
  EXPECT(model.name() == "resnet8" && info.classes == 2);
  EXPECT(model.summary(8, 8).find("conv1") != std::string::npos);
  EXPECT(model.layer_name(0) == "input");

  const rn_tensor_info tensor = model.tensor_info(0);
  std::vector<float> values = model.get_tensor(tensor);
  EXPECT(values.size() == 4 * 1 * 3 * 3);
  values[0] = 0.5f;
  model.set_tensor(tensor.name, values);
  EXPECT(model.get_tensor(tensor) == values);
  values.pop_back();
  EXPECT(thrown([&] { model.set_tensor(tensor.name, values); }) == RN_SHAPE_MISMATCH);
  EXPECT(thrown([&] { model.get_tensor("nothing", values); }) == RN_NOT_FOUND);

  EXPECT(model.get_normalization().mean.empty());
  const float mean[] = {100}, scale[] = {0.01f};
  model.set_normalization(mean, scale);
  EXPECT(model.get_normalization().mean == std::vector<float>{100});
  EXPECT(model.get_normalization().scale == std::vector<float>{0.01f});
  model.set_class_names({"dark", "bright"});
  EXPECT(model.class_name(1) == "bright");
  model.set_metadata("licence", "MIT");
  model.set_metadata("author", "nobody");
  model.remove_metadata("author");

  model.save("wrapper_test.h5");
  const samples data;
  const std::vector<float> logits = model.logits(data.images());
  EXPECT(logits.size() == 40);
  EXPECT(resnet::model::load("wrapper_test.h5").logits(data.images()) == logits);
  EXPECT(resnet::model::open("wrapper_test.h5").class_name(0) == "dark");
  EXPECT(resnet::model::open("wrapper_test.h5").metadata("licence") == "MIT");
  EXPECT(resnet::model::open("wrapper_test.h5").metadata_names() ==
         std::vector<std::string>{"licence"});
  EXPECT(thrown([&] { model.metadata("author"); }) == RN_NOT_FOUND);
  EXPECT(thrown([] { resnet::model::load("no such file"); }) == RN_NOT_FOUND);
  EXPECT(model.replace_classifier(5).get_info().classes == 5);
  EXPECT(model.inference_memory(1, 8, 8).total > 0);
  EXPECT(model.training_memory(4, 8, 8).gradients > 0);
  std::remove("wrapper_test.h5");

  const rn_stage stages[] = {{1, 4, 1, 0}, {1, 8, 2, 0}};
  resnet::description description;
  description.stem = RN_STEM_CIFAR;
  description.shortcut = RN_SHORTCUT_A;
  description.input_channels = 1;
  description.stem_width = 4;
  description.classes = 2;
  description.stage_count = 2;
  description.stages = stages;
  EXPECT(resnet::model::create_described(description).name() == "custom");

  resnet::model_options options;
  options.base_width = 4;
  options.stem_pool = RN_STEM_POOL_CEIL;
  const resnet::model pooled = resnet::model::create("resnet18", options);
  EXPECT(pooled.summary(64, 64).find("max pool /2, ceil") != std::string::npos);
}

void test_running() {
  const resnet::model model = small_model();
  const samples data;
  const std::vector<float> probabilities = model.probabilities(data.images());
  EXPECT(std::abs(probabilities[0] + probabilities[1] - 1) < 1e-5f);
  std::vector<float> room(39);
  EXPECT(thrown([&] { model.logits(data.images(), room); }) == RN_BUFFER_TOO_SMALL);
  EXPECT(thrown([&] { model.probabilities(data.images(), room); }) == RN_BUFFER_TOO_SMALL);
  const std::vector<std::int32_t> labels = model.predict(data.images());
  EXPECT(labels.size() == 20 && labels[0] == (probabilities[1] > probabilities[0] ? 1 : 0));
  EXPECT(model.view_probabilities(data.images()) == probabilities);
  EXPECT(model.feature_shape("avgpool", 8, 8).count == 16);
  EXPECT(model.features(data.images(), "avgpool").size() == 20 * 16);
  EXPECT(thrown([&] { model.features(data.images(), "nothing"); }) == RN_NOT_FOUND);

  EXPECT(thrown([&] { resnet::images(data.pixels, 21, 1, 8, 8); }) == RN_SHAPE_MISMATCH);
  EXPECT(thrown([&] { resnet::images(data.pixels, -1, 1, 8, 8); }) == RN_INVALID_ARGUMENT);
  EXPECT(thrown([&] { resnet::images(data.pixels, std::int64_t(1) << 40, 1 << 20, 1 << 20, 8); }) ==
         RN_INVALID_ARGUMENT);
}

void test_images() {
  std::vector<std::uint8_t> bytes(6 * 8 * 3);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t(0));
  const resnet::image image = resnet::image::create(bytes, 6, 8, 3);
  EXPECT(image.pixels(RN_INTERLEAVED) == bytes);
  EXPECT(image.pixels()[1] == 3);
  EXPECT(image.resize(3, 4).get_info().width == 4);
  EXPECT(image.crop(1, 2, 2, 2).pixels(RN_INTERLEAVED)[0] == bytes[(8 + 2) * 3]);
  EXPECT(image.centre(0, 4, RN_BICUBIC).pixels().size() == 48);
  EXPECT(thrown([&] { resnet::image::create(bytes, 6, 8, 1); }) == RN_SHAPE_MISMATCH);
  EXPECT(thrown([&] { resnet::image::decode(bytes); }) == RN_BAD_FORMAT);
  EXPECT(thrown([] { resnet::image::read("no such file"); }) == RN_NOT_FOUND);

  const std::vector<float> plane(16, 2);
  EXPECT(resnet::resize_planes(plane, 1, 4, 4, 2, 2) == std::vector<float>(4, 2));
  EXPECT(thrown([&] { resnet::resize_planes(plane, 2, 4, 4, 2, 2); }) == RN_SHAPE_MISMATCH);
}

void test_datasets() {
  const samples data;
  const resnet::dataset dataset = data.dataset();
  EXPECT(dataset.get_info().count == 20 && dataset.class_name(0).empty());
  const resnet::batch batch = dataset.read(3, 2);
  EXPECT(batch.labels == (std::vector<std::int32_t>{1, 0}));
  EXPECT(batch.pixels.size() == 128 && batch.pixels[0] == static_cast<float>(data.pixels[3 * 64]));
  EXPECT(dataset.read_varied(3, 2, 0, 0).pixels == batch.pixels);
  EXPECT(thrown([&] { dataset.read(0, 21); }) == RN_INVALID_ARGUMENT);
  const auto parts = dataset.split(5, 1);
  EXPECT(parts.first.get_info().count == 15 && parts.second.get_info().count == 5);
  const resnet::calibration calibration = dataset.calibrate();
  EXPECT(calibration.count == 20 && !calibration.has_colour && calibration.mean[0] > 50);
  EXPECT(calibration.per_pixel_mean.size() == 64 && calibration.standard_deviation[0] > 50);
  const std::vector<std::int32_t> few(data.labels.begin(), data.labels.end() - 1);
  EXPECT(thrown([&] { resnet::dataset::create(data.images(), few, 2); }) == RN_SHAPE_MISMATCH);

  EXPECT(thrown([] { resnet::dataset::open_cifar10("nothing", true); }) == RN_NOT_FOUND);
  EXPECT(thrown([] { resnet::dataset::open_cifar100("nothing", false); }) == RN_NOT_FOUND);
  EXPECT(thrown([] { resnet::dataset::open_idx("nothing", "nothing"); }) == RN_NOT_FOUND);
  EXPECT(thrown([] { resnet::dataset::open_hdf5("nothing"); }) == RN_NOT_FOUND);
  EXPECT(thrown([] { resnet::dataset::open_folder("nothing"); }) == RN_NOT_FOUND);
  EXPECT(thrown([] { resnet::dataset::open_list("nothing"); }) == RN_NOT_FOUND);

  resnet::image_options skipping = resnet::image_options::common();
  skipping.damage = RN_DAMAGE_SKIP;
  const std::vector<std::int32_t> labels = {0, 1};
  resnet::dataset files =
      resnet::dataset::open_files({"gone.jpg", "lost.png"}, labels, 2, skipping);
  files.verify();
  EXPECT(files.damaged_count() == 2);
  EXPECT(files.damaged()[1].path == "lost.png" && !files.damaged()[0].reason.empty());
  EXPECT(resnet::image_options::published().variation == RN_VARIATION_SCALED);
}

void test_training() {
  const samples data;
  const resnet::dataset dataset = data.dataset();
  resnet::model model = small_model();
  resnet::trainer trainer(model);
  trainer.set_learning_rate(0.05f);
  EXPECT(trainer.get_learning_rate() == 0.05f);
  EXPECT(trainer.step(data.images(), data.labels) > 0);
  EXPECT(trainer.iterations() == 1);
  trainer.freeze({"conv1", "bn1"});
  trainer.freeze({});
  EXPECT(thrown([&] { trainer.freeze({"nothing"}); }) == RN_NOT_FOUND);
  const resnet::communicator nobody;
  EXPECT(thrown([&] { trainer.distribute(&nobody); }) == RN_INVALID_ARGUMENT);
  trainer.distribute(nullptr);

  resnet::fit_options options;
  options.epochs = 5;
  options.batch_size = 10;
  int calls = 0;
  EXPECT(trainer.fit(dataset, &dataset, options, [&](const rn_progress &now) {
    calls += now.epoch_ended;
    return false;
  }));
  EXPECT(calls == 5);
  EXPECT(trainer.history().empty());
  EXPECT(!trainer.fit(dataset, nullptr, options,
                      [](const rn_progress &now) { return bool(now.epoch_ended); }));
  trainer.save("checkpoint.h5");
  auto [kept, resumed] = resnet::trainer::load("checkpoint.h5");
  EXPECT(resumed.history().size() == 1 && resumed.history()[0].iteration == trainer.iterations());
  EXPECT(resumed.history()[0].loss == trainer.history()[0].loss);
  EXPECT(resumed.iterations() == trainer.iterations());
  options.resume = 1;
  EXPECT(trainer.fit(dataset, nullptr, options) && resumed.fit(dataset, nullptr, options));
  EXPECT(kept.logits(data.images()) == model.logits(data.images()));
  EXPECT(thrown([&] { trainer.fit(dataset, nullptr, options); }) == RN_INVALID_ARGUMENT);
  options.resume = 0;
  bool caught = false;
  try {
    trainer.fit(dataset, nullptr, options,
                [](const rn_progress &) -> bool { throw std::out_of_range("the callback's own"); });
  } catch (const std::out_of_range &) {
    caught = true;
  }
  EXPECT(caught);
  EXPECT(thrown([&] { trainer.fit(dataset); }) == RN_INVALID_ARGUMENT);  // 128 of 20 images

  model.recompute_statistics(dataset, 10);
  EXPECT(model.evaluate(dataset).count == 20);
  const resnet::figures figures = model.evaluate_by_class(dataset);
  EXPECT(std::accumulate(figures.confusion.begin(), figures.confusion.end(), std::int64_t(0)) ==
         20);
  EXPECT(model.test(dataset).metrics.accuracy == figures.metrics.accuracy);
  EXPECT(resnet::class_figures(figures.confusion, 2).recall.size() == 2);
  EXPECT(thrown([&] { resnet::class_figures(figures.confusion, 3); }) == RN_SHAPE_MISMATCH);
  const std::vector<resnet::response> responses = model.responses(dataset);
  EXPECT(responses.size() == 7 && responses[0].layer == "bn1" && responses[0].deviation > 0);

  const resnet::recipe recipe = resnet::recipe_get("cifar");
  EXPECT(recipe.validation_images == 5000 && recipe.fit.iterations == 64000);
  EXPECT(resnet::recipe_describe("imagenet").size() > 100);
  EXPECT(thrown([] { resnet::recipe_get("nothing"); }) == RN_NOT_FOUND);
}

void test_watching() {
  const samples data;
  const resnet::dataset dataset = data.dataset();
  resnet::model model = small_model();
  int steps = 0;
  {
    const resnet::step_watcher watcher([&](const rn_step &step) {
      steps++;
      return step.what == std::string("training");
    });
    resnet::fit_options options;
    options.batch_size = 10;
    EXPECT(!resnet::trainer(model).fit(dataset, nullptr, options));
    EXPECT(thrown([&] { model.recompute_statistics(dataset, 10); }) == RN_OK);
  }
  EXPECT(steps >= 2);
  const int before = steps;
  model.recompute_statistics(dataset, 10);
  EXPECT(steps == before);

  bool caught = false;
  try {
    const resnet::step_watcher watcher(
        [](const rn_step &) -> bool { throw std::out_of_range("the callback's own"); });
    model.recompute_statistics(dataset, 10);
  } catch (const std::out_of_range &) {
    caught = true;
  }
  EXPECT(caught);

  int outer_calls = 0, inner_calls = 0;
  const resnet::step_watcher outer([&](const rn_step &) { return outer_calls++ < 0; });
  {
    const resnet::step_watcher inner([&](const rn_step &) -> bool {
      inner_calls++;
      throw std::out_of_range("dropped, as no function of resnet.hpp was called");
    });
    EXPECT(rn_model_recompute_statistics(model.get(), dataset.get(), 10, 0, 0) == RN_CANCELLED);
    EXPECT(resnet::get_threads() >= 1);
  }
  EXPECT(inner_calls == 1 && outer_calls == 0);
  model.recompute_statistics(dataset, 10);
  EXPECT(outer_calls >= 1);

  std::string log;
  resnet::set_log(RN_LOG_INFO, [&](rn_log_level, const char *message) { log += message; });
  model.save("wrapper_test.h5");
  EXPECT(log.find("wrapper_test.h5") != std::string::npos);
  resnet::set_log(RN_LOG_INFO, [](rn_log_level, const char *) { throw 1; });
  model.save("wrapper_test.h5");
  resnet::set_log(RN_LOG_INFO, nullptr);
  const std::string silent = log;
  model.save("wrapper_test.h5");
  EXPECT(log == silent);
  std::remove("wrapper_test.h5");
}

void test_spans() {
  std::vector<int> values = {1, 2, 3};
  const resnet::span<int> all(values);
  const resnet::span<const int> constant = values;
  all[1] = 5;
  EXPECT(constant[1] == 5 && constant.size() == 3 && resnet::span<int>().empty());
  EXPECT(std::accumulate(constant.begin(), constant.end(), 0) == 9);
  static_assert(!std::is_convertible<const std::vector<int> &, resnet::span<int>>::value,
                "constant values stay so");
  static_assert(!std::is_convertible<std::vector<double> &, resnet::span<const int>>::value,
                "values are not converted");
  static_assert(!std::is_convertible<std::vector<float>, resnet::span<float>>::value,
                "results do not go where nobody can read them");
  static_assert(std::is_convertible<resnet::span<float>, resnet::span<const float>>::value &&
                    std::is_convertible<resnet::span<float> &&, resnet::span<float>>::value,
                "spans are values");
  static_assert(!std::is_copy_constructible<resnet::model>::value, "one owner a handle");
}

std::vector<float> values(const resnet::model &model, const std::string &name, std::size_t count) {
  std::vector<float> result(count);
  model.get_tensor(name, result);
  return result;
}

// Weights come back, and a report says what did not fit.
void test_exchange() {
  const auto source = small_model();
  source.export_to("weights.safetensors");
  source.export_to("weights.bin", RN_FORMAT_TORCH);
  resnet::import_options plain;
  plain.plain = 1;
  const auto classifier = values(source, "fc.weight", 2 * 16);
  EXPECT(values(resnet::model::import_from("weights.bin"), "fc.weight", 2 * 16) == classifier);
  EXPECT(resnet::model::import_from("weights.bin", plain).name() == "plain8");
  std::ifstream file("weights.safetensors", std::ios::binary);
  const std::vector<char> content{std::istreambuf_iterator<char>(file), {}};
  const std::vector<std::uint8_t> bytes(content.begin(), content.end());
  const auto copy = resnet::model::import_bytes(bytes);
  EXPECT(values(copy, "fc.weight", 2 * 16) == classifier);
  EXPECT(copy.get_import_report().imported == copy.get_info().tensors);
  EXPECT(copy.get_import_report().notes.empty());

  auto target = small_model(3);
  EXPECT(thrown([&] { target.import_weights("weights.bin"); }) == RN_SHAPE_MISMATCH);
  target.import_weights("weights.bin", true);
  const auto report = target.get_import_report();
  EXPECT(report.format == RN_FORMAT_TORCH);
  EXPECT(report.imported == target.get_info().tensors - 2 && report.notes.size() == 2);
  EXPECT(report.notes[0].kind == RN_NOTE_MISMATCHED && report.notes[0].name == "fc.weight");
  EXPECT(report.notes[1].reason == "has shape (2), expected (3)");
  target.import_weights_bytes(bytes, true);
  EXPECT(target.get_import_report().format == RN_FORMAT_SAFETENSORS);
  EXPECT(thrown([&] { target.import_weights_bytes({}); }) == RN_BAD_FORMAT);
  EXPECT(thrown([&] { source.export_to("weights.txt"); }) == RN_INVALID_ARGUMENT);
}

// A zero byte would end a string early for the library, and name another file, tensor or class.
void test_zero_bytes() {
  using namespace std::string_literals;
  const auto cut = "resnet8\0x"s;
  EXPECT(thrown([&] { resnet::model::create(cut); }) == RN_INVALID_ARGUMENT);
  auto model = small_model();
  EXPECT(thrown([&] { model.save(cut); }) == RN_INVALID_ARGUMENT);
  EXPECT(thrown([&] { model.export_to(cut, RN_FORMAT_TORCH); }) == RN_INVALID_ARGUMENT);
  EXPECT(thrown([&] { model.import_weights(cut); }) == RN_INVALID_ARGUMENT);
  EXPECT(thrown([&] { resnet::model::import_from(cut); }) == RN_INVALID_ARGUMENT);
  std::ifstream written("resnet8");
  EXPECT(!written.is_open());
  EXPECT(thrown([&] { model.set_class_names({"dark", cut}); }) == RN_INVALID_ARGUMENT);
  try {
    model.save(cut);
  } catch (const resnet::error &error) {
    EXPECT(std::string(error.what()).find("zero byte, at 7 of 9") != std::string::npos);
  }
}

}  // namespace

int main() {
  test_library();
  test_handles();
  test_models();
  test_running();
  test_images();
  test_datasets();
  test_training();
  test_watching();
  test_spans();
  test_exchange();
  test_zero_bytes();
  std::printf("wrapper_test: %d checks passed\n", checks);
}
