/* Datasets from arrays and from CIFAR-10 files, and evaluation. */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"

static void test_arrays(void) {
  enum { COUNT = 300 };
  static float pixels[COUNT * PIXELS], read[COUNT * PIXELS];
  static int32_t labels[COUNT], read_labels[COUNT];
  make_images(COUNT, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, COUNT, 1, SIDE, SIDE);
  rn_dataset *dataset = NULL;
  CHECK_OK(rn_dataset_create(&images, labels, CLASSES, &dataset));
  rn_dataset_info info = RN_DATASET_INFO_INIT;
  CHECK_OK(rn_dataset_get_info(dataset, &info));
  CHECK(info.count == COUNT && info.channels == 1 && info.height == SIDE && info.width == SIDE);
  CHECK(info.classes == CLASSES && info.size == sizeof info);

  CHECK_OK(rn_dataset_read(dataset, 0, COUNT, read, COUNT * PIXELS, read_labels, COUNT));
  CHECK(memcmp(pixels, read, sizeof pixels) == 0);
  CHECK(memcmp(labels, read_labels, sizeof labels) == 0);
  memset(read, 0, sizeof read);
  CHECK_OK(rn_dataset_read(dataset, 7, 280, read, 280 * PIXELS, NULL, 0));
  CHECK(memcmp(pixels + 7 * PIXELS, read, 280 * PIXELS * sizeof *read) == 0);
  CHECK(read[280 * PIXELS] == 0);
  memset(read_labels, 0xff, sizeof read_labels);
  CHECK_OK(rn_dataset_read(dataset, 3, 290, NULL, 0, read_labels, 290));
  CHECK(memcmp(labels + 3, read_labels, 290 * sizeof *labels) == 0 && read_labels[290] == -1);
  CHECK_OK(rn_dataset_read(dataset, 1, 2, NULL, 0, NULL, 0));
  CHECK_OK(rn_dataset_read(dataset, COUNT, 0, read, 0, read_labels, 0));

  static const int64_t ranges[][2] = {
      {0, COUNT + 1},         {COUNT, 1},    {-1, 1}, {0, -1}, {INT64_MIN, 1}, {0, INT64_MIN},
      {INT64_MAX, INT64_MAX}, {1, INT64_MAX}};
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
    CHECK_STATUS(RN_INVALID_ARGUMENT, rn_dataset_read(dataset, ranges[i][0], ranges[i][1], read,
                                                      COUNT * PIXELS, read_labels, COUNT));
  CHECK_ERROR(RN_BUFFER_TOO_SMALL, "pixels",
              rn_dataset_read(dataset, 0, 2, read, 2 * PIXELS - 1, read_labels, 2));
  CHECK_ERROR(RN_BUFFER_TOO_SMALL, "labels",
              rn_dataset_read(dataset, 0, 2, read, 2 * PIXELS, read_labels, 1));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_dataset_get_info(dataset, NULL));
  info.size = 9;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "RN_DATASET_INFO_INIT", rn_dataset_get_info(dataset, &info));
  CHECK_OK(rn_dataset_free(dataset));
}

/* The library keeps copies: the caller's arrays may change or go. */
static void test_copies(void) {
  uint8_t pixels[2 * PIXELS];
  int32_t labels[2] = {0, 1};
  for (int i = 0; i < 2 * PIXELS; i++) pixels[i] = (uint8_t)i;
  rn_images images = RN_IMAGES_U8(pixels, 2, 1, SIDE, SIDE);
  rn_dataset *dataset = NULL;
  CHECK_OK(rn_dataset_create(&images, labels, CLASSES, &dataset));
  memset(pixels, 0, sizeof pixels);
  labels[1] = 0;
  float read[2 * PIXELS];
  int32_t read_labels[2];
  CHECK_OK(rn_dataset_read(dataset, 0, 2, read, 2 * PIXELS, read_labels, 2));
  for (int i = 0; i < 2 * PIXELS; i++) CHECK(read[i] == (float)i); /* raw units */
  CHECK(read_labels[0] == 0 && read_labels[1] == 1);
  CHECK_OK(rn_dataset_free(dataset));
}

