/* One round of the soak test: training, saving, loading, evaluating and reading images, in changing
 * sizes; and calls that fail. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soak.h"

enum { CLASSES = 2, IMAGES = 48, SIDE = 24, CROP = 32 };

/* FNV-1a of everything that a round computes. */
static uint64_t hash;

static void add(const void *bytes, size_t count) {
  const uint8_t *at = bytes;
  for (size_t i = 0; i < count; i++) hash = (hash ^ at[i]) * 0x100000001b3u;
}

static rn_model *make_model(void) {
  const rn_stage stages[3] = {{1, 8, 1, 0}, {1, 16, 2, 0}, {1, 32, 2, 0}};
  rn_description description = RN_DESCRIPTION_INIT;
  description.stem = RN_STEM_CIFAR;
  description.shortcut = RN_SHORTCUT_B;
  description.input_channels = 3;
  description.stem_width = 8;
  description.classes = CLASSES;
  description.stage_count = 3;
  description.stages = stages;
  description.seed = 7;
  rn_model *model = NULL;
  OK(rn_model_create_described(&description, &model));
  return model;
}

static rn_dataset *make_dataset(void) {
  enum { COUNT = IMAGES * 3 * SIDE * SIDE };
  uint8_t *pixels = malloc(COUNT);
  int32_t labels[IMAGES];
  REQUIRE(pixels != NULL);
  uint32_t noise = 3;
  for (int i = 0; i < IMAGES; i++) labels[i] = i % CLASSES;
  for (int i = 0; i < COUNT; i++) {
    noise = noise * 1664525u + 1013904223u;
    pixels[i] = (uint8_t)((noise >> 25) + (labels[i / (3 * SIDE * SIDE)] ? i % SIDE * 4 : 20));
  }
  rn_images images = RN_IMAGES_U8(pixels, IMAGES, 3, SIDE, SIDE);
  rn_dataset *dataset = NULL;
  OK(rn_dataset_create(&images, labels, CLASSES, &dataset));
  free(pixels);
  return dataset;
}

static int keep_going(const rn_progress *progress, void *user) {
  ++*(int *)user;
  add(&progress->loss, sizeof progress->loss);
  return 0;
}

static void train(rn_model *model, rn_dataset *dataset, rn_dataset *validation, int workers,
                  int pad) {
  int calls = 0;
  rn_trainer *trainer = NULL;
  rn_fit_options options = RN_FIT_OPTIONS_INIT;
  options.batch_size = 8;
  options.normalize = RN_NORMALIZE_CHANNELS; /* images come in many sizes */
  options.epochs = 2;
  options.pad = pad;
  options.mirror = pad != 0;
  options.workers = workers;
  options.progress = keep_going;
  options.user = &calls;
  OK(rn_trainer_create(model, NULL, &trainer));
  OK(rn_trainer_set_learning_rate(trainer, 0.01f));
  OK(rn_trainer_fit(trainer, dataset, validation, &options));
  REQUIRE(calls > 0);
  options.batch_size = 0;
  EXPECT(RN_INVALID_ARGUMENT, rn_trainer_fit(trainer, dataset, validation, &options));
  OK(rn_trainer_free(trainer));
}

static void evaluate(rn_model *model, rn_dataset *dataset) {
  rn_metrics metrics = RN_METRICS_INIT;
  int64_t confusion[CLASSES * CLASSES];
  OK(rn_model_evaluate_by_class(model, dataset, &metrics, confusion, CLASSES * CLASSES));
  add(&metrics, sizeof metrics);
  add(confusion, sizeof confusion);
}

/* Scores of images of sizes that come in turn. */
static void run(rn_model *model) {
  enum { MOST = 64 };
  static float pixels[4 * 3 * MOST * MOST];
  for (int i = 0; i < 4 * 3 * MOST * MOST; i++) pixels[i] = (float)(i % 251) / 251.0f;
  for (int side = 8; side <= MOST; side += 8) {
    int count = 1 + side / 8 % 4;
    float scores[4 * CLASSES], features[4 * 32];
    rn_images images = RN_IMAGES_F32(pixels, count, 3, side, MOST - side + 8);
    OK(rn_model_probabilities(model, &images, scores, 4 * CLASSES));
    add(scores, (size_t)count * CLASSES * sizeof *scores);
    OK(rn_model_features(model, &images, "avgpool", features, 4 * 32));
    add(features, (size_t)count * 32 * sizeof *features);
    EXPECT(RN_BUFFER_TOO_SMALL, rn_model_logits(model, &images, scores, 1));
  }
}

