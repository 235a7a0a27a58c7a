/* rn_trainer_fit, and what its progress callback sees and may do. */
#include <math.h>
#include <string.h>

#include "check.h"

enum { COUNT = 70, STEPS = COUNT / BATCH };

struct log {
  rn_model *model;
  rn_trainer *trainer;
  rn_dataset *dataset;
  int steps, epochs_ended, cancel_at;
  rn_progress last;
};

static int record(const rn_progress *progress, void *user) {
  struct log *log = user;
  CHECK(progress->size == sizeof *progress);
  CHECK(progress->epoch >= 1 && progress->epoch <= progress->epochs);
  CHECK(progress->steps == STEPS && isfinite(progress->loss));
  CHECK(progress->accuracy >= 0 && progress->accuracy <= 1 && progress->images_per_second > 0);
  if (progress->epoch_ended) {
    log->epochs_ended++;
    CHECK(progress->step == STEPS);
  } else {
    log->steps++;
    CHECK(progress->iteration == log->steps);
    CHECK(progress->step == (log->steps - 1) % STEPS + 1);
    CHECK(!progress->has_validation);
  }
  log->last = *progress;
  return log->steps == log->cancel_at;
}

static rn_fit_options fit_options(int32_t epochs, rn_progress_callback progress, void *user) {
  rn_fit_options options = RN_FIT_OPTIONS_INIT;
  options.epochs = epochs;
  options.batch_size = BATCH;
  options.progress = progress;
  options.user = user;
  return options;
}

static void test_fit_learns(void) {
  struct log log = {0};
  rn_model *model = make_model(1);
  rn_trainer *trainer = NULL;
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  rn_dataset *dataset = make_dataset(COUNT), *validation = make_dataset(20);
  rn_fit_options options = fit_options(4, record, &log);
  const int64_t milestones[] = {2 * STEPS, 3 * STEPS};
  options.milestones = milestones;
  options.milestone_count = 2;
  options.gamma = 0.5f;
  options.pad = 1;
  CHECK_OK(rn_trainer_fit(trainer, dataset, validation, &options));
  CHECK(log.steps == 4 * STEPS && log.epochs_ended == 4);
  CHECK(log.last.epoch_ended && log.last.has_validation && log.last.epoch == 4);
  CHECK(fabsf(log.last.learning_rate - 0.025f) < 1e-6f);
  CHECK(log.last.accuracy > 0.9 && log.last.validation_accuracy > 0.9);
  rn_metrics metrics = RN_METRICS_INIT;
  CHECK_OK(rn_model_evaluate(model, validation, &metrics));
  CHECK(metrics.loss == log.last.validation_loss);
  CHECK(metrics.accuracy == log.last.validation_accuracy);

  /* The model has taken the per-pixel mean of the images. */
  size_t means = 0, scales = 0;
  int32_t height = 0, width = 0;
  CHECK_OK(rn_model_get_normalization(model, NULL, 0, &means, &height, &width, NULL, 0, &scales));
  CHECK(means == PIXELS && height == SIDE && width == SIDE && scales == 1);
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_dataset_free(dataset));
  CHECK_OK(rn_dataset_free(validation));
}

/* Training for a number of steps ends in the middle of an epoch. */
static int count_steps(const rn_progress *progress, void *user) {
  struct log *log = user;
  CHECK(progress->epochs == 2 && progress->steps == (progress->epoch == 1 ? STEPS : 3));
  log->epochs_ended += progress->epoch_ended != 0;
  log->last = *progress;
  return 0;
}

static void test_iterations(void) {
  struct log log = {0};
  rn_model *model = make_model(1);
  rn_trainer *trainer = NULL;
  rn_dataset *dataset = make_dataset(COUNT);
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  rn_fit_options options = fit_options(1, count_steps, &log);
  options.iterations = STEPS + 3;
  CHECK_OK(rn_trainer_fit(trainer, dataset, dataset, &options));
  CHECK(log.last.iteration == STEPS + 3 && log.last.step == 3 && log.last.has_validation);
  CHECK(log.epochs_ended == 2);
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_dataset_free(dataset));
}

/* Trains a model of seed 1 and returns it. */
static rn_model *fitted(int threads, int workers, uint64_t seed, rn_normalize normalize) {
  CHECK_OK(rn_set_threads(threads));
  rn_model *model = make_model(1);
  rn_trainer *trainer = NULL;
  rn_dataset *dataset = make_dataset(COUNT);
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  rn_fit_options options = fit_options(2, NULL, NULL);
  options.seed = seed;
  options.pad = 1;
  options.mirror = 0;
  options.normalize = normalize;
  options.workers = workers;
  CHECK_OK(rn_trainer_fit(trainer, dataset, NULL, &options));
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_dataset_free(dataset));
  CHECK_OK(rn_set_threads(0));
  return model;
}