static void test_bad_arrays(void) {
  float pixels[4 * PIXELS];
  int32_t labels[4];
  make_images(4, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, 4, 1, SIDE, SIDE);
  rn_dataset *dataset = NULL;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_dataset_create(NULL, labels, CLASSES, &dataset));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "labels", rn_dataset_create(&images, NULL, CLASSES, &dataset));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "dataset", rn_dataset_create(&images, labels, CLASSES, NULL));
  static const int32_t counts[] = {0, -1, 1, INT32_MIN};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    CHECK_STATUS(RN_INVALID_ARGUMENT, rn_dataset_create(&images, labels, counts[i], &dataset));
  static const int32_t strange[] = {CLASSES, -1, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
    labels[3] = strange[i];
    CHECK_STATUS(RN_INVALID_ARGUMENT, rn_dataset_create(&images, labels, CLASSES, &dataset));
  }
  labels[3] = 1;
  pixels[17] = NAN;
  CHECK_STATUS(RN_NOT_FINITE, rn_dataset_create(&images, labels, CLASSES, &dataset));
  images.count = 0;
  CHECK_STATUS(RN_SHAPE_MISMATCH, rn_dataset_create(&images, labels, CLASSES, &dataset));
  CHECK(dataset == NULL);
}

enum { RECORD = 1 + 3 * 32 * 32 };

/* Writes a CIFAR-10 file: image i has label i % 10 and pixels (i + position) % 256. */
static void write_cifar10(const char *path, int count, size_t cut) {
  FILE *file = fopen(path, "wb");
  if (!CHECK(file != NULL)) exit(EXIT_FAILURE);
  for (int i = 0; i < count; i++) {
    unsigned char record[RECORD] = {(unsigned char)(i % 10)};
    for (int p = 1; p < RECORD; p++) record[p] = (unsigned char)(i + p - 1);
    size_t size = i == count - 1 ? RECORD - cut : RECORD;
    CHECK(fwrite(record, 1, size, file) == size);
  }
  CHECK(fclose(file) == 0);
}

static void test_cifar10(void) {
  char directory[256], path[300];
  snprintf(directory, sizeof directory, "%s", scratch("cifar"));
  snprintf(path, sizeof path, "%s/test_batch.bin", directory);
  rn_dataset *dataset = NULL;
  CHECK_STATUS(RN_NOT_FOUND, rn_dataset_open_cifar10(directory, 0, &dataset));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "directory", rn_dataset_open_cifar10(NULL, 0, &dataset));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "dataset", rn_dataset_open_cifar10(directory, 0, NULL));
  CHECK(mkdir(directory, 0700) == 0);
  CHECK_STATUS(RN_NOT_FOUND, rn_dataset_open_cifar10(directory, 0, &dataset));
  write_cifar10(path, 10000, 1);
  CHECK_STATUS(RN_BAD_FORMAT, rn_dataset_open_cifar10(directory, 0, &dataset));
  write_cifar10(path, 10000, 0);
  CHECK_OK(rn_dataset_open_cifar10(directory, 0, &dataset));
  rn_dataset_info info = RN_DATASET_INFO_INIT;
  CHECK_OK(rn_dataset_get_info(dataset, &info));
  CHECK(info.count == 10000 && info.channels == 3 && info.height == 32 && info.width == 32);
  CHECK(info.classes == 10);
  static float pixels[RECORD - 1];
  int32_t label = 0;
  CHECK_OK(rn_dataset_read(dataset, 8765, 1, pixels, RECORD - 1, &label, 1));
  CHECK(label == 5);
  for (int p = 0; p < RECORD - 1; p++) CHECK(pixels[p] == (float)((8765 + p) % 256));
  CHECK_OK(rn_dataset_free(dataset));
  /* The training files are other files. */
  CHECK_STATUS(RN_NOT_FOUND, rn_dataset_open_cifar10(directory, 1, &dataset));
}

