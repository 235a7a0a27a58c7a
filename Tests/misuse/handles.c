#include "handles.h"

#include <stdio.h>
#include <stdlib.h>

#include "fixture.h"

enum { IMAGES = 8, SIDE = 8, CLASSES = 2, MOST = 1 << 16 };

/* What the test itself needs must work, whatever was misused before. */
#define NEED(call) need((call), #call)
static void need(rn_status status, const char *what) {
  if (status == RN_OK) return;
  printf("%s: %s: %s\n", what, rn_status_string(status), rn_last_error());
  exit(EXIT_FAILURE);
}

static rn_model *make_model(void) {
  const rn_stage stages[2] = {{1, 4, 1, 0}, {1, 8, 2, 0}};
  const float mean = 0.5f, scale = 2;
  rn_description description = RN_DESCRIPTION_INIT;
  description.stem = RN_STEM_CIFAR;
  description.shortcut = RN_SHORTCUT_B;
  description.input_channels = 1;
  description.stem_width = 4;
  description.classes = CLASSES;
  description.stage_count = 2;
  description.stages = stages;
  rn_model *model = NULL;
  NEED(rn_model_create_described(&description, &model));
  NEED(rn_model_set_normalization(model, &mean, 1, 0, 0, &scale, 1));
  NEED(rn_model_set_metadata(model, "author", "nobody"));
  return model;
}

static rn_dataset *make_dataset(void) {
  static float pixels[IMAGES * SIDE * SIDE];
  static int32_t labels[IMAGES];
  for (int i = 0; i < IMAGES * SIDE * SIDE; i++) pixels[i] = (float)(i * 7 % 31) / 31;
  for (int i = 0; i < IMAGES; i++) labels[i] = i % CLASSES;
  rn_images images = RN_IMAGES_F32(pixels, IMAGES, 1, SIDE, SIDE);
  rn_dataset *dataset = NULL;
  NEED(rn_dataset_create(&images, labels, CLASSES, &dataset));
  return dataset;
}

/* A model that got of other weights what fits. */
static rn_model *make_imported(rn_model *other) {
  rn_model *model = NULL;
  NEED(rn_model_replace_classifier(other, CLASSES + 1, 0, &model));
  NEED(rn_model_import_weights(model, "weights.safetensors", 1));
  return model;
}

static rn_image *make_image(void) {
  static const uint8_t pixels[SIDE * SIDE * 3] = {1, 2, 3};
  rn_image *image = NULL;
  NEED(rn_image_create(pixels, SIDE, SIDE, 3, &image));
  return image;
}

static rn_dataset *make_damaged(void) {
  static const char *const paths[2] = {"image.png", "missing.png"};
  static const int32_t labels[2] = {0, 1};
  rn_image_options options = RN_IMAGE_OPTIONS_INIT;
  options.damage = RN_DAMAGE_SKIP;
  rn_dataset *dataset = NULL;
  NEED(rn_dataset_open_files(paths, labels, 2, CLASSES, &options, &dataset));
  NEED(rn_dataset_verify(dataset));
  return dataset;
}

static size_t read_file(const char *path, unsigned char *bytes, size_t capacity) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    exit(EXIT_FAILURE);
  }
  const size_t size = fread(bytes, 1, capacity, file);
  fclose(file);
  return size;
}

/* Files that lie in memory. */
static void read_files(rn_model *model) {
  static unsigned char image[MOST], weights[1 << 17];
  fixture.file = image;
  fixture.file_size = read_file("image.png", image, sizeof image);
  NEED(rn_model_export(model, "weights.safetensors", RN_FORMAT_AUTO));
  fixture.weights = weights;
  fixture.weights_size = read_file("weights.safetensors", weights, sizeof weights);
}

void make_handles(void) {
  static int is_new = 1;
  if (is_new) {
    is_new = 0;
    fixture.damaged = make_damaged();
    fixture.freed_model = make_model();
    NEED(rn_trainer_create(fixture.freed_model, NULL, &fixture.freed_trainer));
    fixture.freed_dataset = make_dataset();
    fixture.freed_image = make_image();
    NEED(rn_trainer_free(fixture.freed_trainer));
    NEED(rn_model_free(fixture.freed_model));
    NEED(rn_dataset_free(fixture.freed_dataset));
    NEED(rn_image_free(fixture.freed_image));
    rn_model *model = make_model();
    NEED(rn_model_save(model, "model.h5"));
    rn_trainer *trainer = NULL;
    NEED(rn_trainer_create(model, NULL, &trainer));
    NEED(rn_trainer_save(trainer, "checkpoint.h5"));
    NEED(rn_trainer_free(trainer));
    read_files(model);
    fixture.imported = make_imported(model);
    NEED(rn_model_free(model));
  }
  /* Some of these the last call has freed. */
  rn_trainer_free(fixture.trainer);
  rn_model_free(fixture.model);
  rn_dataset_free(fixture.dataset);
  rn_image_free(fixture.image);
  fixture.model = make_model();
  NEED(rn_trainer_create(fixture.model, NULL, &fixture.trainer));
  fixture.dataset = make_dataset();
  fixture.image = make_image();
  NEED(rn_set_threads(2));
  NEED(rn_set_step_callback(NULL, NULL));
  NEED(rn_set_log(RN_LOG_WARNING, NULL, NULL));
  fixture.names[0] = "first";
  fixture.names[1] = "second";
  fixture.paths[0] = fixture.paths[1] = "image.png";
  fixture.layers[0] = "conv1";
  for (int i = 0; i < 4; i++) {
    fixture.numbers[i] = 8 + i;
    fixture.longs[i] = 1 + i;
    if (i >= 2) continue;
    fixture.new_model[i] = NULL;
    fixture.new_trainer[i] = NULL;
    fixture.new_dataset[i] = NULL;
    fixture.new_image[i] = NULL;
  }
}

