/* What the library is given to call. */
#include <stdlib.h>

#include "fixture.h"

enum { PIXELS = 64 };

static int stop_after(int calls) {
  static int seen;
  seen++;
  return seen % calls == 0;
}

int stop_soon(const rn_progress *progress, void *user) {
  (void)user;
  return progress->iteration >= 5;
}

int answer_minimum(const rn_progress *progress, void *user) {
  (void)progress;
  (void)user;
  return INT32_MIN;
}

int answer_minus_one(const rn_progress *progress, void *user) {
  (void)progress;
  (void)user;
  return -1;
}

/* Calls that a callback may make, and some that it must not. */
static void meddle_with_all(void) {
  double loss;
  int32_t labels[2];
  const float nothing[PIXELS] = {0};
  rn_metrics metrics = RN_METRICS_INIT;
  rn_images image = RN_IMAGES_F32(nothing, 1, 1, 8, 8);
  rn_trainer_fit(fixture.trainer, fixture.dataset, fixture.dataset, NULL);
  rn_trainer_step(fixture.trainer, &image, labels, &loss);
  rn_trainer_freeze(fixture.trainer, NULL, 0);
  rn_trainer_set_learning_rate(fixture.trainer, 0.01f);
  rn_model_predict(fixture.model, &image, labels, 2);
  rn_model_evaluate(fixture.model, fixture.dataset, &metrics);
  rn_model_save(fixture.model, "saved.h5");
  rn_model_recompute_statistics(fixture.model, fixture.dataset, 4, 0, 0);
  rn_model_set_normalization(fixture.model, NULL, 0, 0, 0, NULL, 0);
  rn_model_set_tensor(fixture.model, "fc.bias", nothing, 2);
  rn_set_threads(1 + stop_after(2));
}

int meddle(const rn_progress *progress, void *user) {
  (void)progress;
  (void)user;
  meddle_with_all();
  return stop_after(4);
}

static void free_handles(void) {
  rn_dataset_free(fixture.dataset);
  rn_model_free(fixture.model);
  rn_trainer_free(fixture.trainer);
}

int free_all(const rn_progress *progress, void *user) {
  (void)progress;
  (void)user;
  free_handles();
  return stop_after(4);
}

/* ---- Among ranks ----------------------------------------------------------------------------- */

int alone_start(void *user, void *values, size_t count, rn_sum_type type, void **sum) {
  (void)user, (void)values, (void)count, (void)type;
  *sum = NULL;
  return 0;
}

int alone_wait(void *user, void *sum) {
  (void)user;
  return sum != NULL;
}

int alone_broadcast(void *user, void *bytes, size_t count, int32_t root) {
  (void)user, (void)bytes, (void)count;
  return root;
}

int alone(void *user) {
  (void)user;
  return 0;
}

int minimum(void *user) {
  (void)user;
  return INT32_MIN;
}

int free_among_ranks(void *user) {
  (void)user;
  meddle_with_all();
  free_handles();
  return 0;
}

const char *no_reason(void *user) {
  (void)user;
  return NULL;
}

/* ---- Between steps --------------------------------------------------------------------------- */

int step_on(const rn_step *step, void *user) {
  (void)user;
  return step->what == NULL || step->done >= step->total;
}

int step_minimum(const rn_step *step, void *user) {
  (void)step;
  (void)user;
  return INT32_MIN;
}

int step_meddle(const rn_step *step, void *user) {
  (void)step;
  (void)user;
  rn_set_step_callback(NULL, NULL); /* else it would be called for what it does itself */
  meddle_with_all();
  rn_set_step_callback(step_meddle, NULL);
  return stop_after(3);
}

int step_free_all(const rn_step *step, void *user) {
  (void)step;
  (void)user;
  free_handles();
  return stop_after(4);
}

/* ---- The log --------------------------------------------------------------------------------- */

void listen(rn_log_level level, const char *message, void *user) {
  (void)level;
  (void)message;
  (void)user;
}

void listen_and_stop(rn_log_level level, const char *message, void *user) {
  (void)message;
  (void)user;
  if (rn_set_log(level, NULL, NULL) == RN_OK) abort();
}
