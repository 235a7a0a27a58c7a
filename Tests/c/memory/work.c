/* The work that is tried: every kind of call, on handles that all parts of the test share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

const char *image_path;
float pixels[COUNT * 3 * SIDE * SIDE];
int32_t labels[COUNT];
atomic_long failures;

rn_model *model;
rn_trainer *trainer;
rn_dataset *dataset, *files;

int allowed(rn_status status, const char *what) {
  if (status == RN_OK) return 1;
  const char *message = rn_last_error();
  if (status != RN_OUT_OF_MEMORY || strstr(message, "alloc") == NULL) {
    printf("memory_test: %s: %s: \"%s\"\n", what, rn_status_string(status), message);
    exit(1);
  }
  failures++;
  return 0;
}

void must(int condition, const char *what) {
  if (condition) return;
  printf("memory_test: failed: %s: %s\n", what, rn_last_error());
  exit(1);
}

rn_images batch(void) {
  rn_images images = RN_IMAGES_F32(pixels, COUNT, 3, SIDE, SIDE);
  return images;
}

void make(void) {
  const rn_images images = batch();
  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  options.seed = 1;
  TRY(rn_model_create("resnet8", &options, &model));
  TRY(rn_dataset_create(&images, labels, CLASSES, &dataset));
  rn_image_options small = RN_IMAGE_OPTIONS_INIT;
  small.crop = 32;
  small.resize = 36;
  TRY(rn_dataset_open_files(&image_path, labels, 1, CLASSES, &small, &files));
  if (model != NULL) TRY(rn_trainer_create(model, NULL, &trainer));
}

void unmake(void) {
  if (!TRY(rn_trainer_free(trainer)) || !TRY(rn_model_free(model)) ||
      !TRY(rn_dataset_free(dataset)) || !TRY(rn_dataset_free(files)))
    return;
  trainer = NULL;
  model = NULL;
  dataset = files = NULL;
}

int is_made(void) { return model != NULL && trainer != NULL && dataset != NULL && files != NULL; }

void infer(float *scores) {
  const rn_images images = batch();
  memset(scores, 0, COUNT * CLASSES * sizeof *scores);
  TRY(rn_model_logits(model, &images, scores, COUNT * CLASSES));
}

void use(void) {
  float scores[COUNT * CLASSES];
  static float features[COUNT * 64];
  const rn_images images = batch();
  rn_metrics metrics = RN_METRICS_INIT;
  rn_test_options views = RN_TEST_OPTIONS_INIT;
  rn_calibration calibration = RN_CALIBRATION_INIT;
  rn_image *image = NULL, *view = NULL;
  double deviations[64];
  size_t count;
  infer(scores);
  views.views = RN_VIEWS_10_CROP;
  views.resize = 20;
  views.crop = 16;
  TRY(rn_model_features(model, &images, "avgpool", features, COUNT * 64));
  TRY(rn_model_evaluate(model, dataset, &metrics));
  TRY(rn_model_test(model, dataset, &views, &metrics, NULL, 0));
  TRY(rn_model_responses(model, dataset, deviations, 64, &count));
  TRY(rn_dataset_calibrate(dataset, 0, 0, &calibration));
  TRY(rn_dataset_calibrate(files, 0, 0, &calibration));
  TRY(rn_dataset_verify(files));
  if (TRY(rn_image_read(image_path, 3, 0, &image)) &&
      TRY(rn_image_centre(image, 64, 48, RN_BICUBIC, &view)))
    while (!TRY(rn_image_free(view)))
      ;
  while (image != NULL && !TRY(rn_image_free(image)))
    ;
}

/* Saves, loads and opens it. */
static void store(void) {
  rn_model *loaded = NULL, *opened = NULL;
  float scores[COUNT * CLASSES];
  const rn_images images = batch();
  TRY(rn_model_save(model, "memory.h5"));
  TRY(rn_model_load("memory.h5", &loaded));
  if (TRY(rn_model_open("memory.h5", &opened)))
    TRY(rn_model_logits(opened, &images, scores, COUNT * CLASSES));
  TRY(rn_model_free(loaded));
  TRY(rn_model_free(opened));
}

static void train(void) {
  const rn_images images = batch();
  rn_fit_options options = RN_FIT_OPTIONS_INIT;
  double loss;
  options.batch_size = COUNT / 2;
  TRY(rn_trainer_step(trainer, &images, labels, &loss));
  TRY(rn_trainer_fit(trainer, dataset, dataset, &options));
  TRY(rn_model_recompute_statistics(model, dataset, COUNT / 2, 0, 0));
}

void everything(void) {
  if (model == NULL) make();
  if (is_made()) {
    use();
    train();
    store();
  }
  unmake();
}