static void test_fit_repeats(void) {
  rn_model *first = fitted(1, 0, 5, RN_NORMALIZE_AUTO);
  rn_model *again = fitted(3, RN_DEFAULT, 5, RN_NORMALIZE_AUTO);
  rn_model *many_workers = fitted(1, 5, 5, RN_NORMALIZE_AUTO);
  rn_model *other_seed = fitted(1, 0, 6, RN_NORMALIZE_AUTO);
  rn_model *kept = fitted(1, 0, 5, RN_NORMALIZE_KEEP);
  CHECK(same_scores(first, again));
  CHECK(same_scores(first, many_workers));
  CHECK(!same_scores(first, other_seed));
  CHECK(!same_scores(first, kept));
  size_t means = 99, scales = 99;
  int32_t height = 99, width = 99;
  CHECK_OK(rn_model_get_normalization(kept, NULL, 0, &means, &height, &width, NULL, 0, &scales));
  CHECK(means == 0 && scales == 0);
  CHECK_OK(rn_model_free(first));
  CHECK_OK(rn_model_free(again));
  CHECK_OK(rn_model_free(many_workers));
  CHECK_OK(rn_model_free(other_seed));
  CHECK_OK(rn_model_free(kept));
}

static void test_cancelling(void) {
  struct log log = {0};
  log.cancel_at = 3;
  rn_model *model = make_model(1);
  rn_trainer *trainer = NULL;
  rn_dataset *dataset = make_dataset(COUNT);
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  rn_fit_options options = fit_options(5, record, &log);
  CHECK_ERROR(RN_CANCELLED, "stopped", rn_trainer_fit(trainer, dataset, NULL, &options));
  int64_t iterations = 0;
  CHECK_OK(rn_trainer_iterations(trainer, &iterations));
  CHECK(iterations == 3 && log.steps == 3);
  /* Nothing is stuck: it can go on. */
  options = fit_options(1, NULL, NULL);
  CHECK_OK(rn_trainer_fit(trainer, dataset, NULL, &options));
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_dataset_free(dataset));
}

