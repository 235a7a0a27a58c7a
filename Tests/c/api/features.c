/* Layers' outputs and responses. */
#include <math.h>
#include <string.h>

#include "check.h"

/* Of the toy network's last stage: 16 channels on half the side. */
enum { CHANNELS = 16, MAP = SIDE * SIDE / 4, FEATURES = CHANNELS * MAP };

static void test_names(void) {
  rn_model *model = make_model(1);
  rn_model_info info = RN_MODEL_INFO_INIT;
  CHECK_OK(rn_model_get_info(model, &info));
  char name[64], last[64];
  size_t needed;
  CHECK_OK(rn_model_layer_name(model, 0, name, sizeof name, NULL));
  CHECK(strcmp(name, "input") == 0);
  CHECK_OK(rn_model_layer_name(model, info.layers - 1, last, sizeof last, &needed));
  CHECK(strcmp(last, "fc") == 0 && needed == 3);
  CHECK_STATUS(RN_BUFFER_TOO_SMALL, rn_model_layer_name(model, 0, name, 5, &needed));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "layer index",
              rn_model_layer_name(model, info.layers, name, sizeof name, NULL));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "layer index -1",
              rn_model_layer_name(model, -1, name, sizeof name, NULL));
  CHECK_OK(rn_model_free(model));
}

static void test_shapes(void) {
  rn_model *model = make_model(1);
  rn_feature_shape shape = RN_FEATURE_SHAPE_INIT;
  CHECK_OK(rn_model_feature_shape(model, "layer2", SIDE, SIDE + 4, &shape));
  CHECK(shape.rank == 3 && shape.channels == CHANNELS && shape.height == SIDE / 2 &&
        shape.width == SIDE / 2 + 2 && shape.count == FEATURES + CHANNELS * SIDE);
  CHECK_OK(rn_model_feature_shape(model, "avgpool", SIDE, SIDE, &shape));
  CHECK(shape.rank == 1 && shape.channels == CHANNELS && shape.height == 1 && shape.width == 1 &&
        shape.count == CHANNELS);
  CHECK_ERROR(RN_NOT_FOUND, "\"layer3\"",
              rn_model_feature_shape(model, "layer3", SIDE, SIDE, &shape));
  CHECK_ERROR(RN_SHAPE_MISMATCH, "0x8", rn_model_feature_shape(model, "layer2", 0, SIDE, &shape));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_feature_shape(model, NULL, SIDE, SIDE, &shape));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_feature_shape(model, "layer2", SIDE, SIDE, NULL));
  shape.size = 8;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "RN_FEATURE_SHAPE_INIT",
              rn_model_feature_shape(model, "layer2", SIDE, SIDE, &shape));
  CHECK_OK(rn_model_free(model));
}

/* The classifier's own product, and the pooling of the last stage. */
static void test_features(void) {
  rn_model *model = make_model(1);
  float pixels[BATCH * PIXELS], maps[BATCH * FEATURES], pooled[BATCH * CHANNELS];
  float logits[BATCH * CLASSES], weight[CLASSES * CHANNELS], bias[CLASSES];
  int32_t labels[BATCH];
  make_images(BATCH, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  CHECK_OK(rn_model_features(model, &images, "layer2", maps, BATCH * FEATURES));
  CHECK_OK(rn_model_features(model, &images, "avgpool", pooled, BATCH * CHANNELS));
  CHECK_OK(rn_model_logits(model, &images, logits, BATCH * CLASSES));
  CHECK_OK(rn_model_get_tensor(model, "fc.weight", weight, CLASSES * CHANNELS));
  CHECK_OK(rn_model_get_tensor(model, "fc.bias", bias, CLASSES));
  for (int i = 0; i < BATCH; i++) {
    for (int c = 0; c < CHANNELS; c++) {
      double sum = 0;
      for (int p = 0; p < MAP; p++) sum += maps[(i * CHANNELS + c) * MAP + p];
      CHECK(fabs(sum / MAP - pooled[i * CHANNELS + c]) < 1e-5);
    }
    for (int k = 0; k < CLASSES; k++) {
      double score = bias[k];
      for (int c = 0; c < CHANNELS; c++)
        score += weight[k * CHANNELS + c] * pooled[i * CHANNELS + c];
      CHECK(fabs(score - logits[i * CLASSES + k]) < 1e-4);
    }
  }
  CHECK_STATUS(RN_BUFFER_TOO_SMALL,
               rn_model_features(model, &images, "layer2", maps, BATCH * FEATURES - 1));
  CHECK_ERROR(RN_NOT_FOUND, "\"bn9\"",
              rn_model_features(model, &images, "bn9", maps, BATCH * FEATURES));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_features(model, &images, "layer2", NULL, 0));
  CHECK_STATUS(RN_INVALID_ARGUMENT,
               rn_model_features(model, NULL, "layer2", maps, BATCH * FEATURES));
  CHECK_STATUS(RN_INVALID_HANDLE,
               rn_model_features(NULL, &images, "layer2", maps, BATCH * FEATURES));
  CHECK_OK(rn_model_free(model));
}

static void test_responses(void) {
  rn_model *model = make_model(1);
  rn_dataset *dataset = make_dataset(BATCH);
  size_t count = 0;
  CHECK_OK(rn_model_responses(model, dataset, NULL, 0, &count));
  CHECK(count == 5);
  double deviations[5];
  CHECK_OK(rn_model_responses(model, dataset, deviations, 5, &count));
  float pixels[BATCH * PIXELS], values[BATCH * FEATURES];
  int32_t labels[BATCH];
  make_images(BATCH, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  char name[64];
  CHECK_OK(rn_model_response_layer(model, 4, name, sizeof name, NULL));
  CHECK(strcmp(name, "layer2.0.bn2") == 0);
  CHECK_OK(rn_model_features(model, &images, name, values, BATCH * FEATURES));
  double sum = 0, squares = 0;
  for (int i = 0; i < BATCH * FEATURES; i++) sum += values[i];
  for (int i = 0; i < BATCH * FEATURES; i++)
    squares += pow(values[i] - sum / (BATCH * FEATURES), 2);
  CHECK(fabs(deviations[4] / sqrt(squares / (BATCH * FEATURES)) - 1) < 1e-5);
  CHECK_STATUS(RN_BUFFER_TOO_SMALL, rn_model_responses(model, dataset, deviations, 4, &count));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_model_responses(model, dataset, deviations, 5, NULL));
  CHECK_STATUS(RN_INVALID_HANDLE, rn_model_responses(model, NULL, deviations, 5, &count));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "response index",
              rn_model_response_layer(model, 5, name, sizeof name, NULL));
  CHECK_OK(rn_dataset_free(dataset));
  CHECK_OK(rn_model_free(model));
}

void test_features_and_responses(void) {
  test_names();
  test_shapes();
  test_features();
  test_responses();
}
