/* Saving and loading: the same model comes back, and damaged files are refused. */
#define _XOPEN_SOURCE 700
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static void write_file(const char *path, const char *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  CHECK(file != NULL && fwrite(bytes, 1, size, file) == size);
  CHECK(file != NULL && fclose(file) == 0);
}

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!CHECK(file != NULL)) exit(EXIT_FAILURE);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(*size);
  CHECK(fread(bytes, 1, *size, file) == *size);
  fclose(file);
  return bytes;
}

static void expect_refusal(rn_status status, const char *path) {
  rn_model *model = NULL;
  CHECK_STATUS(status, rn_model_load(path, &model));
  CHECK(model == NULL);
}

static void test_round_trip(void) {
  rn_model *model = make_model(3), *loaded = NULL;
  const char *const names[] = {"left", "right"};
  float mean[PIXELS], scale = 0.25f;
  for (int i = 0; i < PIXELS; i++) mean[i] = (float)i / 100;
  CHECK_OK(rn_model_set_class_names(model, names, 2));
  CHECK_OK(rn_model_set_normalization(model, mean, PIXELS, SIDE, SIDE, &scale, 1));
  const char *path = scratch("model.h5");
  CHECK_OK(rn_model_save(model, path));
  CHECK_OK(rn_model_save(model, path)); /* replaces it */
  CHECK_OK(rn_model_load(path, &loaded));
  CHECK(same_scores(model, loaded));

  char text[16];
  CHECK_OK(rn_model_name(loaded, text, sizeof text, NULL));
  CHECK(strcmp(text, "toy") == 0);
  CHECK_OK(rn_model_class_name(loaded, 1, text, sizeof text, NULL));
  CHECK(strcmp(text, "right") == 0);
  float values[PIXELS], value = 0;
  size_t means = 0, scales = 0;
  int32_t height = 0, width = 0;
  CHECK_OK(rn_model_get_normalization(loaded, values, PIXELS, &means, &height, &width, &value, 1,
                                      &scales));
  CHECK(means == PIXELS && height == SIDE && width == SIDE && scales == 1 && value == scale);
  CHECK(memcmp(mean, values, sizeof mean) == 0);
  CHECK_OK(rn_model_free(loaded));
  CHECK_OK(rn_model_free(model));
}

/* An opened model answers as the loaded one does, first and later, and takes no change. */
static void test_open(void) {
  rn_model *model = make_model(4), *opened = NULL;
  char path[256];
  snprintf(path, sizeof path, "%s", scratch("open.h5"));
  CHECK_OK(rn_model_save(model, path));
  CHECK_OK(rn_model_open(path, &opened));
  for (int answer = 0; answer < 3; answer++) CHECK(same_scores(model, opened));
  rn_model_info info = RN_MODEL_INFO_INIT;
  CHECK_OK(rn_model_get_info(opened, &info));
  rn_tensor_info tensor = RN_TENSOR_INFO_INIT;
  CHECK_OK(rn_model_tensor_info(opened, 0, &tensor));
  float values[4096], original[4096];
  if (CHECK(tensor.count <= 4096)) {
    CHECK_OK(rn_model_get_tensor(opened, tensor.name, values, 4096));
    CHECK_OK(rn_model_get_tensor(model, tensor.name, original, 4096));
    CHECK(memcmp(values, original, sizeof(float) * (size_t)tensor.count) == 0);
  }
  rn_trainer *trainer = NULL;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "opened to be run",
              rn_model_set_tensor(opened, tensor.name, values, (size_t)tensor.count));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "opened to be run", rn_model_save(opened, scratch("copy.h5")));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "opened to be run", rn_trainer_create(opened, NULL, &trainer));
  CHECK(unlink(path) == 0);
  CHECK(same_scores(model, opened));
  CHECK_OK(rn_model_free(opened));
  CHECK_OK(rn_model_free(model));
  CHECK_STATUS(RN_NOT_FOUND, rn_model_open(path, &opened));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "path", rn_model_open(NULL, &opened));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "model", rn_model_open(path, NULL));
}

