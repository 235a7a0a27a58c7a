/* Trainers and single steps. */
#include <math.h>
#include <string.h>

#include "check.h"

static void test_steps_learn(void) {
  rn_model *model = make_model(1);
  rn_trainer *trainer = NULL;
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  float pixels[BATCH * PIXELS], rate = 0;
  int32_t labels[BATCH], predictions[BATCH];
  make_images(BATCH, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  int64_t iterations = -1;
  CHECK_OK(rn_trainer_iterations(trainer, &iterations));
  CHECK(iterations == 0);
  CHECK_OK(rn_trainer_get_learning_rate(trainer, &rate));
  CHECK(rate == 0.1f);
  CHECK_OK(rn_trainer_set_learning_rate(trainer, 0.05f));
  CHECK_OK(rn_trainer_get_learning_rate(trainer, &rate));
  CHECK(rate == 0.05f);
  double first = 0, loss = 0;
  for (int i = 0; i < 40; i++)
    CHECK_OK(rn_trainer_step(trainer, &images, labels, i ? &loss : &first));
  CHECK(first > 0.1 && loss < 0.1 * first);
  CHECK_OK(rn_trainer_iterations(trainer, &iterations));
  CHECK(iterations == 40);
  CHECK_OK(rn_model_predict(model, &images, predictions, BATCH));
  CHECK(memcmp(labels, predictions, sizeof labels) == 0);
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
}

/* The same bits whatever the number of threads, and from bytes as from floats. */
static void test_steps_repeat(void) {
  rn_model *models[4];
  double losses[4][3];
  uint8_t bytes[BATCH * PIXELS];
  float floats[BATCH * PIXELS];
  int32_t labels[BATCH];
  make_images(BATCH, floats, labels);
  for (int i = 0; i < BATCH * PIXELS; i++) {
    bytes[i] = (uint8_t)(100 * floats[i]);
    floats[i] = bytes[i];
  }
  for (int i = 0; i < 4; i++) {
    CHECK_OK(rn_set_threads(i < 3 ? i + 1 : 0));
    models[i] = make_model(1);
    rn_trainer *trainer = NULL;
    CHECK_OK(rn_trainer_create(models[i], NULL, &trainer));
    rn_images as_floats = RN_IMAGES_F32(floats, BATCH, 1, SIDE, SIDE);
    rn_images as_bytes = RN_IMAGES_U8(bytes, BATCH, 1, SIDE, SIDE);
    for (int step = 0; step < 3; step++)
      CHECK_OK(rn_trainer_step(trainer, i < 3 ? &as_floats : &as_bytes, labels, &losses[i][step]));
    CHECK(memcmp(losses[0], losses[i], sizeof losses[0]) == 0);
    CHECK(same_scores(models[0], models[i]));
    CHECK_OK(rn_trainer_free(trainer));
  }
  CHECK_OK(rn_set_threads(0));
  for (int i = 0; i < 4; i++) CHECK_OK(rn_model_free(models[i]));
}

static void try_trainer_options(rn_model *model, rn_trainer_options options, const char *text) {
  rn_trainer *trainer = NULL;
  CHECK_ERROR(RN_INVALID_ARGUMENT, text, rn_trainer_create(model, &options, &trainer));
  CHECK(trainer == NULL);
}

static void test_options(void) {
  rn_model *model = make_model(1);
  const rn_trainer_options defaults = RN_TRAINER_OPTIONS_INIT;
  static const float strange[] = {-0.5f, NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
    rn_trainer_options options = defaults;
    options.learning_rate = strange[i];
    try_trainer_options(model, options, "learning rate");
    options = defaults;
    options.momentum = strange[i];
    try_trainer_options(model, options, "momentum");
    options = defaults;
    options.weight_decay = strange[i];
    try_trainer_options(model, options, "weight decay");
  }
  rn_trainer_options options = defaults;
  options.momentum = 1;
  try_trainer_options(model, options, "momentum");
  options = defaults;
  options.size--;
  try_trainer_options(model, options, "RN_TRAINER_OPTIONS_INIT");
  CHECK_ERROR(RN_INVALID_ARGUMENT, "trainer", rn_trainer_create(model, NULL, NULL));

  rn_trainer *trainer = NULL;
  options = defaults;
  options.learning_rate = 0.25f;
  options.spare_bn_and_biases = 1;
  CHECK_OK(rn_trainer_create(model, &options, &trainer));
  float rate = 0;
  CHECK_OK(rn_trainer_get_learning_rate(trainer, &rate));
  CHECK(rate == 0.25f);
  for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
    CHECK_STATUS(RN_INVALID_ARGUMENT, rn_trainer_set_learning_rate(trainer, strange[i]));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "rate", rn_trainer_get_learning_rate(trainer, NULL));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "iterations", rn_trainer_iterations(trainer, NULL));
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
}

