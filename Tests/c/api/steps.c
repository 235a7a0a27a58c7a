/* Every long call reports its steps on its own thread, and can be stopped at each of them. */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* More than go through the network at once, so that everything has steps. */
enum { IMAGES = 600 };

struct watch {
  pthread_t thread;
  int calls, stop_at; /* the call that asks to stop; 0: none */
  int64_t done, total;
  char what[32];
};

static int watch(const rn_step *step, void *user) {
  struct watch *seen = user;
  CHECK(step->size == sizeof *step && pthread_equal(seen->thread, pthread_self()));
  CHECK(step->done >= 0 && step->done < step->total);
  if (strcmp(seen->what, step->what) == 0) {
    CHECK(step->total == seen->total && step->done >= seen->done);
  } else {
    strncpy(seen->what, step->what, sizeof seen->what - 1);
  }
  seen->done = step->done;
  seen->total = step->total;
  return ++seen->calls == seen->stop_at;
}

struct things {
  rn_model *model;
  rn_trainer *trainer;
  rn_dataset *dataset;
  rn_images images;
};

static rn_status evaluate(struct things *t) {
  rn_metrics metrics = RN_METRICS_INIT;
  return rn_model_evaluate(t->model, t->dataset, &metrics);
}
static rn_status by_class(struct things *t) {
  rn_metrics metrics = RN_METRICS_INIT;
  int64_t confusion[CLASSES * CLASSES];
  return rn_model_evaluate_by_class(t->model, t->dataset, &metrics, confusion, CLASSES * CLASSES);
}
static rn_status test_views(struct things *t) {
  rn_metrics metrics = RN_METRICS_INIT;
  rn_test_options options = RN_TEST_OPTIONS_INIT;
  return rn_model_test(t->model, t->dataset, &options, &metrics, NULL, 0);
}
static rn_status responses(struct things *t) {
  double deviations[16];
  size_t count = 0;
  return rn_model_responses(t->model, t->dataset, deviations, 16, &count);
}
static rn_status recompute(struct things *t) {
  return rn_model_recompute_statistics(t->model, t->dataset, BATCH, 0, 0);
}
static rn_status calibrate(struct things *t) {
  rn_calibration calibration = RN_CALIBRATION_INIT;
  return rn_dataset_calibrate(t->dataset, 0, 0, &calibration);
}
static rn_status logits(struct things *t) {
  static float scores[IMAGES * CLASSES];
  return rn_model_logits(t->model, &t->images, scores, IMAGES * CLASSES);
}
static rn_status probabilities(struct things *t) {
  static float scores[IMAGES * CLASSES];
  return rn_model_probabilities(t->model, &t->images, scores, IMAGES * CLASSES);
}
static rn_status predict(struct things *t) {
  static int32_t labels[IMAGES];
  return rn_model_predict(t->model, &t->images, labels, IMAGES);
}
static rn_status features(struct things *t) {
  static float values[IMAGES * 16];
  return rn_model_features(t->model, &t->images, "avgpool", values, IMAGES * 16);
}
static rn_status view_probabilities(struct things *t) {
  static float scores[IMAGES * CLASSES];
  rn_test_options options = RN_TEST_OPTIONS_INIT;
  return rn_model_view_probabilities(t->model, &t->images, &options, scores, IMAGES * CLASSES);
}

static const struct {
  const char *what;
  rn_status (*call)(struct things *);
} calls[] = {
    {"evaluating", evaluate}, {"evaluating", by_class},        {"testing", test_views},
    {"responses", responses}, {"statistics", recompute},       {"reading", calibrate},
    {"running", logits},      {"running", probabilities},      {"running", predict},
    {"running", features},    {"testing", view_probabilities},
};

static rn_model *copy_of(rn_model *model) {
  rn_model *copy = NULL;
  CHECK_OK(rn_model_save(model, scratch("steps.h5")));
  CHECK_OK(rn_model_load(scratch("steps.h5"), &copy));
  return copy;
}

