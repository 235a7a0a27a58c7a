/* Calls that want much at once: each is refused with how much that is. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "memory.h"

enum { WIDE = 8192, CLASSES_OF_MANY = 4096, FILES = 1 << 20 };

/* What a host has of its own: address space alone, as it is never written to. */
static uint8_t *bytes;
static float *floats;
static int64_t *counts;
static int32_t *file_labels;
static const char **file_paths;

static rn_status large_image(void) {
  rn_image *image = NULL;
  const rn_status status = rn_image_create(bytes, WIDE, WIDE, 3, &image);
  rn_image_free(image);
  return status;
}
static rn_status large_resize(void) {
  rn_image *image = NULL, *larger = NULL;
  MUST(rn_image_create(bytes, 64, 64, 3, &image));
  const rn_status status = rn_image_resize(image, WIDE, WIDE, RN_BILINEAR, &larger);
  rn_image_free(larger);
  rn_image_free(image);
  return status;
}
static rn_status large_planes(void) {
  return rn_resize_planes(floats, 1, WIDE, WIDE, 8, 8, RN_BILINEAR, pixels, 64);
}
static rn_status large_dataset(void) {
  const rn_images images = RN_IMAGES_U8(bytes, 1, 3, WIDE, WIDE);
  rn_dataset *large = NULL;
  const rn_status status = rn_dataset_create(&images, labels, CLASSES, &large);
  rn_dataset_free(large);
  return status;
}
static rn_status large_list(void) {
  rn_dataset *large = NULL;
  const rn_status status = rn_dataset_open_files(file_paths, file_labels, FILES, 1, NULL, &large);
  rn_dataset_free(large);
  return status;
}
static rn_status large_model(void) {
  rn_model *large = NULL;
  const rn_status status = rn_model_create("resnet152", NULL, &large);
  rn_model_free(large);
  return status;
}
static rn_status large_mean(void) {
  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  rn_model *small = NULL;
  MUST(rn_model_create("resnet8", &options, &small));
  const rn_status status =
      rn_model_set_normalization(small, floats, (size_t)3 * WIDE * WIDE, WIDE, WIDE, NULL, 0);
  rn_model_free(small);
  return status;
}
static rn_status large_batch(void) {
  const rn_images images = RN_IMAGES_U8(bytes, 1, 3, WIDE, WIDE);
  float scores[CLASSES];
  rn_model *small = NULL;
  MUST(rn_model_create("resnet8", NULL, &small));
  const rn_status status = rn_model_logits(small, &images, scores, CLASSES);
  rn_model_free(small);
  return status;
}
static rn_status large_figures(void) {
  return rn_class_figures(counts, CLASSES_OF_MANY, NULL, NULL);
}

/* On what was there before. */
static rn_image *wide_image;
static rn_dataset *wide;
static rn_model *of_many, *grey;

static rn_status large_part(void) {
  rn_image *part = NULL;
  const rn_status status = rn_image_crop(wide_image, 1, 1, WIDE - 1, WIDE - 1, &part);
  rn_image_free(part);
  return status;
}
static rn_status large_calibration(void) {
  rn_calibration calibration = RN_CALIBRATION_INIT;
  return rn_dataset_calibrate(wide, 0, 0, &calibration);
}
static rn_status large_labels(void) {
  int32_t label;
  return rn_dataset_read(wide, 0, 1, NULL, 0, &label, 1);
}
static rn_status large_views(void) {
  rn_metrics metrics = RN_METRICS_INIT;
  rn_test_options views = RN_TEST_OPTIONS_INIT;
  views.views = RN_VIEWS_CENTRE;
  return rn_model_test(grey, wide, &views, &metrics, NULL, 0);
}
static rn_status large_fit(void) {
  rn_trainer *own = NULL;
  rn_fit_options options = RN_FIT_OPTIONS_INIT;
  options.batch_size = 1;
  MUST(rn_trainer_create(grey, NULL, &own));
  const rn_status status = rn_trainer_fit(own, wide, NULL, &options);
  rn_trainer_free(own);
  return status;
}
static rn_status large_confusion(void) {
  rn_metrics metrics = RN_METRICS_INIT;
  return rn_model_evaluate_by_class(of_many, dataset, &metrics, counts,
                                    (size_t)CLASSES_OF_MANY * CLASSES_OF_MANY);
}

static const struct {
  const char *what;
  rn_status (*call)(void);
} large_calls[] = {
    {"an image", large_image},
    {"a resized image", large_resize},
    {"planes", large_planes},
    {"a dataset", large_dataset},
    {"a list of files", large_list},
    {"a model", large_model},
    {"a mean", large_mean},
    {"an image to run", large_batch},
    {"figures", large_figures},
    {"a part", large_part},
    {"a calibration", large_calibration},
    {"labels", large_labels},
    {"views", large_views},
    {"training", large_fit},
    {"a confusion matrix", large_confusion},
};

/* Too large for what there is, each is refused; then the same calls pass, but for those that take
 * minutes or gigabytes. */
void test_large(void) {
  bytes = calloc((size_t)3 * WIDE * WIDE, 1);
  floats = calloc((size_t)3 * WIDE * WIDE, sizeof *floats);
  counts = calloc((size_t)CLASSES_OF_MANY * CLASSES_OF_MANY, sizeof *counts);
  file_labels = calloc(FILES, sizeof *file_labels);
  file_paths = malloc(FILES * sizeof *file_paths);
  must(bytes && floats && counts && file_labels && file_paths, "a host with much address space");
  for (int i = 0; i < FILES; i++) file_paths[i] = image_path;
  const rn_images grey_image = RN_IMAGES_U8(bytes, 1, 1, WIDE, WIDE);
  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  make();
  MUST(rn_image_create(bytes, WIDE, WIDE, 1, &wide_image));
  MUST(rn_dataset_create(&grey_image, labels, CLASSES, &wide));
  options.classes = CLASSES_OF_MANY;
  MUST(rn_model_create("resnet8", &options, &of_many));
  options.classes = CLASSES;
  options.input_channels = 1;
  MUST(rn_model_create("resnet8", &options, &grey));
  struct rlimit limit;
  getrlimit(RLIMIT_AS, &limit);
  const rlim_t most = limit.rlim_cur;
  limit.rlim_cur = (rlim_t)(address_space() + (40L << 20));
  must(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
  for (size_t i = 0; i < sizeof large_calls / sizeof *large_calls; i++) {
    must(large_calls[i].call() == RN_OUT_OF_MEMORY, large_calls[i].what);
    must(strpbrk(rn_last_error(), "0123456789") != NULL, "the message says how much");
  }
  limit.rlim_cur = most;
  must(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
  must(large_list() == RN_OK && large_dataset() == RN_OK, "with memory they pass");
  unmake();
  rn_image_free(wide_image);
  rn_dataset_free(wide);
  rn_model_free(of_many);
  rn_model_free(grey);
  free(bytes);
  free(floats);
  free(counts);
  free(file_labels);
  free(file_paths);
}
