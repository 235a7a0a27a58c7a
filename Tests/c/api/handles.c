/* Null, freed, foreign and wrong-kind handles, given to every function that takes one. */
#include "check.h"

/* Calls every function with a bad model handle; `text` is what the message must say. */
static void try_model(rn_model *bad, const char *text) {
  float value = 0;
  float pixels[PIXELS] = {0};
  int32_t number = 0;
  size_t count = 0;
  rn_images image = RN_IMAGES_F32(pixels, 1, 1, SIDE, SIDE);
  rn_model_info info = RN_MODEL_INFO_INIT;
  rn_tensor_info tensor = RN_TENSOR_INFO_INIT;
  rn_metrics metrics = RN_METRICS_INIT;
  int64_t counts[4];
  rn_memory memory = RN_MEMORY_INIT;
  rn_dataset *dataset = make_dataset(2);
  rn_trainer *trainer = NULL;
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_save(bad, scratch("bad.h5")));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_get_info(bad, &info));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_summary(bad, 0, 0, NULL, 0, &count));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_name(bad, NULL, 0, &count));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_tensor_info(bad, 0, &tensor));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_get_tensor(bad, "fc.bias", &value, 1));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_set_tensor(bad, "fc.bias", &value, 1));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_set_normalization(bad, &value, 1, 0, 0, &value, 1));
  CHECK_ERROR(RN_INVALID_HANDLE, text,
              rn_model_get_normalization(bad, NULL, 0, &count, &number, &number, NULL, 0, &count));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_set_class_names(bad, NULL, 0));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_class_name(bad, 0, NULL, 0, &count));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_logits(bad, &image, pixels, PIXELS));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_probabilities(bad, &image, pixels, PIXELS));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_predict(bad, &image, &number, 1));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_inference_memory(bad, 1, SIDE, SIDE, &memory));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_training_memory(bad, 2, SIDE, SIDE, &memory));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_evaluate(bad, dataset, &metrics));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_recompute_statistics(bad, dataset, 2, 0, 0));
  CHECK_ERROR(RN_INVALID_HANDLE, text,
              rn_model_evaluate_by_class(bad, dataset, &metrics, counts, 4));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_trainer_create(bad, NULL, &trainer));
  CHECK(trainer == NULL);
  if (bad != NULL) CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_free(bad));
  CHECK_OK(rn_dataset_free(dataset));
}

static void try_dataset(rn_dataset *bad, const char *text) {
  rn_model *model = make_model(1);
  rn_trainer *trainer = NULL;
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  rn_dataset *good = make_dataset(2);
  rn_dataset_info info = RN_DATASET_INFO_INIT;
  rn_metrics metrics = RN_METRICS_INIT;
  rn_fit_options fit = RN_FIT_OPTIONS_INIT;
  fit.batch_size = 2;
  int32_t label = 0;
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_dataset_get_info(bad, &info));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_dataset_read(bad, 0, 1, NULL, 0, &label, 1));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_model_evaluate(model, bad, &metrics));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_trainer_fit(trainer, bad, NULL, &fit));
  if (bad != NULL) {
    CHECK_ERROR(RN_INVALID_HANDLE, text, rn_trainer_fit(trainer, good, bad, &fit));
    CHECK_ERROR(RN_INVALID_HANDLE, text, rn_dataset_free(bad));
  }
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_dataset_free(good));
}

static void try_trainer(rn_trainer *bad, const char *text) {
  rn_dataset *dataset = make_dataset(2);
  float pixels[PIXELS] = {0}, rate = 0;
  int32_t label = 0;
  int64_t iterations = 0;
  double loss = 0;
  rn_images image = RN_IMAGES_F32(pixels, 1, 1, SIDE, SIDE);
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_trainer_set_learning_rate(bad, 0.1f));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_trainer_get_learning_rate(bad, &rate));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_trainer_iterations(bad, &iterations));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_trainer_step(bad, &image, &label, &loss));
  CHECK_ERROR(RN_INVALID_HANDLE, text, rn_trainer_fit(bad, dataset, NULL, NULL));
  if (bad != NULL) CHECK_ERROR(RN_INVALID_HANDLE, text, rn_trainer_free(bad));
  CHECK_OK(rn_dataset_free(dataset));
}