static void test_paths(void) {
  rn_model *model = make_model(1);
  expect_refusal(RN_NOT_FOUND, scratch("missing.h5"));
  expect_refusal(RN_NOT_FOUND, scratch("missing/model.h5"));
  rn_model *loaded = NULL;
  CHECK_ERROR(RN_BAD_FORMAT, "it is a directory", rn_model_load(scratch(""), &loaded));
  rn_image *image = NULL;
  CHECK_ERROR(RN_BAD_FORMAT, "is a directory", rn_image_read(scratch(""), 3, 0, &image));
  CHECK(rn_model_load("", &loaded) != RN_OK);
  CHECK(loaded == NULL);
  CHECK_ERROR(RN_INVALID_ARGUMENT, "path", rn_model_load(NULL, &loaded));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "model", rn_model_load(scratch("model.h5"), NULL));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "path", rn_model_save(model, NULL));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "path is \"/tmp/\\xff\", which is not valid UTF-8",
              rn_model_save(model, "/tmp/\xff"));
  rn_status status = rn_model_save(model, scratch("missing/model.h5"));
  CHECK(status == RN_IO_ERROR || status == RN_NOT_FOUND);
  CHECK(rn_model_save(model, "") != RN_OK);
  CHECK(rn_model_save(model, scratch("")) != RN_OK);
  CHECK_OK(rn_model_free(model));
}

static void test_damaged_files(void) {
  rn_model *model = make_model(1);
  char good[256], bad[256];
  snprintf(good, sizeof good, "%s", scratch("good.h5"));
  snprintf(bad, sizeof bad, "%s", scratch("bad.h5"));
  CHECK_OK(rn_model_save(model, good));
  size_t size = 0;
  char *bytes = read_file(good, &size);
  for (int i = 0; i < 16; i++) {
    write_file(bad, bytes, size * (size_t)i / 16);
    expect_refusal(RN_BAD_FORMAT, bad);
  }
  write_file(bad, bytes, size - 1);
  expect_refusal(RN_BAD_FORMAT, bad);
  write_file(bad, "This is not HDF5.\n", 18);
  expect_refusal(RN_BAD_FORMAT, bad);
  /* A byte changed anywhere is found, or hits what no value depends on. */
  for (int i = 0; i < 100; i++) {
    size_t at = size * (size_t)i / 100;
    bytes[at] = (char)~bytes[at];
    write_file(bad, bytes, size);
    rn_model *loaded = NULL;
    rn_status status = rn_model_load(bad, &loaded);
    if (status == RN_OK) {
      CHECK(same_scores(model, loaded));
      CHECK_OK(rn_model_free(loaded));
    } else {
      CHECK(status == RN_BAD_FORMAT && rn_last_error()[0] != 0);
    }
    bytes[at] = (char)~bytes[at];
  }
  free(bytes);

  /* HDF5 of someone else's. */
  expect_refusal(RN_BAD_FORMAT, HDF5_FILES "/photos.h5");
  CHECK_OK(rn_model_free(model));
}

/* A save that fails leaves the old file as it was. */
static void test_failed_save(void) {
  if (geteuid() == 0) return; /* root writes anywhere */
  rn_model *model = make_model(1), *other = make_model(2), *loaded = NULL;
  char directory[256], path[300];
  snprintf(directory, sizeof directory, "%s", scratch("locked"));
  snprintf(path, sizeof path, "%s/model.h5", directory);
  CHECK(mkdir(directory, 0700) == 0);
  CHECK_OK(rn_model_save(model, path));
  CHECK(chmod(directory, 0500) == 0);
  CHECK_STATUS(RN_IO_ERROR, rn_model_save(other, path));
  CHECK_OK(rn_model_load(path, &loaded));
  CHECK(same_scores(model, loaded));
  CHECK(chmod(directory, 0700) == 0);
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_model_free(other));
  CHECK_OK(rn_model_free(loaded));
}

void test_files(void) {
  test_round_trip();
  test_open();
  test_paths();
  test_damaged_files();
  test_failed_save();
}
