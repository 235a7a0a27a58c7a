/* A handle in use by another thread, errors per thread, models side by side, and fork. */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
  float pixels[BATCH * PIXELS];
  int32_t labels[BATCH];
  make_images(BATCH, pixels, labels);
  rn_images images = RN_IMAGES_F32(pixels, BATCH, 1, SIDE, SIDE);
  for (int i = 0; i < 50; i++)
    CHECK_OK(rn_model_logits(runner->model, &images, runner->scores, BATCH * CLASSES));
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

/* A child process can go on with a model that its parent had. */
static void test_fork(void) {
  rn_model *model = make_model(1);
  struct runner parent = {model, {0}}, child = {model, {0}};
  CHECK_OK(rn_set_threads(2));
  run(&parent);
  pid_t process = fork();
  if (process == 0) {
    alarm(20); /* a child that hangs has failed */
    run(&child);
    _exit(memcmp(parent.scores, child.scores, sizeof parent.scores) == 0 ? 0 : 1);
  }
  int status = -1;
  CHECK(process > 0 && waitpid(process, &status, 0) == process);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  run(&child);
  CHECK(memcmp(parent.scores, child.scores, sizeof parent.scores) == 0);
  CHECK_OK(rn_set_threads(0));
  CHECK_OK(rn_model_free(model));
}

/* The second call forks: parent and child both train on, the child without the loader's threads. */
static int fork_once(const rn_progress *progress, void *user) {
  if (progress->iteration != 2 || progress->epoch_ended) return 0;
  *(pid_t *)user = fork();
  if (*(pid_t *)user == 0) alarm(20);
  return 0;
}

static void test_fork_while_training(void) {
  rn_model *expected = make_model(1), *model = make_model(1);
  rn_dataset *dataset = make_dataset(6 * BATCH);
  rn_fit_options options = RN_FIT_OPTIONS_INIT;
  options.epochs = 2;
  options.batch_size = BATCH;
  options.workers = 0;
  rn_trainer *trainer = NULL;
  CHECK_OK(rn_trainer_create(expected, NULL, &trainer));
  CHECK_OK(rn_trainer_fit(trainer, dataset, NULL, &options));
  CHECK_OK(rn_trainer_free(trainer));

  pid_t process = -1;
  options.workers = 3;
  options.progress = fork_once;
  options.user = &process;
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  rn_status fitted = rn_trainer_fit(trainer, dataset, NULL, &options);
  if (process == 0) _exit(fitted == RN_OK && same_scores(model, expected) ? 0 : 1);
  CHECK(fitted == RN_OK && same_scores(model, expected));
  int status = -1;
  CHECK(process > 0 && waitpid(process, &status, 0) == process);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_model_free(expected));
  CHECK_OK(rn_dataset_free(dataset));
}

void test_threads(void) {
  test_busy();
  test_side_by_side();
  test_contention();
  test_fork();
  test_fork_while_training();
}