/* ---- What a call has made -------------------------------------------------------------------- */

static void use_model(rn_model *model) {
  static float scores[MOST];
  static const float pixels[4 * 4 * 4];
  rn_model_info info = RN_MODEL_INFO_INIT;
  NEED(rn_model_get_info(model, &info));
  rn_images images = RN_IMAGES_F32(pixels, 1, info.input_channels, 4, 4);
  if (info.input_channels <= 4) rn_model_logits(model, &images, scores, MOST);
  NEED(rn_model_free(model));
}

static void use_dataset(rn_dataset *dataset) {
  static float pixels[MOST];
  int32_t labels[2];
  int64_t count = 0;
  rn_dataset_info info = RN_DATASET_INFO_INIT;
  NEED(rn_dataset_get_info(dataset, &info));
  rn_dataset_read(dataset, 0, 1, pixels, MOST, labels, 2);
  rn_dataset_read(dataset, 0, 1, NULL, 0, labels, 2);
  rn_dataset_read_varied(dataset, 0, 2, 1, 0, pixels, MOST, labels, 2);
  NEED(rn_dataset_damaged_count(dataset, &count));
  NEED(rn_dataset_free(dataset));
}

static void use_trainer(rn_trainer *trainer) {
  float pixels[2 * SIDE * SIDE] = {1, 2, 3};
  const int32_t labels[2] = {0, 1};
  double loss = 0;
  rn_images images = RN_IMAGES_F32(pixels, 2, 1, SIDE, SIDE);
  rn_trainer_step(trainer, &images, labels, &loss);
  NEED(rn_trainer_free(trainer));
}

static void use_image(rn_image *image) {
  static uint8_t pixels[MOST];
  rn_image_info info = RN_IMAGE_INFO_INIT;
  NEED(rn_image_get_info(image, &info));
  rn_image_pixels(image, RN_PLANAR, pixels, MOST);
  NEED(rn_image_free(image));
}

void use_new_handles(int succeeded) {
  for (int i = 0; i < 2; i++) {
    const int is_any = fixture.new_model[i] || fixture.new_trainer[i] || fixture.new_dataset[i] ||
                       fixture.new_image[i];
    if (is_any && !succeeded) need(RN_INVALID_ARGUMENT, "a call failed and made a handle");
    if (fixture.new_model[i]) use_model(fixture.new_model[i]);
    if (fixture.new_trainer[i]) use_trainer(fixture.new_trainer[i]);
    if (fixture.new_dataset[i]) use_dataset(fixture.new_dataset[i]);
    if (fixture.new_image[i]) use_image(fixture.new_image[i]);
  }
}

void use_settings(void) {
  rn_metrics metrics = RN_METRICS_INIT;
  rn_fit_options options = RN_FIT_OPTIONS_INIT;
  options.batch_size = 2;
  rn_trainer_fit(fixture.trainer, fixture.dataset, fixture.dataset, &options);
  rn_model_evaluate(fixture.model, fixture.dataset, &metrics);
  rn_dataset_verify(fixture.damaged);
  rn_model_save(fixture.model, "saved.h5");
}

/* ---- What is never misused ------------------------------------------------------------------- */

static rn_model *canary;
static float canary_scores[CLASSES];

static size_t save_canary(unsigned char *bytes) {
  NEED(rn_model_save(canary, "canary.h5"));
  FILE *file = fopen("canary.h5", "rb");
  if (file == NULL) return 0;
  const size_t count = fread(bytes, 1, MOST, file);
  fclose(file);
  return count;
}

static void score(float *scores) {
  float pixels[SIDE * SIDE];
  for (int i = 0; i < SIDE * SIDE; i++) pixels[i] = (float)(i % 5);
  rn_images image = RN_IMAGES_F32(pixels, 1, 1, SIDE, SIDE);
  NEED(rn_set_winograd(1));
  NEED(rn_model_logits(canary, &image, scores, CLASSES));
}

static unsigned char canary_bytes[MOST];
static size_t canary_size;

void begin_canary(void) {
  canary = make_model();
  canary_size = save_canary(canary_bytes);
  score(canary_scores);
}

int is_canary_alive(void) {
  static unsigned char bytes[MOST];
  float scores[CLASSES];
  score(scores);
  return canary_size > 0 && save_canary(bytes) == canary_size &&
         memcmp(bytes, canary_bytes, canary_size) == 0 &&
         memcmp(scores, canary_scores, sizeof scores) == 0;
}