/* In its first call: uses model, trainer and dataset from within the training. */
static int reenter(const rn_progress *progress, void *user) {
  struct log *log = user;
  if (log->steps++ > 0) return 0;
  float pixels[BATCH * PIXELS];
  int32_t labels[BATCH];
  double loss = 0;
  make_images(BATCH, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  rn_metrics metrics = RN_METRICS_INIT;
  rn_model *loaded = NULL;
  CHECK_OK(rn_model_save(log->model, scratch("callback.h5")));
  CHECK_OK(rn_model_load(scratch("callback.h5"), &loaded));
  CHECK(same_scores(log->model, loaded));
  CHECK_OK(rn_model_free(loaded));
  CHECK_OK(rn_model_evaluate(log->model, log->dataset, &metrics));
  CHECK_OK(rn_trainer_set_learning_rate(log->trainer, 0.01f));
  CHECK_ERROR(RN_BUSY, "callback", rn_trainer_step(log->trainer, &images, labels, &loss));
  rn_fit_options options = fit_options(1, NULL, NULL);
  CHECK_ERROR(RN_BUSY, "callback", rn_trainer_fit(log->trainer, log->dataset, NULL, &options));
  CHECK(progress->learning_rate == 0.1f);
  return 0;
}

static int free_everything(const rn_progress *progress, void *user) {
  struct log *log = user;
  (void)progress;
  if (log->steps++ > 0) return 0;
  rn_model_info info = RN_MODEL_INFO_INIT;
  CHECK_OK(rn_trainer_free(log->trainer));
  CHECK_OK(rn_model_free(log->model));
  CHECK_OK(rn_dataset_free(log->dataset));
  CHECK_ERROR(RN_INVALID_HANDLE, "freed", rn_model_get_info(log->model, &info));
  return 0;
}

static void test_callback(void) {
  struct log log = {0};
  log.model = make_model(1);
  log.dataset = make_dataset(COUNT);
  CHECK_OK(rn_trainer_create(log.model, NULL, &log.trainer));
  rn_fit_options options = fit_options(1, reenter, &log);
  CHECK_OK(rn_trainer_fit(log.trainer, log.dataset, log.dataset, &options));
  CHECK(log.steps == STEPS + 1);
  float rate = 0;
  CHECK_OK(rn_trainer_get_learning_rate(log.trainer, &rate));
  CHECK(rate == 0.01f);
  /* The training goes on to its end on what it holds. */
  log.steps = 0;
  options.progress = free_everything;
  CHECK_OK(rn_trainer_fit(log.trainer, log.dataset, NULL, &options));
  CHECK(log.steps == STEPS + 1);
  CHECK_STATUS(RN_INVALID_HANDLE, rn_trainer_free(log.trainer));
}

static void test_bad_options(void) {
  rn_model *model = make_model(1), *untouched = make_model(1);
  rn_trainer *trainer = NULL;
  rn_dataset *dataset = make_dataset(COUNT);
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  const rn_fit_options good = fit_options(1, NULL, NULL);
  rn_fit_options bad;
#define TRY(change, text)                                                                 \
  do {                                                                                    \
    bad = good;                                                                           \
    change;                                                                               \
    CHECK_ERROR(RN_INVALID_ARGUMENT, text, rn_trainer_fit(trainer, dataset, NULL, &bad)); \
  } while (0)
  static const int32_t extremes[] = {0, -1, INT32_MIN};
  for (size_t i = 0; i < sizeof extremes / sizeof *extremes; i++) {
    TRY(bad.epochs = extremes[i], "epochs");
    TRY(bad.batch_size = extremes[i], "batch");
    if (extremes[i] < 0) TRY(bad.pad = extremes[i], "pad");
    if (extremes[i] < 0) TRY(bad.iterations = extremes[i], "iterations");
    if (extremes[i] < -1) TRY(bad.workers = extremes[i], "workers");
    TRY(bad.prefetch = extremes[i], "ahead");
    if (extremes[i] < 0) TRY(bad.milestone_count = extremes[i], "milestones");
  }
  static const float gammas[] = {0, -1, NAN, INFINITY};
  for (size_t i = 0; i < sizeof gammas / sizeof *gammas; i++) TRY(bad.gamma = gammas[i], "gamma");
  static const int64_t unsorted[] = {5, 5}, negative[] = {-1, INT64_MIN};
  TRY(bad.batch_size = COUNT + 1, "batch");
  TRY(bad.batch_size = INT32_MAX, "batch");
  TRY(bad.iterations = INT64_MIN, "iterations");
  TRY(bad.workers = 257, "workers");
  TRY(bad.prefetch = 65, "ahead");
  TRY(bad.pad = INT32_MAX, "pad");
  TRY(bad.normalize = (rn_normalize)3, "normalize");
  TRY(bad.normalize = (rn_normalize)-1, "normalize");
  TRY(bad.milestone_count = 2, "milestones");
  TRY((bad.milestone_count = 2, bad.milestones = unsorted), "milestones");
  TRY((bad.milestone_count = 2, bad.milestones = negative), "milestones");
  TRY(bad.size = 0, "RN_FIT_OPTIONS_INIT");
#undef TRY
  /* The defaults want more images than there are. */
  CHECK_ERROR(RN_INVALID_ARGUMENT, "128", rn_trainer_fit(trainer, dataset, NULL, NULL));

  /* Data that do not fit the model. */
  static float pixels[COUNT * PIXELS];
  static int32_t labels[COUNT];
  make_images(COUNT, pixels, labels);
  rn_images colour = RN_IMAGES_F32(pixels, COUNT / 2, 2, SIDE, SIDE);
  rn_dataset *other = NULL;
  CHECK_OK(rn_dataset_create(&colour, labels, CLASSES, &other));
  CHECK_STATUS(RN_SHAPE_MISMATCH, rn_trainer_fit(trainer, other, NULL, &good));
  CHECK_STATUS(RN_SHAPE_MISMATCH, rn_trainer_fit(trainer, dataset, other, &good));
  CHECK(same_scores(model, untouched));
  CHECK_OK(rn_dataset_free(other));
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_model_free(untouched));
  CHECK_OK(rn_dataset_free(dataset));
}

static int is_same(const rn_image_options *a, const rn_image_options *b) {
  return a->size == b->size && a->channels == b->channels && a->crop == b->crop &&
         a->resize == b->resize && a->filter == b->filter && a->damage == b->damage &&
         a->pixel_limit == b->pixel_limit && a->scaled_decoding == b->scaled_decoding &&
         a->variation == b->variation && a->least_side == b->least_side &&
         a->most_side == b->most_side && a->least_area == b->least_area &&
         a->most_area == b->most_area && a->least_aspect == b->least_aspect &&
         a->most_aspect == b->most_aspect && a->mirror == b->mirror &&
         a->colour_deviation == b->colour_deviation &&
         memcmp(a->eigenvalues, b->eigenvalues, sizeof a->eigenvalues) == 0 &&
         memcmp(a->eigenvectors, b->eigenvectors, sizeof a->eigenvectors) == 0;
}