static void test_null(void) {
  try_model(NULL, "null");
  try_dataset(NULL, "null");
  try_trainer(NULL, "null");
  CHECK_OK(rn_model_free(NULL));
  CHECK_OK(rn_dataset_free(NULL));
  CHECK_OK(rn_trainer_free(NULL));
}

static void test_freed(void) {
  rn_model *model = make_model(1);
  rn_trainer *trainer = NULL;
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  rn_dataset *dataset = make_dataset(2);
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_dataset_free(dataset));
  /* Others may live in their place by now. */
  rn_model *successor = make_model(1);
  CHECK(successor != model);
  try_model(model, "freed");
  try_trainer(trainer, "freed");
  try_dataset(dataset, "freed");
  CHECK_OK(rn_model_free(successor));
}

static void test_wrong_kind(void) {
  rn_model *model = make_model(1);
  rn_trainer *trainer = NULL;
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  rn_dataset *dataset = make_dataset(2);
  try_model((rn_model *)(void *)trainer, "expected a model, got a trainer");
  try_model((rn_model *)(void *)dataset, "expected a model, got a dataset");
  try_dataset((rn_dataset *)(void *)model, "expected a dataset, got a model");
  try_dataset((rn_dataset *)(void *)trainer, "expected a dataset, got a trainer");
  try_trainer((rn_trainer *)(void *)model, "expected a trainer, got a model");
  try_trainer((rn_trainer *)(void *)dataset, "expected a trainer, got a dataset");
  rn_image *image = (rn_image *)(void *)model;
  CHECK_ERROR(RN_INVALID_HANDLE, "expected an image, got a model", rn_image_free(image));
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_dataset_free(dataset));
}

static void test_foreign(void) {
  rn_model *model = make_model(1);
  int object = 0;
  try_model((rn_model *)(void *)&object, "no handle of this library");
  try_dataset((rn_dataset *)(uintptr_t)1, "no handle of this library");
  try_trainer((rn_trainer *)UINTPTR_MAX, "no handle of this library");
  /* Every single bit of a good handle matters. */
  rn_model_info info = RN_MODEL_INFO_INIT;
  for (int bit = 0; bit < (int)sizeof(uintptr_t) * 8; bit++) {
    rn_model *near = (rn_model *)((uintptr_t)model ^ (uintptr_t)1 << bit);
    CHECK_STATUS(RN_INVALID_HANDLE, rn_model_get_info(near, &info));
  }
  CHECK_OK(rn_model_free(model));
}

static void test_many(void) {
  enum { COUNT = 300 };
  static rn_dataset *datasets[COUNT];
  rn_dataset_info info = RN_DATASET_INFO_INIT;
  for (int i = 0; i < COUNT; i++) datasets[i] = make_dataset(i + 1);
  for (int i = 0; i < COUNT; i += 2) CHECK_OK(rn_dataset_free(datasets[i]));
  for (int i = 0; i < COUNT; i++) {
    if (i % 2 == 0) {
      CHECK_STATUS(RN_INVALID_HANDLE, rn_dataset_get_info(datasets[i], &info));
    } else {
      CHECK_OK(rn_dataset_get_info(datasets[i], &info));
      CHECK(info.count == i + 1);
      CHECK_OK(rn_dataset_free(datasets[i]));
    }
  }
}

/* A trainer keeps its model alive. */
static void test_model_freed_before_trainer(void) {
  rn_model *model = make_model(1);
  rn_trainer *trainer = NULL;
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  CHECK_OK(rn_model_free(model));
  float pixels[BATCH * PIXELS];
  int32_t labels[BATCH];
  double loss = 0;
  make_images(BATCH, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  CHECK_OK(rn_trainer_step(trainer, &images, labels, &loss));
  CHECK(loss > 0);
  CHECK_OK(rn_trainer_free(trainer));
}

void test_handles(void) {
  test_null();
  test_freed();
  test_wrong_kind();
  test_foreign();
  test_many();
  test_model_freed_before_trainer();
}
