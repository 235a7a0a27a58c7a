/* Several threads of a host at once, which share what the library has for such moments. */
#include <pthread.h>
#include <stdio.h>

#include "memory.h"

/* So many that the arrays of them, and of their order, are large. */
enum { MANY = 40000, THREADS = 8, TURNS = 6 };
/* Of a mean, which opening a model reads piece by piece on all threads. */
enum { MEAN_SIDE = 256 };

static uint8_t many_pixels[MANY * 3];
static int32_t many_labels[MANY];

/* What reads a file, and what has an array as long as a dataset, all on a thread's own handles. */
static void use_many(void) {
  const rn_images images = RN_IMAGES_U8(many_pixels, MANY, 3, 1, 1);
  const rn_images few = batch();
  rn_model *loaded = NULL, *opened = NULL, *centred = NULL, *fresh = NULL;
  rn_trainer *own = NULL;
  rn_dataset *many = NULL, *some = NULL, *others = NULL;
  rn_calibration calibration = RN_CALIBRATION_INIT;
  rn_fit_options options = RN_FIT_OPTIONS_INIT;
  float scores[COUNT * CLASSES];
  int32_t label = 0;
  if (TRY(rn_model_open("memory.h5", &opened)))
    TRY(rn_model_logits(opened, &few, scores, COUNT * CLASSES));
  if (TRY(rn_dataset_create(&images, many_labels, CLASSES, &many))) {
    TRY(rn_dataset_split(many, COUNT, 1, &some, &others));
    if (TRY(rn_dataset_read(many, MANY - 1, 1, NULL, 0, &label, 1)))
      must(label == many_labels[MANY - 1], "the last label");
    TRY(rn_dataset_calibrate(many, 0, 0, &calibration));
  }
  TRY(rn_model_load("memory.h5", &loaded));
  TRY(rn_model_open("mean.h5", &centred));
  if (some != NULL && TRY(rn_model_create("resnet8", NULL, &fresh)) &&
      TRY(rn_trainer_create(fresh, NULL, &own))) {
    options.batch_size = MANY / 8;
    TRY(rn_trainer_fit(own, some, others, &options));
  }
  while (!TRY(rn_trainer_free(own)) || !TRY(rn_model_free(fresh)) || !TRY(rn_model_free(loaded)) ||
         !TRY(rn_model_free(opened)) || !TRY(rn_model_free(centred)) ||
         !TRY(rn_dataset_free(some)) || !TRY(rn_dataset_free(others)) ||
         !TRY(rn_dataset_free(many)))
    ;
}

static void save_with_mean(void) {
  static float mean[3 * MEAN_SIDE * MEAN_SIDE];
  rn_model *centred = NULL;
  MUST(rn_model_create("resnet8", NULL, &centred));
  MUST(rn_model_set_normalization(centred, mean, sizeof mean / sizeof *mean, MEAN_SIDE, MEAN_SIDE,
                                  NULL, 0));
  MUST(rn_model_save(centred, "mean.h5"));
  rn_model_free(centred);
}

void prepare_threads(void) {
  for (int i = 0; i < MANY; i++) many_labels[i] = i % CLASSES;
  save_with_mean();
}

static void *take_turns(void *unused) {
  (void)unused;
  for (int i = 0; i < TURNS; i++) use_many();
  return NULL;
}

void test_threads(size_t size) {
  pthread_t threads[THREADS];
  failures = 0;
  for (int i = 0; i < THREADS; i++)
    must(pthread_create(&threads[i], NULL, take_turns, NULL) == 0, "pthread_create");
  least = size;
  counted = refused = 0;
  last = 1L << 40;
  first = 0;
  for (int i = 0; i < THREADS; i++) must(pthread_join(threads[i], NULL) == 0, "pthread_join");
  first = last = -1;
  least = 0;
  must(failures > 0 && refused > 0, "much was refused");
  printf("memory_test: %ld calls of %d threads failed, refusing all of at least %zu bytes\n",
         (long)failures, THREADS, size);
  failures = 0;
  use_many();
  must(failures == 0, "everything works afterwards");
}
