/* The log: what is told at which level, to one callback at a time, and nothing unless asked. */
#define _XOPEN_SOURCE 700
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

static struct {
  int count, inside, least;
  char text[1 << 14];
} heard;

static void hear(rn_log_level level, const char *message, void *user) {
  CHECK(heard.inside++ == 0);
  CHECK(user == &heard && level >= RN_LOG_WARNING && level <= RN_LOG_DEBUG);
  CHECK(message[0] != '\0' && strchr(message, '\n') == NULL);
  CHECK_ERROR(RN_INVALID_ARGUMENT, "log", rn_set_log(RN_LOG_INFO, NULL, NULL));
  heard.count++;
  if ((int)level > heard.least) heard.least = level;
  strncat(heard.text, message, sizeof heard.text - strlen(heard.text) - 2);
  strcat(heard.text, "\n");
  heard.inside--;
}

static void start(rn_log_level level) {
  memset(&heard, 0, sizeof heard);
  CHECK_OK(rn_set_log(level, hear, &heard));
}

/* A model is trained, saved and loaded; a damaged file is found. */
static void work(void) {
  rn_model *model = make_model(1), *loaded = NULL;
  rn_dataset *dataset = make_dataset(4 * BATCH), *files = NULL;
  rn_trainer *trainer = NULL;
  rn_fit_options options = RN_FIT_OPTIONS_INIT;
  const int64_t milestone = 3;
  options.batch_size = BATCH;
  options.milestones = &milestone;
  options.milestone_count = 1;
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  CHECK_OK(rn_trainer_fit(trainer, dataset, dataset, &options));
  CHECK_OK(rn_model_save(model, scratch("log.h5")));
  CHECK_OK(rn_model_load(scratch("log.h5"), &loaded));

  FILE *file = fopen(scratch("log.jpg"), "w");
  CHECK(file != NULL && fputs("no image", file) >= 0 && fclose(file) == 0);
  const char *path = scratch("log.jpg");
  const int32_t label = 0;
  CHECK_OK(rn_dataset_open_files(&path, &label, 1, 1, NULL, &files));
  CHECK_OK(rn_dataset_verify(files));
  CHECK_OK(rn_dataset_free(files));
  CHECK_OK(rn_dataset_free(dataset));
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(loaded));
  CHECK_OK(rn_model_free(model));
}

static void test_levels(void) {
  start(RN_LOG_WARNING);
  work();
  CHECK(heard.least == RN_LOG_WARNING && heard.count == 1 && strstr(heard.text, "log.jpg") != NULL);

  start(RN_LOG_INFO);
  work();
  const char *const infos[] = {rn_version(),
                               "learning rate 0.1 ",
                               "learning rate 0.01",
                               "epoch 1 of 1: loss ",
                               "validation ",
                               "saved ",
                               "loaded ",
                               "log.h5: ",
                               "log.jpg"};
  for (size_t i = 0; i < sizeof infos / sizeof *infos; i++) {
    if (!CHECK(strstr(heard.text, infos[i]) != NULL)) printf("    %s in %s", infos[i], heard.text);
  }
  CHECK(heard.least == RN_LOG_INFO);

  start(RN_LOG_DEBUG);
  CHECK_OK(rn_set_threads(1)); /* stops those that there are */
  CHECK_OK(rn_set_threads(3));
  work();
  CHECK_OK(rn_set_threads(0));
  CHECK(heard.least == RN_LOG_DEBUG);
  CHECK(strstr(heard.text, "threads started to compute: 2") != NULL);
  CHECK(strstr(heard.text, "bytes to compute in") != NULL);
  CHECK_OK(rn_set_log(0, NULL, NULL));
  int before = heard.count;
  work();
  CHECK(heard.count == before);
}

static void *make_noise(void *path) {
  for (int i = 0; i < 20; i++) {
    rn_model *model = NULL;
    CHECK_OK(rn_model_load(path, &model));
    CHECK_OK(rn_model_free(model));
  }
  return NULL;
}

/* `hear` checks that no two calls overlap. */
static void test_threads_take_turns(void) {
  enum { THREADS = 4 };
  pthread_t threads[THREADS];
  start(RN_LOG_INFO);
  int before = heard.count;
  char path[256]; /* scratch's own is for one thread */
  snprintf(path, sizeof path, "%s", scratch("log.h5"));
  for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, make_noise, path) == 0);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(heard.count == before + THREADS * 20);
  CHECK_OK(rn_set_log(RN_LOG_INFO, NULL, NULL));
}

static pthread_mutex_t hosts = PTHREAD_MUTEX_INITIALIZER;
static int entered[2]; /* a pipe */

static void hear_with_the_hosts_lock(rn_log_level level, const char *message, void *user) {
  (void)level, (void)message, (void)user;
  CHECK(write(entered[1], "", 1) == 1);
  pthread_mutex_lock(&hosts);
  pthread_mutex_unlock(&hosts);
}

static void *verify(void *dataset) {
  CHECK_OK(rn_dataset_verify(dataset));
  return NULL;
}

/* A host may hold a lock that its handler needs while it sets the number of threads, which does not wait for
 * what they compute. */
static void test_set_threads_waits_for_nobody(void) {
  enum { FILES = 40 };
  const char *paths[FILES];
  const int32_t labels[FILES] = {0};
  rn_dataset *files = NULL;
  char path[256], byte;
  snprintf(path, sizeof path, "%s", scratch("log.jpg")); /* no image */
  for (int i = 0; i < FILES; i++) paths[i] = path;
  CHECK_OK(rn_dataset_open_files(paths, labels, FILES, 1, NULL, &files));
  CHECK(pipe(entered) == 0);
  CHECK_OK(rn_set_threads(3));
  CHECK_OK(rn_set_log(RN_LOG_WARNING, hear_with_the_hosts_lock, NULL));
  alarm(60); /* a test that hangs has failed */
  pthread_mutex_lock(&hosts);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, verify, files) == 0);
  CHECK(read(entered[0], &byte, 1) == 1);
  CHECK_OK(rn_set_threads(2));
  pthread_mutex_unlock(&hosts);
  CHECK(pthread_join(thread, NULL) == 0);
  alarm(0);
  int32_t threads = 0;
  CHECK_OK(rn_get_threads(&threads));
  CHECK(threads == 2);
  CHECK_OK(rn_set_threads(0));
  CHECK_OK(rn_set_log(0, NULL, NULL));
  CHECK_OK(rn_dataset_free(files));
  close(entered[0]), close(entered[1]);
}

void test_log(void) {
  CHECK_ERROR(RN_INVALID_ARGUMENT, "RN_LOG_DEBUG", rn_set_log((rn_log_level)4, hear, NULL));
  test_levels();
  test_threads_take_turns();
  test_set_threads_waits_for_nobody();
}