static void test_evaluation(void) {
  enum { COUNT = 100 };
  rn_model *model = make_model(1);
  rn_dataset *dataset = make_dataset(COUNT);
  static float pixels[COUNT * PIXELS], probabilities[COUNT * CLASSES];
  static int32_t labels[COUNT], predictions[COUNT];
  make_images(COUNT, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, COUNT, 1, SIDE, SIDE);
  CHECK_OK(rn_model_probabilities(model, &images, probabilities, COUNT * CLASSES));
  CHECK_OK(rn_model_predict(model, &images, predictions, COUNT));
  double loss = 0;
  int correct = 0;
  for (int i = 0; i < COUNT; i++) {
    loss -= log(probabilities[i * CLASSES + labels[i]]) / COUNT;
    correct += predictions[i] == labels[i];
  }
  rn_metrics metrics = RN_METRICS_INIT;
  CHECK_OK(rn_model_evaluate(model, dataset, &metrics));
  CHECK(metrics.count == COUNT && fabs(metrics.loss - loss) < 1e-4);
  CHECK(fabs(metrics.accuracy - (double)correct / COUNT) < 1e-9);
  CHECK(metrics.top5_accuracy >= metrics.accuracy && metrics.top5_accuracy <= 1);
  int64_t confusion[CLASSES * CLASSES], images_seen = 0, recognised = 0;
  CHECK_OK(
      rn_model_evaluate_by_class(model, dataset, &metrics, confusion, (size_t)CLASSES * CLASSES));
  for (int i = 0; i < CLASSES * CLASSES; i++) images_seen += confusion[i];
  for (int i = 0; i < CLASSES; i++) recognised += confusion[i * CLASSES + i];
  CHECK(images_seen == COUNT && recognised == correct);
  CHECK_ERROR(RN_BUFFER_TOO_SMALL, "confusion",
              rn_model_evaluate_by_class(model, dataset, &metrics, confusion, CLASSES));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "confusion",
              rn_model_evaluate_by_class(model, dataset, &metrics, NULL, 100));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_model_evaluate(model, dataset, NULL));
  rn_metrics later = RN_METRICS_INIT;
  CHECK_OK(rn_model_recompute_statistics(model, dataset, COUNT / 2, 0, 1));
  CHECK_OK(rn_model_recompute_statistics(model, dataset, 0, 0, 1));
  CHECK_OK(rn_model_evaluate(model, dataset, &later));
  CHECK(later.loss != metrics.loss);
  CHECK_ERROR(RN_INVALID_ARGUMENT, "images is -1",
              rn_model_recompute_statistics(model, dataset, 2, -1, 0));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "batch",
              rn_model_recompute_statistics(model, dataset, -1, 0, 0));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "batch",
              rn_model_recompute_statistics(model, dataset, COUNT + 1, 0, 0));
  metrics.size = 0;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "RN_METRICS_INIT", rn_model_evaluate(model, dataset, &metrics));

  /* Labels beyond the model's classes, and images of other channels. */
  metrics = (rn_metrics)RN_METRICS_INIT;
  rn_dataset *other = NULL;
  labels[0] = CLASSES;
  CHECK_OK(rn_dataset_create(&images, labels, CLASSES + 1, &other));
  CHECK(rn_model_evaluate(model, other, &metrics) != RN_OK);
  CHECK_OK(rn_dataset_free(other));
  labels[0] = 0;
  rn_images colour = RN_IMAGES_F32(pixels, COUNT / 4, 4, SIDE, SIDE);
  CHECK_OK(rn_dataset_create(&colour, labels, CLASSES, &other));
  CHECK_STATUS(RN_SHAPE_MISMATCH, rn_model_evaluate(model, other, &metrics));
  CHECK_OK(rn_dataset_free(other));
  CHECK_OK(rn_dataset_free(dataset));
  CHECK_OK(rn_model_free(model));
}

/* Two parts that share the images, and outlive the whole. */
static void test_split(void) {
  enum { COUNT = 50, HELD_OUT = 12 };
  static float pixels[COUNT * PIXELS], read[COUNT * PIXELS];
  static int32_t labels[COUNT];
  make_images(COUNT, pixels, labels);
  rn_dataset *whole = make_dataset(COUNT), *training = NULL, *validation = NULL;
  static const int64_t bad[] = {0, -1, COUNT, INT64_MAX, INT64_MIN};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK_ERROR(RN_INVALID_ARGUMENT, "expected 1 to 49",
                rn_dataset_split(whole, bad[i], 1, &training, &validation));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_dataset_split(whole, 1, 1, NULL, &validation));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_dataset_split(whole, 1, 1, &training, NULL));
  CHECK(training == NULL && validation == NULL);
  CHECK_OK(rn_dataset_split(whole, HELD_OUT, 1, &training, &validation));
  CHECK_OK(rn_dataset_free(whole));
  rn_dataset_info info = RN_DATASET_INFO_INIT;
  CHECK_OK(rn_dataset_get_info(training, &info));
  CHECK(info.count == COUNT - HELD_OUT && info.channels == 1 && info.classes == CLASSES);
  CHECK_OK(rn_dataset_get_info(validation, &info));
  CHECK(info.count == HELD_OUT);
  CHECK_OK(rn_dataset_read(training, 0, COUNT - HELD_OUT, read, COUNT * PIXELS, NULL, 0));
  CHECK_OK(rn_dataset_read(validation, 0, HELD_OUT, read + (COUNT - HELD_OUT) * PIXELS,
                           HELD_OUT * PIXELS, NULL, 0));
  for (int i = 0; i < COUNT; i++) {
    int found = 0;
    for (int j = 0; j < COUNT; j++)
      found += memcmp(pixels + i * PIXELS, read + j * PIXELS, PIXELS * sizeof *pixels) == 0;
    CHECK(found == 1);
  }
  CHECK_OK(rn_dataset_free(training));
  CHECK_OK(rn_dataset_free(validation));
}

void test_datasets(void) {
  test_arrays();
  test_copies();
  test_bad_arrays();
  test_cifar10();
  test_split();
  test_evaluation();
}
