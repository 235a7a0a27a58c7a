/*
 * Tests of the C API as a program that links the shared library sees it. Prints the checks that
 * fail and a line "N passed, N failed"; the exit status says whether all passed. Leaves its files
 * in a folder of the current directory.
 */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int passed, failed;
static char directory[] = "api-test-XXXXXX";

int check(int ok, const char *what, const char *file, int line) {
  pthread_mutex_lock(&lock);
  if (ok) {
    passed++;
  } else {
    failed++;
    printf("%s:%d: failed: %s\n", file, line, what);
  }
  pthread_mutex_unlock(&lock);
  return ok;
}

int check_status(rn_status expected, rn_status actual, const char *text, const char *what,
                 const char *file, int line) {
  const char *message = rn_last_error();
  int ok = expected == actual;
  if (ok && expected != RN_OK) ok = message[0] != '\0' && strstr(message, text) != NULL;
  if (!check(ok, what, file, line))
    printf("    expected %s \"%s\", got %s: %s\n", rn_status_string(expected), text,
           rn_status_string(actual), message);
  return ok;
}

rn_model *make_model(uint64_t seed) {
  const rn_stage stages[2] = {{1, 8, 1, 0}, {1, 16, 2, 0}};
  rn_description description = RN_DESCRIPTION_INIT;
  description.name = "toy";
  description.stem = RN_STEM_CIFAR;
  description.block = RN_BLOCK_BASIC;
  description.shortcut = RN_SHORTCUT_A;
  description.input_channels = 1;
  description.stem_width = 8;
  description.classes = CLASSES;
  description.stage_count = 2;
  description.stages = stages;
  description.seed = seed;
  rn_model *model = NULL;
  CHECK_OK(rn_model_create_described(&description, &model));
  return model;
}

rn_model_info info_of(rn_model *model) {
  rn_model_info info = RN_MODEL_INFO_INIT;
  CHECK_OK(rn_model_get_info(model, &info));
  return info;
}

void make_images(int count, float *pixels, int32_t *labels) {
  uint32_t noise = 1;
  for (int i = 0; i < count; i++) {
    labels[i] = i % CLASSES;
    for (int p = 0; p < PIXELS; p++) {
      noise = noise * 1664525u + 1013904223u;
      int right = p % SIDE >= SIDE / 2;
      pixels[i * PIXELS + p] = (float)(right == labels[i]) + (float)(noise >> 24) / 256.0f;
    }
  }
}

rn_dataset *make_dataset(int count) {
  float *pixels = malloc((size_t)count * PIXELS * sizeof *pixels);
  int32_t *labels = malloc((size_t)count * sizeof *labels);
  make_images(count, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, count, 1, SIDE, SIDE);
  rn_dataset *dataset = NULL;
  CHECK_OK(rn_dataset_create(&images, labels, CLASSES, &dataset));
  free(pixels);
  free(labels);
  return dataset;
}

void run_often(rn_model *model, float scores[BATCH * CLASSES]) {
  float pixels[BATCH * PIXELS];
  int32_t labels[BATCH];
  make_images(BATCH, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  for (int i = 0; i < 50; i++) CHECK_OK(rn_model_logits(model, &images, scores, BATCH * CLASSES));
}

int same_scores(rn_model *a, rn_model *b) {
  float pixels[BATCH * PIXELS], scores[2][BATCH * CLASSES];
  int32_t labels[BATCH];
  make_images(BATCH, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  int ok = CHECK_OK(rn_model_logits(a, &images, scores[0], BATCH * CLASSES));
  ok &= CHECK_OK(rn_model_logits(b, &images, scores[1], BATCH * CLASSES));
  return ok && memcmp(scores[0], scores[1], sizeof scores[0]) == 0;
}

const char *scratch(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

int main(void) {
  if (mkdtemp(directory) == NULL) {
    perror("mkdtemp");
    return EXIT_FAILURE;
  }
  test_library();
  test_handles();
  test_models();
  test_descriptions();
  test_tensors();
  test_running();
  test_features_and_responses();
  test_files();
  test_exchange();
  test_testing();
  test_datasets();
  test_dataset_files();
  test_images();
  test_training();
  test_fitting();
  test_distributed();
  test_checkpoints();
  test_threads();
  test_forks();
  test_steps();
  test_log();
  printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