/* Saves a model, and reads it back in both ways. */
static void store(rn_model *model, rn_dataset *dataset, const char *folder) {
  char path[512];
  rn_model *loaded = NULL, *opened = NULL, *changed = NULL;
  snprintf(path, sizeof path, "%s/model.h5", folder);
  OK(rn_model_save(model, path));
  OK(rn_model_load(path, &loaded));
  OK(rn_model_open(path, &opened));
  evaluate(loaded, dataset);
  evaluate(opened, dataset);
  run(opened);
  OK(rn_model_replace_classifier(loaded, 5, 1, &changed));
  OK(rn_model_free(loaded));
  OK(rn_model_free(opened));
  OK(rn_model_free(changed));
  EXPECT(RN_INVALID_HANDLE, rn_model_save(opened, path));
  snprintf(path, sizeof path, "%s/0/0.png", folder);
  EXPECT(RN_BAD_FORMAT, rn_model_load(path, &loaded));
}

static void read_images(const char *folder, rn_model *model) {
  char path[512];
  for (int i = 0; i < 12; i++) {
    rn_image *image = NULL, *resized = NULL, *part = NULL;
    rn_image_info info = RN_IMAGE_INFO_INIT;
    snprintf(path, sizeof path, "%s/%d/%d.%s", folder, i % 2, i, i % 3 == 0 ? "png" : "jpg");
    OK(rn_image_read(path, 3, 0, &image));
    OK(rn_image_get_info(image, &info));
    OK(rn_image_resize(image, info.width, info.height / 2 + i, RN_BICUBIC, &resized));
    OK(rn_image_centre(resized, 0, CROP - 12, RN_BILINEAR, &part));
    static uint8_t pixels[3 * CROP * CROP];
    OK(rn_image_pixels(part, RN_PLANAR, pixels, sizeof pixels));
    add(pixels, 3 * (CROP - 12) * (CROP - 12));
    rn_images images = RN_IMAGES_U8(pixels, 1, 3, CROP - 12, CROP - 12);
    const int32_t scales[2] = {CROP, CROP + 8};
    rn_test_options views = RN_TEST_OPTIONS_INIT;
    views.views = RN_VIEWS_MULTI_SCALE;
    views.scales = scales;
    views.scale_count = 2;
    views.mirror = 1;
    float scores[CLASSES];
    OK(rn_model_view_probabilities(model, &images, &views, scores, CLASSES));
    add(scores, sizeof scores);
    OK(rn_image_free(image));
    OK(rn_image_free(resized));
    OK(rn_image_free(part));
  }
  rn_image *image = NULL;
  snprintf(path, sizeof path, "%s/damaged.png", folder);
  EXPECT(RN_BAD_FORMAT, rn_image_read(path, 3, 0, &image));
}

/* Trains on files that several threads decode, some of which is damaged. */
static void train_on_files(const char *folder) {
  char list[13][512];
  const char *paths[13];
  int32_t labels[13];
  for (int i = 0; i < 12; i++) {
    snprintf(list[i], sizeof list[i], "%s/%d/%d.%s", folder, i % 2, i, i % 3 == 0 ? "png" : "jpg");
    labels[i] = i % 2;
  }
  snprintf(list[12], sizeof list[12], "%s/damaged.png", folder);
  labels[12] = 0;
  for (int i = 0; i < 13; i++) paths[i] = list[i];
  rn_image_options options = RN_IMAGE_OPTIONS_COMMON;
  options.crop = CROP;
  options.resize = CROP + 4;
  options.damage = RN_DAMAGE_SKIP;
  rn_dataset *dataset = NULL, *training = NULL, *validation = NULL;
  OK(rn_dataset_open_files(paths, labels, 13, CLASSES, &options, &dataset));
  OK(rn_dataset_verify(dataset));
  int64_t damaged = 0;
  OK(rn_dataset_damaged_count(dataset, &damaged));
  REQUIRE(damaged == 1);
  OK(rn_dataset_split(dataset, 3, 5, &training, &validation));
  rn_model *model = make_model();
  train(model, training, validation, 3, 0);
  evaluate(model, dataset);
  OK(rn_model_free(model));
  OK(rn_dataset_free(dataset));
  OK(rn_dataset_free(training));
  OK(rn_dataset_free(validation));
}

uint64_t do_round(const char *folder) {
  hash = 0xcbf29ce484222325u;
  rn_dataset *dataset = make_dataset();
  rn_model *model = make_model();
  train(model, dataset, dataset, 2, 2);
  evaluate(model, dataset);
  OK(rn_model_recompute_statistics(model, dataset, 16, 0, 1));
  double mean[3];
  rn_calibration calibration = RN_CALIBRATION_INIT;
  calibration.mean = mean;
  calibration.channel_capacity = 3;
  OK(rn_dataset_calibrate(dataset, 0, 1, &calibration));
  add(mean, sizeof mean);
  run(model);
  store(model, dataset, folder);
  read_images(folder, model);
  OK(rn_model_free(model));
  OK(rn_dataset_free(dataset));
  train_on_files(folder);
  return hash;
}