/* Weight decay alone (rate 1, decay d) shrinks what it applies to by the factor 1 - d. */
static void test_spared_tensors(void) {
  for (int spare = 0; spare < 2; spare++) {
    rn_model *model = make_model(1), *without = make_model(1);
    rn_trainer_options options = RN_TRAINER_OPTIONS_INIT;
    options.learning_rate = 1e-3f;
    options.spare_bn_and_biases = spare;
    options.weight_decay = 100;
    rn_trainer *decaying = NULL, *plain = NULL;
    CHECK_OK(rn_trainer_create(model, &options, &decaying));
    options.weight_decay = 0;
    CHECK_OK(rn_trainer_create(without, &options, &plain));
    float pixels[BATCH * PIXELS], a[8], b[8];
    int32_t labels[BATCH];
    double loss = 0;
    make_images(BATCH, pixels, labels);
    rn_images images = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
    CHECK_OK(rn_trainer_step(decaying, &images, labels, &loss));
    CHECK_OK(rn_trainer_step(plain, &images, labels, &loss));
    /* BN weights start at 1, so decay takes 0.1 of them. */
    CHECK_OK(rn_model_get_tensor(model, "bn1.weight", a, 8));
    CHECK_OK(rn_model_get_tensor(without, "bn1.weight", b, 8));
    for (int i = 0; i < 8; i++) CHECK(fabsf(b[i] - a[i] - (spare ? 0 : 0.1f)) < 1e-5f);
    CHECK_OK(rn_trainer_free(decaying));
    CHECK_OK(rn_trainer_free(plain));
    CHECK_OK(rn_model_free(model));
    CHECK_OK(rn_model_free(without));
  }
}

/* Wrong batches are refused and leave model and trainer as they were. */
static void test_bad_batches(void) {
  rn_model *model = make_model(1), *untouched = make_model(1);
  rn_trainer *trainer = NULL;
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  float pixels[BATCH * PIXELS];
  int32_t labels[BATCH];
  double loss = -1;
  make_images(BATCH, pixels, labels);
  const rn_images good = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  rn_images bad = good;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "rn_images", rn_trainer_step(trainer, NULL, labels, &loss));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "labels", rn_trainer_step(trainer, &good, NULL, &loss));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "loss", rn_trainer_step(trainer, &good, labels, NULL));
  static const int32_t strange[] = {CLASSES, -1, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
    labels[BATCH - 1] = strange[i];
    CHECK_STATUS(RN_INVALID_ARGUMENT, rn_trainer_step(trainer, &good, labels, &loss));
  }
  make_images(BATCH, pixels, labels);
  bad.channels = 2;
  bad.count = BATCH / 2;
  CHECK_STATUS(RN_SHAPE_MISMATCH, rn_trainer_step(trainer, &bad, labels, &loss));
  bad = good;
  bad.count = 0;
  CHECK_STATUS(RN_SHAPE_MISMATCH, rn_trainer_step(trainer, &bad, labels, &loss));
  bad = (rn_images)RN_IMAGES_F32(pixels, 1, 1, 1, 1);
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_trainer_step(trainer, &bad, labels, &loss));
  pixels[100] = NAN;
  CHECK_STATUS(RN_NOT_FINITE, rn_trainer_step(trainer, &good, labels, &loss));
  pixels[100] = INFINITY;
  CHECK_STATUS(RN_NOT_FINITE, rn_trainer_step(trainer, &good, labels, &loss));
  CHECK(loss == -1);
  CHECK(same_scores(model, untouched));
  int64_t iterations = -1;
  CHECK_OK(rn_trainer_iterations(trainer, &iterations));
  CHECK(iterations == 0);

  /* A loss that diverges: weights that are finite, but whose scores are not. */
  make_images(BATCH, pixels, labels);
  float bias[CLASSES] = {3e38f, -3e38f};
  CHECK_OK(rn_model_set_tensor(model, "fc.bias", bias, CLASSES));
  rn_status status = rn_trainer_step(trainer, &good, labels, &loss);
  CHECK(status == RN_NOT_FINITE || (status == RN_OK && isfinite(loss)));
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_model_free(untouched));
}

static void test_freezing(void) {
  rn_model *model = make_model(1);
  rn_trainer *trainer = NULL;
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  float pixels[BATCH * PIXELS], before[8], after[8];
  int32_t labels[BATCH];
  double loss = 0;
  make_images(BATCH, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  const char *const names[] = {"conv1", "bn1"}, *const unknown[] = {"conv"}, *const null[] = {NULL};
  const char *const all[] = {"conv1", "bn1", "layer1", "layer2", "fc"};
  CHECK_OK(rn_trainer_freeze(trainer, names, 2));
  static const char *const tensors[] = {"bn1.weight", "bn1.running_mean"};
  for (int i = 0; i < 2; i++) {
    CHECK_OK(rn_model_get_tensor(model, tensors[i], before, 8));
    CHECK_OK(rn_trainer_step(trainer, &images, labels, &loss));
    CHECK_OK(rn_model_get_tensor(model, tensors[i], after, 8));
    CHECK(memcmp(before, after, sizeof before) == 0);
  }
  CHECK_OK(rn_trainer_freeze(trainer, NULL, 0));
  CHECK_OK(rn_trainer_step(trainer, &images, labels, &loss));
  CHECK_OK(rn_model_get_tensor(model, "bn1.running_mean", after, 8));
  CHECK(memcmp(before, after, sizeof before) != 0);
  CHECK_ERROR(RN_NOT_FOUND, "conv", rn_trainer_freeze(trainer, unknown, 1));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "name", rn_trainer_freeze(trainer, null, 1));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "names", rn_trainer_freeze(trainer, NULL, 1));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "names", rn_trainer_freeze(trainer, names, -1));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "nothing", rn_trainer_freeze(trainer, all, 5));
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
}

void test_training(void) {
  test_freezing();
  test_steps_learn();
  test_steps_repeat();
  test_options();
  test_spared_tensors();
  test_bad_batches();
}