static void test_each_call(struct things *things) {
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    rn_model *before = copy_of(things->model);
    struct watch seen = {pthread_self(), 0, 2, 0, 0, ""};
    CHECK_OK(rn_set_step_callback(watch, &seen));
    CHECK_ERROR(RN_CANCELLED, "stopped by the step callback", calls[i].call(things));
    CHECK(seen.calls == 2 && strcmp(seen.what, calls[i].what) == 0);
    CHECK_OK(rn_set_step_callback(NULL, NULL));
    CHECK(same_scores(before, things->model));
    CHECK_OK(calls[i].call(things)); /* nothing is left of the stop */
    CHECK(seen.calls == 2);
    CHECK_OK(rn_model_free(before));
  }
}

/* Stops fit at its first step of that kind. */
static int stop_in(const rn_step *step, void *user) { return strcmp(step->what, user) == 0; }

static void test_fit(struct things *things) {
  rn_fit_options options = RN_FIT_OPTIONS_INIT;
  options.batch_size = IMAGES / 4;
  const char *const kinds[] = {"training", "evaluating"};
  const int64_t iterations[] = {1, 4};
  for (int i = 0; i < 2; i++) {
    int64_t before = 0, after = 0;
    CHECK_OK(rn_trainer_iterations(things->trainer, &before));
    CHECK_OK(rn_set_step_callback(stop_in, (void *)kinds[i]));
    CHECK_ERROR(RN_CANCELLED, "step callback",
                rn_trainer_fit(things->trainer, things->dataset, things->dataset, &options));
    CHECK_OK(rn_trainer_iterations(things->trainer, &after));
    CHECK(after - before == iterations[i]);
  }
  CHECK_OK(rn_set_step_callback(NULL, NULL));
  CHECK_OK(rn_trainer_fit(things->trainer, things->dataset, things->dataset, &options));
}

/* The pass over the images that gives a normalisation comes before anything changes. */
static void test_normalisation(void) {
  enum { LARGE = 128, COUNT = 300 };
  float *pixels = calloc((size_t)COUNT * LARGE * LARGE, sizeof *pixels);
  int32_t labels[COUNT] = {0};
  rn_images images = RN_IMAGES_F32(pixels, COUNT, 1, LARGE, LARGE);
  rn_dataset *dataset = NULL;
  CHECK_OK(rn_dataset_create(&images, labels, CLASSES, &dataset));
  rn_model *model = make_model(3);
  rn_trainer *trainer = NULL;
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  CHECK_OK(rn_set_step_callback(stop_in, "reading"));
  CHECK_ERROR(RN_CANCELLED, "reading", rn_trainer_fit(trainer, dataset, NULL, NULL));
  CHECK_OK(rn_set_step_callback(NULL, NULL));
  size_t means = 1, scales = 1;
  int32_t height = 0, width = 0;
  CHECK_OK(rn_model_get_normalization(model, NULL, 0, &means, &height, &width, NULL, 0, &scales));
  CHECK(means == 0 && scales == 0);
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_dataset_free(dataset));
  free(pixels);
}

static int call_in(const rn_step *step, void *user) {
  struct things *things = user;
  float scores[CLASSES];
  rn_images one = things->images;
  one.count = 1;
  (void)step;
  CHECK_OK(rn_model_logits(things->model, &one, scores, CLASSES));
  CHECK_OK(evaluate(things)); /* would call in without end */
  return 0;
}

static void *call_elsewhere(void *user) {
  CHECK_OK(evaluate(user));
  return NULL;
}

static void test_reentry_and_threads(struct things *things) {
  CHECK_OK(rn_set_step_callback(call_in, things));
  CHECK_OK(logits(things));
  struct watch seen = {pthread_self(), 0, 1, 0, 0, ""};
  CHECK_OK(rn_set_step_callback(watch, &seen));
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, call_elsewhere, things) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(seen.calls == 0);
  CHECK_OK(rn_set_step_callback(NULL, NULL));
}

void test_steps(void) {
  static float pixels[IMAGES * PIXELS];
  int32_t labels[IMAGES];
  make_images(IMAGES, pixels, labels);
  struct things things = {make_model(1), NULL, make_dataset(IMAGES),
                          RN_IMAGES_F32(pixels, IMAGES, 1, SIDE, SIDE)};
  CHECK_OK(rn_trainer_create(things.model, NULL, &things.trainer));
  test_each_call(&things);
  test_fit(&things);
  test_normalisation();
  test_reentry_and_threads(&things);
  CHECK_OK(rn_trainer_free(things.trainer));
  CHECK_OK(rn_model_free(things.model));
  CHECK_OK(rn_dataset_free(things.dataset));
}
