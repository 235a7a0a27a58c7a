/* Trainers on threads that train together, as processes do. */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "check.h"

enum { RANKS = 3, SHARE = 4 };

/* What the ranks share: the memory that each has come with, and the two doors of a meeting. */
static struct {
  pthread_barrier_t arrived, done;
  void *memory[RANKS];
  int sums, broadcasts;
} shared;

typedef struct rank {
  int number;
  void *waiting[64]; /* sums that were started, in order */
  size_t counts[64];
  rn_sum_type types[64];
  int started, waited; /* how many */
  int fails;           /* from the next sum on */
  char reason[32];
} rank;

static int start_sum(void *user, void *values, size_t count, rn_sum_type type, void **sum) {
  rank *self = user;
  int place = self->started++ % 64;
  self->waiting[place] = values;
  self->counts[place] = count;
  self->types[place] = type;
  *sum = &self->waiting[place];
  return 0;
}

/* The ranks that have not failed wait for each other: all fail at once, or none does. */
static int wait_for(void *user, void *sum) {
  rank *self = user;
  long place = (void **)sum - self->waiting;
  self->waited++;
  if (self->fails) {
    strcpy(self->reason, "no carrier");
    return 1;
  }
  shared.memory[self->number] = self->waiting[place];
  if (pthread_barrier_wait(&shared.arrived) == PTHREAD_BARRIER_SERIAL_THREAD) {
    shared.sums++;
    for (size_t i = 0; i < self->counts[place]; i++) {
      double total = 0;
      for (int r = 0; r < RANKS; r++)
        total += self->types[place] == RN_SUM_FLOAT ? ((float *)shared.memory[r])[i]
                                                    : ((double *)shared.memory[r])[i];
      for (int r = 0; r < RANKS; r++)
        if (self->types[place] == RN_SUM_FLOAT)
          ((float *)shared.memory[r])[i] = (float)total;
        else
          ((double *)shared.memory[r])[i] = total;
    }
  }
  pthread_barrier_wait(&shared.done);
  return 0;
}

static int broadcast(void *user, void *bytes, size_t count, int32_t root) {
  rank *self = user;
  shared.memory[self->number] = bytes;
  pthread_barrier_wait(&shared.arrived);
  if (self->number != root) memcpy(bytes, shared.memory[root], count);
  if (pthread_barrier_wait(&shared.done) == PTHREAD_BARRIER_SERIAL_THREAD) shared.broadcasts++;
  return 0;
}

static int barrier(void *user) {
  (void)user;
  pthread_barrier_wait(&shared.arrived);
  pthread_barrier_wait(&shared.done);
  return 0;
}

static const char *error(void *user) { return ((rank *)user)->reason; }

static rn_communicator communicator_of(rank *self) {
  rn_communicator communicator = RN_COMMUNICATOR_INIT;
  communicator.rank = self->number;
  communicator.ranks = RANKS;
  communicator.user = self;
  communicator.start_sum = start_sum;
  communicator.wait = wait_for;
  communicator.broadcast = broadcast;
  communicator.barrier = barrier;
  communicator.error = error;
  return communicator;
}

static float pixels[RANKS * SHARE * PIXELS];
static int32_t labels[RANKS * SHARE];
static rn_model *models[RANKS];

