/* Weights and BN statistics in and out of a model, and its input normalisation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static void test_every_tensor(void) {
  rn_model *model = make_model(1), *copy = make_model(2);
  rn_model_info info = RN_MODEL_INFO_INIT;
  CHECK_OK(rn_model_get_info(model, &info));
  int64_t trainable = 0;
  for (int32_t i = 0; i < info.tensors; i++) {
    rn_tensor_info tensor = RN_TENSOR_INFO_INIT;
    CHECK_OK(rn_model_tensor_info(model, i, &tensor));
    CHECK(tensor.rank == 1 || tensor.rank == 2 || tensor.rank == 4);
    CHECK(tensor.shape[0] * tensor.shape[1] * tensor.shape[2] * tensor.shape[3] == tensor.count);
    int statistic = strstr(tensor.name, "running_") != NULL;
    CHECK(tensor.trainable == !statistic);
    if (tensor.trainable) trainable += tensor.count;
    size_t count = (size_t)tensor.count;
    float *values = malloc(count * sizeof *values), *again = malloc(count * sizeof *again);
    CHECK_OK(rn_model_get_tensor(model, tensor.name, values, count));
    CHECK_OK(rn_model_set_tensor(copy, tensor.name, values, count));
    CHECK_OK(rn_model_get_tensor(copy, tensor.name, again, count));
    CHECK(memcmp(values, again, count * sizeof *values) == 0);
    free(values);
    free(again);
  }
  CHECK(trainable == info.parameters);
  CHECK(same_scores(model, copy)); /* what is set is what is run */

  rn_tensor_info tensor = RN_TENSOR_INFO_INIT;
  CHECK_OK(rn_model_tensor_info(model, 0, &tensor));
  CHECK(strcmp(tensor.name, "conv1.weight") == 0 && tensor.rank == 4);
  CHECK(tensor.shape[0] == 8 && tensor.shape[1] == 1 && tensor.shape[2] == 3);
  rn_tensor_info same = RN_TENSOR_INFO_INIT;
  CHECK_OK(rn_model_tensor_info(model, 0, &same));
  CHECK(same.name == tensor.name);
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_tensor_info(model, -1, &tensor));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_tensor_info(model, info.tensors, &tensor));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_tensor_info(model, INT32_MIN, &tensor));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_model_tensor_info(model, 0, NULL));
  tensor.size = 1;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "RN_TENSOR_INFO_INIT", rn_model_tensor_info(model, 0, &tensor));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_model_free(copy));
}

static void test_bad_tensors(void) {
  rn_model *model = make_model(1), *untouched = make_model(1);
  float bias[CLASSES] = {1, 2};
  CHECK_ERROR(RN_NOT_FOUND, "fc.biass", rn_model_get_tensor(model, "fc.biass", bias, CLASSES));
  CHECK_STATUS(RN_NOT_FOUND, rn_model_set_tensor(model, "", bias, CLASSES));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "name", rn_model_get_tensor(model, NULL, bias, CLASSES));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "name", rn_model_set_tensor(model, NULL, bias, CLASSES));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "UTF-8", rn_model_set_tensor(model, "\xff", bias, CLASSES));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "values", rn_model_get_tensor(model, "fc.bias", NULL, CLASSES));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "values", rn_model_set_tensor(model, "fc.bias", NULL, CLASSES));
  const float variances[8] = {1, 1, 1, -0.5F, 1, 1, 1, 1};
  CHECK_ERROR(RN_INVALID_ARGUMENT, "negative",
              rn_model_set_tensor(model, "bn1.running_var", variances, 8));
  CHECK_ERROR(RN_BUFFER_TOO_SMALL, "2 are needed",
              rn_model_get_tensor(model, "fc.bias", bias, CLASSES - 1));
  CHECK(bias[0] == 1 && bias[1] == 2);
  CHECK_STATUS(RN_SHAPE_MISMATCH, rn_model_set_tensor(model, "fc.bias", bias, CLASSES - 1));
  CHECK_STATUS(RN_SHAPE_MISMATCH, rn_model_set_tensor(model, "fc.bias", bias, CLASSES + 1));
  CHECK_STATUS(RN_SHAPE_MISMATCH, rn_model_set_tensor(model, "fc.bias", bias, 0));
  CHECK(rn_model_set_tensor(model, "fc.bias", bias, SIZE_MAX) != RN_OK);
  CHECK(rn_model_set_tensor(model, "fc.bias", bias, SIZE_MAX / 2) != RN_OK);
  bias[1] = NAN;
  CHECK_STATUS(RN_NOT_FINITE, rn_model_set_tensor(model, "fc.bias", bias, CLASSES));
  bias[1] = -INFINITY;
  CHECK_STATUS(RN_NOT_FINITE, rn_model_set_tensor(model, "fc.bias", bias, CLASSES));
  CHECK(same_scores(model, untouched));
  CHECK_OK(rn_model_get_tensor(model, "fc.bias", bias, SIZE_MAX));
  CHECK(bias[0] == 0 && bias[1] == 0);
  const char *misaligned = (const char *)bias + 1;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "multiple of 4",
              rn_model_set_tensor(model, "fc.bias", (const float *)(const void *)misaligned, 1));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_model_free(untouched));
}

static void expect_normalization(rn_model *model, size_t mean_count, int32_t side,
                                 size_t scale_count) {
  size_t means = 99, scales = 99;
  int32_t height = 99, width = 99;
  CHECK_OK(rn_model_get_normalization(model, NULL, 0, &means, &height, &width, NULL, 0, &scales));
  CHECK(means == mean_count && scales == scale_count && height == side && width == side);
}