static void test_recipes(void) {
  rn_trainer_options sgd = RN_TRAINER_OPTIONS_INIT;
  rn_fit_options fit = RN_FIT_OPTIONS_INIT;
  int64_t held_out = 0;
  sgd.learning_rate = 5;
  CHECK_OK(rn_recipe_get("cifar-resnet110", &sgd, &fit, NULL, &held_out));
  CHECK(sgd.size == sizeof sgd && sgd.learning_rate == 0.1f && sgd.momentum == 0.9f);
  CHECK(sgd.weight_decay == 1e-4f && sgd.spare_bn_and_biases == 0 && held_out == 5000);
  CHECK(fit.size == sizeof fit && fit.iterations == 64000 && fit.batch_size == 128);
  CHECK(fit.pad == 4 && fit.mirror && fit.normalize == RN_NORMALIZE_AUTO && fit.gamma == 0.1f);
  CHECK(fit.milestone_count == 2 && fit.milestones[0] == 32000 && fit.milestones[1] == 48000);
  CHECK(fit.warm_up_rate == 0.01f && fit.warm_up_error == 0.8f && fit.plateau_patience == 0);
  CHECK(fit.workers == RN_DEFAULT && fit.prefetch == 2 && !fit.progress && !fit.user);
  /* What it gives can be used as it is. */
  rn_model *model = make_model(1);
  rn_trainer *trainer = NULL;
  rn_dataset *dataset = make_dataset(COUNT);
  fit.batch_size = BATCH;
  fit.iterations = 2;
  CHECK_OK(rn_trainer_create(model, &sgd, &trainer));
  CHECK_OK(rn_trainer_fit(trainer, dataset, NULL, &fit));
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_dataset_free(dataset));

  CHECK_OK(rn_recipe_get("cifar", NULL, &fit, NULL, NULL));
  CHECK(fit.warm_up_error == 0);
  CHECK_ERROR(RN_NOT_FOUND, "cifar-resnet110", rn_recipe_get("paper", &sgd, &fit, NULL, &held_out));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "name", rn_recipe_get(NULL, &sgd, &fit, NULL, &held_out));

  /* Images in files: what the macros say. */
  rn_image_options images = RN_IMAGE_OPTIONS_INIT;
  const rn_image_options none = RN_IMAGE_OPTIONS_INIT, published = RN_IMAGE_OPTIONS_PUBLISHED,
                         common = RN_IMAGE_OPTIONS_COMMON;
  CHECK_OK(rn_recipe_get("imagenet", NULL, &fit, &images, &held_out));
  CHECK(fit.iterations == 600000 && fit.batch_size == 256 && fit.plateau_patience == 5);
  CHECK(held_out == 0 && is_same(&images, &published));
  CHECK_OK(rn_recipe_get("imagenet-common", NULL, &fit, &images, NULL));
  CHECK(fit.milestones[1] == 300240 && fit.normalize == RN_NORMALIZE_CHANNELS);
  CHECK(is_same(&images, &common));
  CHECK_OK(rn_recipe_get("cifar", NULL, NULL, &images, NULL));
  CHECK(is_same(&images, &none));
  images.size = 1;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "INIT", rn_recipe_get("cifar", NULL, NULL, &images, NULL));
  fit.size = 1;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "INIT", rn_recipe_get("cifar", NULL, &fit, NULL, NULL));
  char text[2048];
  size_t needed = 0;
  CHECK_OK(rn_recipe_describe("cifar", NULL, 0, &needed));
  CHECK(needed > 100 && needed < sizeof text);
  CHECK_OK(rn_recipe_describe("cifar", text, needed, NULL));
  CHECK(strlen(text) + 1 == needed && strstr(text, "64,000 steps") != NULL);
  CHECK_STATUS(RN_BUFFER_TOO_SMALL, rn_recipe_describe("cifar", text, needed - 1, NULL));
  CHECK_ERROR(RN_NOT_FOUND, "paper", rn_recipe_describe("paper", text, sizeof text, NULL));
}

void test_fitting(void) {
  test_fit_learns();
  test_iterations();
  test_fit_repeats();
  test_cancelling();
  test_callback();
  test_bad_options();
  test_recipes();
}