/* Four steps on this rank's share; then the connection is lost. */
static void *train(void *argument) {
  rank self = {.number = *(int *)argument};
  rn_model *model = make_model((uint64_t)self.number + 1);
  rn_trainer *trainer = NULL;
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  rn_communicator communicator = communicator_of(&self);
  rn_distributed_options options = RN_DISTRIBUTED_OPTIONS_INIT;
  options.synchronize_bn = 1;
  options.check_interval = 2;
  options.bucket_bytes = 1000;
  CHECK_OK(rn_trainer_distribute(trainer, &communicator, &options));
  rn_images images = RN_IMAGES_F32(pixels + self.number * SHARE * PIXELS, SHARE, 1, SIDE, SIDE);
  const int32_t *own = labels + self.number * SHARE;
  double loss = 0;
  for (int step = 0; step < 4; step++) CHECK_OK(rn_trainer_step(trainer, &images, own, &loss));
  /* What one rank cannot take, none does. */
  int32_t bad[SHARE] = {0, 1, 0, self.number == 1 ? 99 : 1};
  CHECK_STATUS(self.number == 1 ? RN_INVALID_ARGUMENT : RN_COMMUNICATION,
               rn_trainer_step(trainer, &images, bad, &loss));
  CHECK_STATUS(self.number == 2 ? RN_INVALID_ARGUMENT : RN_COMMUNICATION,
               rn_trainer_step(trainer, &images, self.number == 2 ? NULL : own, &loss));
  models[self.number] = model;
  int64_t iterations = 0;
  CHECK_OK(rn_trainer_iterations(trainer, &iterations));
  CHECK(iterations == 4);
  self.fails = 1;
  CHECK_ERROR(RN_COMMUNICATION, "no carrier", rn_trainer_step(trainer, &images, own, &loss));
  CHECK_ERROR(RN_COMMUNICATION, "no carrier", rn_trainer_step(trainer, &images, own, &loss));
  CHECK(self.started == self.waited);
  CHECK_OK(rn_trainer_free(trainer));
  return NULL;
}

void test_distributed(void) {
  make_images(RANKS * SHARE, pixels, labels);
  rn_model *alone = make_model(1);
  rn_trainer *trainer = NULL;
  CHECK_OK(rn_trainer_create(alone, NULL, &trainer));
  rn_images images = RN_IMAGES_F32(pixels, RANKS * SHARE, 1, SIDE, SIDE);
  double loss = 0;
  for (int step = 0; step < 4; step++) CHECK_OK(rn_trainer_step(trainer, &images, labels, &loss));

  pthread_barrier_init(&shared.arrived, NULL, RANKS);
  pthread_barrier_init(&shared.done, NULL, RANKS);
  pthread_t threads[RANKS];
  int numbers[RANKS];
  for (int r = 0; r < RANKS; r++) {
    numbers[r] = r;
    CHECK(pthread_create(&threads[r], NULL, train, &numbers[r]) == 0);
  }
  for (int r = 0; r < RANKS; r++) CHECK(pthread_join(threads[r], NULL) == 0);
  CHECK(shared.sums > 40 && shared.broadcasts == 2);

  float expected[RANKS * SHARE * CLASSES], scores[RANKS * SHARE * CLASSES];
  CHECK_OK(rn_model_logits(alone, &images, expected, RANKS * SHARE * CLASSES));
  for (int r = 0; r < RANKS; r++) {
    CHECK_OK(rn_model_logits(models[r], &images, scores, RANKS * SHARE * CLASSES));
    for (int i = 0; i < RANKS * SHARE * CLASSES; i++)
      CHECK(fabs(scores[i] - expected[i]) <= 1e-4 * fmax(1, fabs(expected[i])));
    CHECK(same_scores(models[r], models[0]));
  }
  for (int r = 0; r < RANKS; r++) CHECK_OK(rn_model_free(models[r]));
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(alone));
  pthread_barrier_destroy(&shared.arrived);
  pthread_barrier_destroy(&shared.done);

  rank nobody = {0};
  rn_communicator communicator = communicator_of(&nobody);
  trainer = NULL;
  alone = make_model(1);
  CHECK_OK(rn_trainer_create(alone, NULL, &trainer));
  communicator.barrier = NULL;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "barrier is NULL",
              rn_trainer_distribute(trainer, &communicator, NULL));
  communicator = communicator_of(&nobody);
  communicator.rank = RANKS;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "rank 3 of 3",
              rn_trainer_distribute(trainer, &communicator, NULL));
  CHECK_OK(rn_trainer_distribute(trainer, NULL, NULL));
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(alone));
}
