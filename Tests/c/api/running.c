/* Scores, probabilities and predictions. */
#include <math.h>
#include <string.h>

#include "check.h"

static void test_scores(void) {
  rn_model *model = make_model(1);
  float pixels[BATCH * PIXELS], logits[BATCH * CLASSES], probabilities[BATCH * CLASSES];
  int32_t labels[BATCH], predictions[BATCH];
  make_images(BATCH, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  CHECK_OK(rn_model_logits(model, &images, logits, BATCH * CLASSES));
  CHECK_OK(rn_model_probabilities(model, &images, probabilities, BATCH * CLASSES));
  CHECK_OK(rn_model_predict(model, &images, predictions, BATCH));
  for (int i = 0; i < BATCH; i++) {
    const float *score = logits + i * CLASSES, *probability = probabilities + i * CLASSES;
    double sum = 0, exponentials = 0;
    int best = 0;
    for (int c = 0; c < CLASSES; c++) {
      sum += probability[c];
      exponentials += exp(score[c]);
      if (score[c] > score[best]) best = c;
    }
    CHECK(fabs(sum - 1) < 1e-5);
    for (int c = 0; c < CLASSES; c++)
      CHECK(fabs(probability[c] - exp(score[c]) / exponentials) < 1e-5);
    CHECK(predictions[i] == best);

    /* An image's scores do not depend on the batch that it is in. */
    float alone[CLASSES];
    rn_images one = RN_IMAGES_F32(pixels + i * PIXELS, 1, 1, SIDE, SIDE);
    CHECK_OK(rn_model_logits(model, &one, alone, CLASSES));
    for (int c = 0; c < CLASSES; c++) CHECK(fabsf(alone[c] - score[c]) < 1e-4f);
  }
  CHECK_OK(rn_model_free(model));
}

/* The same bits whatever the number of threads. */
static void test_threads_do_not_matter(void) {
  rn_model *model = make_model(1);
  float pixels[BATCH * PIXELS], scores[BATCH * CLASSES], first[BATCH * CLASSES];
  int32_t labels[BATCH];
  make_images(BATCH, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  for (int threads = 1; threads <= 5; threads++) {
    CHECK_OK(rn_set_threads(threads));
    CHECK_OK(rn_model_logits(model, &images, scores, BATCH * CLASSES));
    if (threads == 1) memcpy(first, scores, sizeof first);
    CHECK(memcmp(first, scores, sizeof first) == 0);
  }
  CHECK_OK(rn_set_threads(0));
  CHECK_OK(rn_model_free(model));
}

static void test_memory(void) {
  rn_model *model = make_model(1);
  rn_memory one = RN_MEMORY_INIT, many = RN_MEMORY_INIT, training = RN_MEMORY_INIT;
  CHECK_OK(rn_model_inference_memory(model, 1, SIDE, SIDE, &one));
  CHECK_OK(rn_model_inference_memory(model, BATCH, SIDE, SIDE, &many));
  CHECK_OK(rn_model_training_memory(model, BATCH, SIDE, SIDE, &training));
  CHECK(one.parameters > 0 && one.packed_weights > 0 && one.workspace > 0);
  CHECK(one.gradients == 0 && one.momentum == 0);
  CHECK(one.total == one.parameters + one.packed_weights + one.workspace);
  CHECK(many.packed_weights == one.packed_weights && many.workspace > one.workspace);
  CHECK(training.gradients > 0 && training.momentum == training.gradients);
  CHECK(training.packed_weights == 0 && training.workspace > many.workspace);
  CHECK(training.total ==
        training.parameters + training.gradients + training.momentum + training.workspace);

  CHECK_ERROR(RN_SHAPE_MISMATCH, "at least 1", rn_model_inference_memory(model, 0, 8, 8, &one));
  CHECK_ERROR(RN_SHAPE_MISMATCH, "at least 1", rn_model_inference_memory(model, 1, -8, 8, &one));
  CHECK_ERROR(RN_SHAPE_MISMATCH, "2^40", rn_model_inference_memory(model, INT64_MAX, 8, 8, &one));
  CHECK_ERROR(RN_SHAPE_MISMATCH, "65536", rn_model_inference_memory(model, 1, INT32_MAX, 1, &one));
  CHECK_ERROR(RN_SHAPE_MISMATCH, "65536", rn_model_training_memory(model, 2, 1, INT32_MAX, &one));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "batch", rn_model_training_memory(model, 1, 1, 1, &one));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_model_inference_memory(model, 1, 8, 8, NULL));
  one.size = 8;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "RN_MEMORY_INIT",
              rn_model_training_memory(model, 2, 8, 8, &one));
  CHECK_OK(rn_model_free(model));
}

