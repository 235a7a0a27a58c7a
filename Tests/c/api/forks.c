/* What a forked child can do with what its parent had. */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* Waits for a child; whether it has ended as it should. */
static int succeeds(pid_t process) {
  int status = -1;
  return process > 0 && waitpid(process, &status, 0) == process && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

/* A child process can go on with a model that its parent had. */
static void test_fork(void) {
  rn_model *model = make_model(1);
  float parent[BATCH * CLASSES], child[BATCH * CLASSES];
  CHECK_OK(rn_set_threads(2));
  run_often(model, parent);
  pid_t process = fork();
  if (process == 0) {
    alarm(20); /* a child that hangs has failed */
    run_often(model, child);
    _exit(memcmp(parent, child, sizeof parent) == 0 ? 0 : 1);
  }
  CHECK(succeeds(process));
  run_often(model, child);
  CHECK(memcmp(parent, child, sizeof parent) == 0);
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
  CHECK(succeeds(process));
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_model_free(expected));
  CHECK_OK(rn_dataset_free(dataset));
}

struct held {
  pthread_t thread;
  rn_model *model;
  rn_trainer *trainer;
  rn_dataset *dataset;
  int arrived[2], released[2]; /* pipes */
};

static int wait_inside(const rn_progress *progress, void *user) {
  struct held *held = user;
  char byte = 0;
  if (progress->iteration > 1 || progress->epoch_ended) return 0;
  return write(held->arrived[1], &byte, 1) != 1 || read(held->released[0], &byte, 1) != 1;
}

static void *train(void *user) {
  struct held *held = user;
  rn_fit_options options = RN_FIT_OPTIONS_INIT;
  options.batch_size = BATCH;
  options.progress = wait_inside;
  options.user = held;
  CHECK_OK(rn_trainer_fit(held->trainer, held->dataset, NULL, &options));
  return NULL;
}

enum { NAMESAKES = 16 };

static struct held held;
static pthread_barrier_t all_are_there;
static int busy; /* how many namesakes were told so */

static void *take_over(void *user) {
  float pixels[PIXELS] = {0}, scores[CLASSES];
  rn_images image = RN_IMAGES_F32(pixels, 1, 1, SIDE, SIDE);
  (void)user;
  if (pthread_equal(pthread_self(), held.thread))
    busy += rn_model_logits(held.model, &image, scores, CLASSES) == RN_BUSY;
  pthread_barrier_wait(&all_are_there);
  return NULL;
}

/* What another thread was using stays in use in the child, although a thread of the child has the name of that
 * thread: it gets its stack. */
static void test_fork_beside_a_call(void) {
  char byte = 0;
  held.model = make_model(1);
  held.dataset = make_dataset(2 * BATCH);
  CHECK_OK(rn_trainer_create(held.model, NULL, &held.trainer));
  CHECK(pipe(held.arrived) == 0 && pipe(held.released) == 0);
  CHECK(pthread_create(&held.thread, NULL, train, &held) == 0);
  CHECK(read(held.arrived[0], &byte, 1) == 1);
  pid_t process = fork();
  if (process == 0) {
    pthread_t threads[NAMESAKES];
    alarm(20);
    pthread_barrier_init(&all_are_there, NULL, NAMESAKES);
    for (int i = 0; i < NAMESAKES; i++)
      if (pthread_create(&threads[i], NULL, take_over, NULL) != 0) _exit(2);
    for (int i = 0; i < NAMESAKES; i++) pthread_join(threads[i], NULL);
    _exit(busy == 1 ? 0 : 1);
  }
  CHECK(succeeds(process));
  CHECK(write(held.released[1], &byte, 1) == 1);
  CHECK(pthread_join(held.thread, NULL) == 0);
  for (int end = 0; end < 2; end++) close(held.arrived[end]), close(held.released[end]);
  CHECK_OK(rn_trainer_free(held.trainer));
  CHECK_OK(rn_model_free(held.model));
  CHECK_OK(rn_dataset_free(held.dataset));
}

void test_forks(void) {
  test_fork();
  test_fork_while_training();
  test_fork_beside_a_call();
}