static void test_normalization(void) {
  rn_model *model = make_model(1);
  float mean[PIXELS], scale = 0.5f, values[PIXELS], value = 0;
  for (int i = 0; i < PIXELS; i++) mean[i] = (float)i;
  size_t means = 0, scales = 0;
  int32_t height = 0, width = 0;
  expect_normalization(model, 0, 0, 0);

  CHECK_OK(rn_model_set_normalization(model, mean, PIXELS, SIDE, SIDE, &scale, 1));
  expect_normalization(model, PIXELS, SIDE, 1);
  CHECK_OK(rn_model_get_normalization(model, values, PIXELS, &means, &height, &width, &value, 1,
                                      &scales));
  CHECK(memcmp(mean, values, sizeof mean) == 0 && value == 0.5f);
  CHECK_STATUS(RN_BUFFER_TOO_SMALL,
               rn_model_get_normalization(model, values, PIXELS - 1, &means, &height, &width,
                                          &value, 1, &scales));
  CHECK_STATUS(RN_BUFFER_TOO_SMALL,
               rn_model_get_normalization(model, values, PIXELS, &means, &height, &width, &value, 0,
                                          &scales));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "mean_count",
              rn_model_get_normalization(model, NULL, 0, NULL, &height, &width, NULL, 0, &scales));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "height",
              rn_model_get_normalization(model, NULL, 0, &means, NULL, &width, NULL, 0, &scales));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "width",
              rn_model_get_normalization(model, NULL, 0, &means, &height, NULL, NULL, 0, &scales));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "scale_count",
              rn_model_get_normalization(model, NULL, 0, &means, &height, &width, NULL, 0, NULL));

  /* What is wrong changes nothing. */
  CHECK_STATUS(RN_SHAPE_MISMATCH,
               rn_model_set_normalization(model, mean, PIXELS - 1, SIDE, SIDE, &scale, 1));
  CHECK_STATUS(RN_SHAPE_MISMATCH,
               rn_model_set_normalization(model, mean, SIZE_MAX, SIDE, SIDE, &scale, 1));
  CHECK_STATUS(RN_SHAPE_MISMATCH, rn_model_set_normalization(model, mean, 2, 0, 0, NULL, 0));
  CHECK_STATUS(RN_SHAPE_MISMATCH, rn_model_set_normalization(model, NULL, 0, 0, 0, &scale, 2));
  CHECK_STATUS(RN_INVALID_ARGUMENT,
               rn_model_set_normalization(model, mean, PIXELS, SIDE, 0, NULL, 0));
  CHECK_STATUS(RN_INVALID_ARGUMENT,
               rn_model_set_normalization(model, mean, PIXELS, -SIDE, -SIDE, NULL, 0));
  CHECK(rn_model_set_normalization(model, mean, PIXELS, INT32_MAX, INT32_MAX, NULL, 0) != RN_OK);
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_set_normalization(model, NULL, 1, 0, 0, NULL, 0));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_set_normalization(model, NULL, 0, 0, 0, NULL, 1));
  CHECK_STATUS(RN_INVALID_ARGUMENT,
               rn_model_set_normalization(model, NULL, 0, SIDE, SIDE, NULL, 0));
  mean[3] = NAN;
  CHECK_STATUS(RN_NOT_FINITE, rn_model_set_normalization(model, mean, PIXELS, SIDE, SIDE, NULL, 0));
  expect_normalization(model, PIXELS, SIDE, 1);

  CHECK_OK(rn_model_set_normalization(model, mean, 1, 0, 0, NULL, 0));
  expect_normalization(model, 1, 0, 0);
  CHECK_OK(rn_model_set_normalization(model, NULL, 0, 0, 0, NULL, 0));
  expect_normalization(model, 0, 0, 0);
  CHECK_OK(rn_model_free(model));
}

/* (pixel - mean) * scale: bytes under a normalisation score as the floats that it makes of them. */
static void test_normalization_is_applied(void) {
  rn_model *plain = make_model(1), *normalized = make_model(1);
  uint8_t bytes[PIXELS];
  float floats[PIXELS], scores[2][CLASSES], mean = 100, scale = 1.0f / 64;
  for (int i = 0; i < PIXELS; i++) {
    bytes[i] = (uint8_t)(i * 37);
    floats[i] = ((float)bytes[i] - mean) * scale;
  }
  CHECK_OK(rn_model_set_normalization(normalized, &mean, 1, 0, 0, &scale, 1));
  rn_images as_bytes = RN_IMAGES_U8(bytes, 1, 1, SIDE, SIDE);
  rn_images as_floats = RN_IMAGES_F32(floats, 1, 1, SIDE, SIDE);
  CHECK_OK(rn_model_logits(normalized, &as_bytes, scores[0], CLASSES));
  CHECK_OK(rn_model_logits(plain, &as_floats, scores[1], CLASSES));
  for (int i = 0; i < CLASSES; i++) CHECK(fabsf(scores[0][i] - scores[1][i]) < 1e-5f);

  /* A per-pixel mean takes images of its own size only. */
  CHECK_OK(rn_model_set_normalization(normalized, floats, PIXELS, SIDE, SIDE, NULL, 0));
  rn_images smaller = RN_IMAGES_U8(bytes, 1, 1, SIDE / 2, SIDE);
  CHECK_STATUS(RN_SHAPE_MISMATCH, rn_model_logits(normalized, &smaller, scores[0], CLASSES));
  CHECK_OK(rn_model_free(plain));
  CHECK_OK(rn_model_free(normalized));
}

void test_tensors(void) {
  test_every_tensor();
  test_bad_tensors();
  test_normalization();
  test_normalization_is_applied();
}