static void test_sizes(void) {
  rn_model *model = make_model(1);
  static uint8_t pixels[17 * 33];
  float scores[CLASSES];
  for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 7);
  static const int sides[][2] = {{1, 1}, {1, 33}, {17, 1}, {5, 7}, {17, 33}, {16, 16}};
  for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
    rn_images image = RN_IMAGES_U8(pixels, 1, 1, sides[i][0], sides[i][1]);
    CHECK_OK(rn_model_logits(model, &image, scores, CLASSES));
    for (int c = 0; c < CLASSES; c++) CHECK(isfinite(scores[c]));
  }
  CHECK_OK(rn_model_free(model));
}

/* Gives images that are wrong to all three functions. */
static void try_images(rn_model *model, const rn_images *images, rn_status status) {
  float scores[BATCH * CLASSES];
  int32_t labels[BATCH];
  CHECK_STATUS(status, rn_model_logits(model, images, scores, BATCH * CLASSES));
  CHECK_STATUS(status, rn_model_probabilities(model, images, scores, BATCH * CLASSES));
  CHECK_STATUS(status, rn_model_predict(model, images, labels, BATCH));
}

static void test_bad_images(void) {
  rn_model *model = make_model(1);
  float pixels[BATCH * PIXELS];
  int32_t labels[BATCH];
  make_images(BATCH, pixels, labels);
  const rn_images good = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  rn_images bad = good;
  try_images(model, NULL, RN_INVALID_ARGUMENT);
  bad.size = sizeof bad - 1;
  try_images(model, &bad, RN_INVALID_ARGUMENT);
  bad = good;
  bad.pixels = NULL;
  try_images(model, &bad, RN_INVALID_ARGUMENT);
  bad = good;
  bad.pixels = (const char *)pixels + 2;
  try_images(model, &bad, RN_INVALID_ARGUMENT);
  bad = good;
  bad.type = (rn_pixel_type)2;
  try_images(model, &bad, RN_INVALID_ARGUMENT);
  bad = good;
  bad.channels = 3;
  try_images(model, &bad, RN_SHAPE_MISMATCH);
  static const int32_t extremes[] = {0, -1, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < sizeof extremes / sizeof *extremes; i++) {
    bad = good;
    bad.channels = extremes[i];
    try_images(model, &bad, RN_SHAPE_MISMATCH);
    bad = good;
    bad.count = extremes[i] == INT32_MAX ? INT64_MAX : extremes[i];
    try_images(model, &bad, RN_SHAPE_MISMATCH);
    bad = good;
    bad.height = bad.width = extremes[i];
    try_images(model, &bad, RN_SHAPE_MISMATCH);
  }
  static const float strange[] = {NAN, INFINITY, -INFINITY};
  for (int i = 0; i < 3; i++) {
    float kept = pixels[BATCH * PIXELS - 1];
    pixels[BATCH * PIXELS - 1] = strange[i];
    try_images(model, &good, RN_NOT_FINITE);
    pixels[BATCH * PIXELS - 1] = kept;
  }

  float scores[BATCH * CLASSES];
  int32_t predictions[BATCH];
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_model_logits(model, &good, NULL, BATCH * CLASSES));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL",
              rn_model_probabilities(model, &good, NULL, BATCH * CLASSES));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_model_predict(model, &good, NULL, BATCH));
  CHECK_ERROR(RN_BUFFER_TOO_SMALL, "16 are needed",
              rn_model_logits(model, &good, scores, BATCH * CLASSES - 1));
  CHECK_STATUS(RN_BUFFER_TOO_SMALL, rn_model_probabilities(model, &good, scores, 0));
  CHECK_STATUS(RN_BUFFER_TOO_SMALL, rn_model_predict(model, &good, predictions, BATCH - 1));
  CHECK_OK(rn_model_logits(model, &good, scores, SIZE_MAX));
  CHECK_OK(rn_model_free(model));
}

void test_running(void) {
  test_scores();
  test_threads_do_not_matter();
  test_memory();
  test_sizes();
  test_bad_images();
}
