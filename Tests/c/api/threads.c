/* A handle in use by another thread, errors per thread, and models side by side. */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

struct used {
  rn_model *model;
  rn_trainer *trainer;
  rn_dataset *dataset;
  int tried;
};

/* What a second thread gets while the first one trains. */
static void *intrude(void *user) {
  struct used *used = user;
  CHECK(strcmp(rn_last_error(), "") == 0); /* errors of other threads are not this one's */
  float pixels[BATCH * PIXELS], scores[BATCH * CLASSES], rate = 0;
  int32_t labels[BATCH];
  double loss = 0;
  make_images(BATCH, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  rn_dataset_info info = RN_DATASET_INFO_INIT;
  const char *text = "another thread";
  CHECK_ERROR(RN_BUSY, text, rn_model_logits(used->model, &images, scores, BATCH * CLASSES));
  CHECK_ERROR(RN_BUSY, text, rn_model_save(used->model, scratch("busy.h5")));
  CHECK_ERROR(RN_BUSY, text, rn_model_free(used->model));
  CHECK_ERROR(RN_BUSY, text, rn_trainer_step(used->trainer, &images, labels, &loss));
  CHECK_ERROR(RN_BUSY, text, rn_trainer_get_learning_rate(used->trainer, &rate));
  CHECK_ERROR(RN_BUSY, text, rn_trainer_free(used->trainer));
  CHECK_ERROR(RN_BUSY, text, rn_dataset_get_info(used->dataset, &info));
  CHECK_ERROR(RN_BUSY, text, rn_dataset_free(used->dataset));
  /* Its own model is nobody else's. */
  rn_model *own = make_model(4);
  CHECK_OK(rn_model_logits(own, &images, scores, BATCH * CLASSES));
  CHECK_OK(rn_model_free(own));
  return NULL;
}

static int let_in(const rn_progress *progress, void *user) {
  struct used *used = user;
  (void)progress;
  if (used->tried++ > 0) return 0;
  rn_model *none = NULL;
  CHECK_ERROR(RN_NOT_FOUND, "vgg", rn_model_create("vgg", NULL, &none));
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, intrude, used) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(strstr(rn_last_error(), "vgg") != NULL);
  return 0;
}

static void test_busy(void) {
  struct used used = {make_model(1), NULL, make_dataset(2 * BATCH), 0};
  CHECK_OK(rn_trainer_create(used.model, NULL, &used.trainer));
  rn_fit_options options = RN_FIT_OPTIONS_INIT;
  options.batch_size = BATCH;
  options.progress = let_in;
  options.user = &used;
  CHECK_OK(rn_trainer_fit(used.trainer, used.dataset, NULL, &options));
  CHECK(used.tried == 3);
  /* Afterwards everything is free again, for any thread. */
  CHECK_OK(rn_trainer_free(used.trainer));
  CHECK_OK(rn_model_free(used.model));
  CHECK_OK(rn_dataset_free(used.dataset));
}

struct runner {
  rn_model *model;
  float scores[BATCH * CLASSES];
};

static void *run(void *user) {
  struct runner *runner = user;
  run_often(runner->model, runner->scores);
  return NULL;
}

/* Several threads, each with a model of its own, get what one thread gets. */
static void test_side_by_side(void) {
  enum { THREADS = 4 };
  static struct runner runners[THREADS], alone[THREADS];
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) {
    runners[i].model = alone[i].model = make_model((uint64_t)i);
    run(&alone[i]);
  }
  for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, run, &runners[i]) == 0);
  for (int i = 0; i < THREADS; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(memcmp(runners[i].scores, alone[i].scores, sizeof alone[i].scores) == 0);
    CHECK_OK(rn_model_free(runners[i].model));
  }
}

static void *count_successes(void *user) {
  float pixels[PIXELS] = {0}, scores[CLASSES];
  rn_images image = RN_IMAGES_F32(pixels, 1, 1, SIDE, SIDE);
  intptr_t successes = 0;
  for (int i = 0; i < 200; i++) {
    rn_status status = rn_model_logits(user, &image, scores, CLASSES);
    if (!CHECK(status == RN_OK || status == RN_BUSY)) break;
    successes += status == RN_OK;
  }
  return (void *)successes;
}

/* Several threads on one model: each call either runs or is told that the model is busy. */
static void test_contention(void) {
  enum { THREADS = 4 };
  rn_model *model = make_model(1);
  pthread_t threads[THREADS];
  intptr_t successes = 0;
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, count_successes, model) == 0);
  for (int i = 0; i < THREADS; i++) {
    void *result = NULL;
    CHECK(pthread_join(threads[i], &result) == 0);
    successes += (intptr_t)result;
  }
  CHECK(successes > 0);
  CHECK_OK(rn_model_free(model));
}

void test_threads(void) {
  test_busy();
  test_side_by_side();
  test_contention();
}
