/* Checkpoints, how a training goes on from one, and what is told of the epochs before it. */
#include <stdio.h>
#include <string.h>

#include "check.h"

enum { COUNT = 30, STEPS = COUNT / BATCH, EPOCHS = 3, STOP = 2 * STEPS + 1 };

struct epochs {
  int count;
  rn_progress reports[EPOCHS];
};

static int note(const rn_progress *progress, void *user) {
  struct epochs *epochs = user;
  if (progress->epoch_ended && epochs->count < EPOCHS) epochs->reports[epochs->count++] = *progress;
  return progress->iteration == STOP;
}

static int keep(const rn_progress *progress, void *user) {
  struct epochs *epochs = user;
  CHECK(progress->size == sizeof *progress && progress->epoch_ended);
  if (CHECK(epochs->count < EPOCHS)) epochs->reports[epochs->count++] = *progress;
  return 0;
}

static int stop(const rn_progress *progress, void *user) {
  *(int *)user += 1;
  return progress->epoch;
}

static int is_same(const struct epochs *a, const struct epochs *b) {
  int same = a->count == b->count;
  for (int i = 0; i < a->count && same; i++) {
    const rn_progress *x = &a->reports[i], *y = &b->reports[i];
    same = x->epoch == y->epoch && x->epochs == y->epochs && x->step == y->step &&
           x->steps == y->steps && x->iteration == y->iteration && x->loss == y->loss &&
           x->accuracy == y->accuracy && x->images_per_second == y->images_per_second &&
           x->learning_rate == y->learning_rate && x->has_validation == y->has_validation &&
           x->validation_loss == y->validation_loss &&
           x->validation_accuracy == y->validation_accuracy;
  }
  return same;
}

static void test_history(rn_dataset *dataset, rn_dataset *validation) {
  struct epochs reported = {0}, told = {0}, kept = {0};
  rn_model *model = make_model(1), *loaded = NULL;
  rn_trainer *trainer = NULL, *resumed = NULL;
  rn_fit_options options = RN_FIT_OPTIONS_INIT;
  int calls = 0;
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  CHECK_OK(rn_trainer_history(trainer, keep, &told));
  CHECK(told.count == 0);
  options.epochs = EPOCHS;
  options.batch_size = BATCH;
  options.progress = note;
  options.user = &reported;
  CHECK_STATUS(RN_CANCELLED, rn_trainer_fit(trainer, dataset, validation, &options));
  CHECK_OK(rn_trainer_history(trainer, keep, &told));
  CHECK(reported.count == 2 && is_same(&told, &reported));
  CHECK_ERROR(RN_CANCELLED, "after epoch 1", rn_trainer_history(trainer, stop, &calls));
  CHECK(calls == 1);
  CHECK_ERROR(RN_INVALID_ARGUMENT, "callback", rn_trainer_history(trainer, NULL, NULL));

  CHECK_OK(rn_trainer_save(trainer, scratch("checkpoint.h5")));
  CHECK_OK(rn_trainer_load(scratch("checkpoint.h5"), &loaded, &resumed));
  CHECK_OK(rn_trainer_history(resumed, keep, &kept));
  CHECK(is_same(&kept, &reported));
  options.resume = 1;
  options.progress = NULL;
  CHECK_OK(rn_trainer_fit(trainer, dataset, validation, &options));
  CHECK_OK(rn_trainer_fit(resumed, dataset, validation, &options));
  CHECK(same_scores(model, loaded));
  told.count = 0;
  CHECK_OK(rn_trainer_history(resumed, keep, &told));
  CHECK(told.count == 0);
  CHECK_ERROR(RN_INVALID_ARGUMENT, "begin another one",
              rn_trainer_fit(resumed, dataset, validation, &options));
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_trainer_free(resumed));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_model_free(loaded));
}

static void test_refusals(rn_dataset *dataset, rn_dataset *validation) {
  struct epochs reported = {0};
  rn_model *model = make_model(1);
  rn_trainer *trainer = NULL;
  rn_dataset *fewer = make_dataset(COUNT - 1), *other = NULL, *rest = NULL;
  rn_fit_options options = RN_FIT_OPTIONS_INIT;
  const char *layer = "conv1";
  const float bias[CLASSES] = {0};
  /* As many images, in another order. */
  rn_dataset *more = make_dataset(COUNT + 8);
  CHECK_OK(rn_dataset_split(more, 8, 3, &other, &rest));
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  options.epochs = EPOCHS;
  options.batch_size = BATCH;
  options.progress = note;
  options.user = &reported;
  CHECK_STATUS(RN_CANCELLED, rn_trainer_fit(trainer, dataset, validation, &options));
  options.resume = 1;
  CHECK_ERROR(RN_INVALID_ARGUMENT, "training images, in number 30, not 29",
              rn_trainer_fit(trainer, fewer, validation, &options));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "other training images",
              rn_trainer_fit(trainer, other, validation, &options));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "validation images, in number 30, not 29",
              rn_trainer_fit(trainer, dataset, fewer, &options));
  CHECK_OK(rn_trainer_freeze(trainer, &layer, 1));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "the model's frozen layers changed",
              rn_trainer_fit(trainer, dataset, validation, &options));
  CHECK_OK(rn_trainer_freeze(trainer, NULL, 0));
  CHECK_OK(rn_model_set_tensor(model, "fc.bias", bias, CLASSES));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "the model's weights changed",
              rn_trainer_fit(trainer, dataset, validation, &options));
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(model));
  CHECK_OK(rn_dataset_free(fewer));
  CHECK_OK(rn_dataset_free(more));
  CHECK_OK(rn_dataset_free(other));
  CHECK_OK(rn_dataset_free(rest));
}

/* Opening a checkpoint to run its model reads no momentum, so what is damaged there is not seen. */
static void test_opening(void) {
  rn_model *model = make_model(1), *opened = NULL, *loaded = NULL;
  rn_trainer *trainer = NULL;
  CHECK_OK(rn_trainer_create(model, NULL, &trainer));
  CHECK_OK(rn_trainer_save(trainer, scratch("opened.h5")));
  /* The momentum, zero as it is, follows the model's tensors: the middle of the zeros is in it. */
  FILE *file = fopen(scratch("opened.h5"), "r+b");
  if (!CHECK(file != NULL)) return;
  long run = 0, best = 0, end = 0;
  for (long at = 0, byte = fgetc(file); byte != EOF; at++, byte = fgetc(file)) {
    run = byte == 0 ? run + 1 : 0;
    if (run > best) {
      best = run;
      end = at;
    }
  }
  CHECK(best > 1000);
  fseek(file, end - best / 2, SEEK_SET);
  fputc(1, file);
  fclose(file);
  CHECK_ERROR(RN_BAD_FORMAT, "/training/velocity/", rn_model_load(scratch("opened.h5"), &loaded));
  CHECK_OK(rn_model_open(scratch("opened.h5"), &opened));
  CHECK(same_scores(model, opened));
  CHECK_OK(rn_trainer_free(trainer));
  CHECK_OK(rn_model_free(opened));
  CHECK_OK(rn_model_free(model));
}

void test_checkpoints(void) {
  rn_dataset *dataset = make_dataset(COUNT);
  test_history(dataset, dataset);
  test_refusals(dataset, dataset);
  test_opening();
  CHECK_OK(rn_dataset_free(dataset));
}
