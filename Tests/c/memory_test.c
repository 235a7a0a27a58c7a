/*
 * What the library does when memory cannot be had: every allocation of the process comes through
 * here, and one of them, or all from one on, are refused. A call may fail then, with
 * RN_OUT_OF_MEMORY and a message that says how much was wanted; but the process goes on, and once
 * there is memory again the same handles give the same bits.
 *
 * Then the same where the system itself refuses, under limits of the address space: threads, too; and
 * with several threads of the host at once, which share what the library has for such moments.
 *
 * usage: memory_test IMAGE [STRIDE: how many allocations to skip between two that are refused]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <resnet.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- The allocator ---------------------------------------------------------------------------- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static atomic_long counted, refused;
/* Which allocations are refused: those from `first` to `last` of at least `least` bytes. */
static atomic_long first = -1, last = -1;
static atomic_size_t least;

static int is_refused(size_t size) {
  if (size < least) return 0;
  const long number = counted++;
  if (number < first || number > last) return 0;
  refused++;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t size) { return is_refused(size) ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) {
  return is_refused(count * size) ? NULL : __libc_calloc(count, size);
}
void *realloc(void *block, size_t size) {
  return is_refused(size) ? NULL : __libc_realloc(block, size);
}
int posix_memalign(void **block, size_t alignment, size_t size) {
  if (is_refused(size)) return ENOMEM;
  *block = __libc_memalign(alignment, size);
  return *block == NULL ? ENOMEM : 0;
}
void *memalign(size_t alignment, size_t size) {
  return is_refused(size) ? NULL : __libc_memalign(alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

/* ---- What is tried ---------------------------------------------------------------------------- */

enum { SIDE = 16, COUNT = 8, CLASSES = 10 };

static const char *image_path;
static float pixels[COUNT * 3 * SIDE * SIDE];
static int32_t labels[COUNT];
static atomic_long failures;

static rn_model *model;
static rn_trainer *trainer;
static rn_dataset *dataset, *files;

/* Returns whether a call went well; it may only fail for want of memory, and must say so. */
static int allowed(rn_status status, const char *what) {
  if (status == RN_OK) return 1;
  const char *message = rn_last_error();
  if (status != RN_OUT_OF_MEMORY || strstr(message, "alloc") == NULL) {
    printf("memory_test: %s: %s: \"%s\"\n", what, rn_status_string(status), message);
    exit(1);
  }
  failures++;
  return 0;
}
#define TRY(call) allowed((call), #call)
#define MUST(call) must((call) == RN_OK, #call)

static void must(int condition, const char *what) {
  if (condition) return;
  printf("memory_test: failed: %s: %s\n", what, rn_last_error());
  exit(1);
}

static rn_images batch(void) {
  rn_images images = RN_IMAGES_F32(pixels, COUNT, 3, SIDE, SIDE);
  return images;
}

static void make(void) {
  const rn_images images = batch();
  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  options.seed = 1;
  TRY(rn_model_create("resnet8", &options, &model));
  TRY(rn_dataset_create(&images, labels, CLASSES, &dataset));
  rn_image_options small = RN_IMAGE_OPTIONS_INIT;
  small.crop = 32;
  small.resize = 36;
  TRY(rn_dataset_open_files(&image_path, labels, 1, CLASSES, &small, &files));
  if (model != NULL) TRY(rn_trainer_create(model, NULL, &trainer));
}

static void unmake(void) {
  if (!TRY(rn_trainer_free(trainer)) || !TRY(rn_model_free(model)) ||
      !TRY(rn_dataset_free(dataset)) || !TRY(rn_dataset_free(files)))
    return;
  trainer = NULL;
  model = NULL;
  dataset = files = NULL;
}

static void infer(float *scores) {
  const rn_images images = batch();
  memset(scores, 0, COUNT * CLASSES * sizeof *scores);
  TRY(rn_model_logits(model, &images, scores, COUNT * CLASSES));
}

/* Every kind of work that leaves the model as it is. */
static void use(void) {
  float scores[COUNT * CLASSES];
  static float features[COUNT * 64];
  const rn_images images = batch();
  rn_metrics metrics = RN_METRICS_INIT;
  rn_test_options views = RN_TEST_OPTIONS_INIT;
  rn_calibration calibration = RN_CALIBRATION_INIT;
  rn_image *image = NULL, *view = NULL;
  double deviations[64];
  size_t count;
  infer(scores);
  views.views = RN_VIEWS_10_CROP;
  views.resize = 20;
  views.crop = 16;
  TRY(rn_model_features(model, &images, "avgpool", features, COUNT * 64));
  TRY(rn_model_evaluate(model, dataset, &metrics));
  TRY(rn_model_test(model, dataset, &views, &metrics, NULL, 0));
  TRY(rn_model_responses(model, dataset, deviations, 64, &count));
  TRY(rn_dataset_calibrate(dataset, 0, 0, &calibration));
  TRY(rn_dataset_calibrate(files, 0, 0, &calibration));
  TRY(rn_dataset_verify(files));
  if (TRY(rn_image_read(image_path, 3, 0, &image)) &&
      TRY(rn_image_centre(image, 64, 48, RN_BICUBIC, &view)))
    while (!TRY(rn_image_free(view)))
      ;
  while (image != NULL && !TRY(rn_image_free(image)))
    ;
}

/* Saves, loads and opens it. */
static void store(void) {
  rn_model *loaded = NULL, *opened = NULL;
  float scores[COUNT * CLASSES];
  const rn_images images = batch();
  TRY(rn_model_save(model, "memory.h5"));
  TRY(rn_model_load("memory.h5", &loaded));
  if (TRY(rn_model_open("memory.h5", &opened)))
    TRY(rn_model_logits(opened, &images, scores, COUNT * CLASSES));
  TRY(rn_model_free(loaded));
  TRY(rn_model_free(opened));
}

static void train(void) {
  const rn_images images = batch();
  rn_fit_options options = RN_FIT_OPTIONS_INIT;
  double loss;
  options.batch_size = COUNT / 2;
  TRY(rn_trainer_step(trainer, &images, labels, &loss));
  TRY(rn_trainer_fit(trainer, dataset, dataset, &options));
  TRY(rn_model_recompute_statistics(model, dataset, COUNT / 2, 0, 0));
}

/* ---- How it is tried -------------------------------------------------------------------------- */

static void everything(void) {
  if (model == NULL) make();
  if (model != NULL && trainer != NULL && dataset != NULL && files != NULL) {
    use();
    train();
    store();
  }
  unmake();
}

static void with_refusals(long from, long to, void (*work)(void)) {
  counted = 0;
  first = from;
  last = to;
  work();
  first = last = -1;
}

/* Refuses in turn each allocation, or all from it on, of those that `work` makes. */
static long sweep(void (*work)(void), int forever, long stride, size_t size) {
  long number = 0, calls = 0;
  least = size;
  do {
    refused = 0;
    with_refusals(number, forever ? (1L << 40) : number, work);
    number += stride;
    calls++;
  } while (refused > 0);
  least = 0;
  return calls;
}

/* `use` on handles that stay: what they give afterwards is what they gave before. */
static void sweep_handles(long stride, size_t size) {
  float before[COUNT * CLASSES], after[COUNT * CLASSES];
  make();
  infer(before);
  for (int forever = 0; forever < 2; forever++) {
    const long calls = sweep(use, forever, stride, size);
    failures = 0;
    infer(after);
    must(failures == 0 && memcmp(before, after, sizeof before) == 0, "the same bits afterwards");
    printf("memory_test: used %ld times, refusing %s of at least %zu bytes\n", calls,
           forever ? "all from the n-th on" : "the n-th", size);
  }
  unmake();
}

/* ---- Limits ------------------------------------------------------------------------------------ */

static long address_space(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  must(file != NULL && fscanf(file, "%ld", &pages) == 1, "/proc/self/statm");
  fclose(file);
  return pages * sysconf(_SC_PAGESIZE);
}

/* The stack grows where it was never used, which a limit forbids like everything else. */
static __attribute__((noinline)) void touch_stack(void) {
  volatile char stack[512 << 10];
  for (size_t i = 0; i < sizeof stack; i += 1024) stack[i] = 1;
}

/* What a child does with so much more than it has, and afterwards without a limit. */
static int live_with(long more) {
  touch_stack();
  struct rlimit limit;
  getrlimit(RLIMIT_AS, &limit);
  const rlim_t most = limit.rlim_cur;
  limit.rlim_cur = (rlim_t)(address_space() + more);
  must(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
  alarm(60);
  everything();
  const int short_of = failures > 0;
  limit.rlim_cur = most;
  must(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
  if (model != NULL || trainer != NULL || dataset != NULL || files != NULL) unmake();
  failures = 0;
  everything();
  must(failures == 0, "everything works without a limit");
  return short_of ? 42 : 0;
}

static void sweep_limits(void) {
  int refusals = 0, successes = 0;
  for (long more = 0; more < 256L << 20; more += more < 8L << 20 ? 256L << 10 : more / 8) {
    const pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) exit(live_with(more));
    int status = -1;
    must(waitpid(child, &status, 0) == child, "waitpid");
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 42)) {
      printf("memory_test: with %ld bytes more: status %d\n", more, status);
      exit(1);
    }
    *(WEXITSTATUS(status) == 0 ? &successes : &refusals) += 1;
  }
  must(refusals > 0 && successes > 0, "some limits are too low, and some are not");
  printf("memory_test: %d limits that were too low, %d that were not\n", refusals, successes);
}

/* ---- What is large ----------------------------------------------------------------------------- */

enum { WIDE = 8192, CLASSES_OF_MANY = 4096, FILES = 1 << 20 };

/* What a host has of its own: address space alone, as it is never written to. */
static uint8_t *bytes;
static float *floats;
static int64_t *counts;
static int32_t *file_labels;
static const char **file_paths;

static rn_status large_image(void) {
  rn_image *image = NULL;
  const rn_status status = rn_image_create(bytes, WIDE, WIDE, 3, &image);
  rn_image_free(image);
  return status;
}
static rn_status large_resize(void) {
  rn_image *image = NULL, *larger = NULL;
  MUST(rn_image_create(bytes, 64, 64, 3, &image));
  const rn_status status = rn_image_resize(image, WIDE, WIDE, RN_BILINEAR, &larger);
  rn_image_free(larger);
  rn_image_free(image);
  return status;
}
static rn_status large_planes(void) {
  return rn_resize_planes(floats, 1, WIDE, WIDE, 8, 8, RN_BILINEAR, pixels, 64);
}
static rn_status large_dataset(void) {
  const rn_images images = RN_IMAGES_U8(bytes, 1, 3, WIDE, WIDE);
  rn_dataset *large = NULL;
  const rn_status status = rn_dataset_create(&images, labels, CLASSES, &large);
  rn_dataset_free(large);
  return status;
}
static rn_status large_list(void) {
  rn_dataset *large = NULL;
  const rn_status status = rn_dataset_open_files(file_paths, file_labels, FILES, 1, NULL, &large);
  rn_dataset_free(large);
  return status;
}
static rn_status large_model(void) {
  rn_model *large = NULL;
  const rn_status status = rn_model_create("resnet152", NULL, &large);
  rn_model_free(large);
  return status;
}
static rn_status large_mean(void) {
  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  rn_model *small = NULL;
  MUST(rn_model_create("resnet8", &options, &small));
  const rn_status status =
      rn_model_set_normalization(small, floats, (size_t)3 * WIDE * WIDE, WIDE, WIDE, NULL, 0);
  rn_model_free(small);
  return status;
}
static rn_status large_batch(void) {
  const rn_images images = RN_IMAGES_U8(bytes, 1, 3, WIDE, WIDE);
  float scores[CLASSES];
  rn_model *small = NULL;
  MUST(rn_model_create("resnet8", NULL, &small));
  const rn_status status = rn_model_logits(small, &images, scores, CLASSES);
  rn_model_free(small);
  return status;
}
static rn_status large_figures(void) {
  return rn_class_figures(counts, CLASSES_OF_MANY, NULL, NULL);
}

/* On what was there before. */
static rn_image *wide_image;
static rn_dataset *wide;
static rn_model *of_many, *grey;

static rn_status large_part(void) {
  rn_image *part = NULL;
  const rn_status status = rn_image_crop(wide_image, 1, 1, WIDE - 1, WIDE - 1, &part);
  rn_image_free(part);
  return status;
}
static rn_status large_calibration(void) {
  rn_calibration calibration = RN_CALIBRATION_INIT;
  return rn_dataset_calibrate(wide, 0, 0, &calibration);
}
static rn_status large_labels(void) {
  int32_t label;
  return rn_dataset_read(wide, 0, 1, NULL, 0, &label, 1);
}
static rn_status large_views(void) {
  rn_metrics metrics = RN_METRICS_INIT;
  rn_test_options views = RN_TEST_OPTIONS_INIT;
  views.views = RN_VIEWS_CENTRE;
  return rn_model_test(grey, wide, &views, &metrics, NULL, 0);
}
static rn_status large_fit(void) {
  rn_trainer *own = NULL;
  rn_fit_options options = RN_FIT_OPTIONS_INIT;
  options.batch_size = 1;
  MUST(rn_trainer_create(grey, NULL, &own));
  const rn_status status = rn_trainer_fit(own, wide, NULL, &options);
  rn_trainer_free(own);
  return status;
}
static rn_status large_confusion(void) {
  rn_metrics metrics = RN_METRICS_INIT;
  return rn_model_evaluate_by_class(of_many, dataset, &metrics, counts,
                                    (size_t)CLASSES_OF_MANY * CLASSES_OF_MANY);
}

static const struct {
  const char *what;
  rn_status (*call)(void);
} large_calls[] = {
    {"an image", large_image},
    {"a resized image", large_resize},
    {"planes", large_planes},
    {"a dataset", large_dataset},
    {"a list of files", large_list},
    {"a model", large_model},
    {"a mean", large_mean},
    {"an image to run", large_batch},
    {"figures", large_figures},
    {"a part", large_part},
    {"a calibration", large_calibration},
    {"labels", large_labels},
    {"views", large_views},
    {"training", large_fit},
    {"a confusion matrix", large_confusion},
};

/* Too large for what there is, each is refused; then the same calls pass, but for those that take
 * minutes or gigabytes. */
static void test_large(void) {
  bytes = calloc((size_t)3 * WIDE * WIDE, 1);
  floats = calloc((size_t)3 * WIDE * WIDE, sizeof *floats);
  counts = calloc((size_t)CLASSES_OF_MANY * CLASSES_OF_MANY, sizeof *counts);
  file_labels = calloc(FILES, sizeof *file_labels);
  file_paths = malloc(FILES * sizeof *file_paths);
  must(bytes && floats && counts && file_labels && file_paths, "a host with much address space");
  for (int i = 0; i < FILES; i++) file_paths[i] = image_path;
  const rn_images grey_image = RN_IMAGES_U8(bytes, 1, 1, WIDE, WIDE);
  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  make();
  MUST(rn_image_create(bytes, WIDE, WIDE, 1, &wide_image));
  MUST(rn_dataset_create(&grey_image, labels, CLASSES, &wide));
  options.classes = CLASSES_OF_MANY;
  MUST(rn_model_create("resnet8", &options, &of_many));
  options.classes = CLASSES;
  options.input_channels = 1;
  MUST(rn_model_create("resnet8", &options, &grey));
  struct rlimit limit;
  getrlimit(RLIMIT_AS, &limit);
  const rlim_t most = limit.rlim_cur;
  limit.rlim_cur = (rlim_t)(address_space() + (40L << 20));
  must(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
  for (size_t i = 0; i < sizeof large_calls / sizeof *large_calls; i++) {
    must(large_calls[i].call() == RN_OUT_OF_MEMORY, large_calls[i].what);
    must(strpbrk(rn_last_error(), "0123456789") != NULL, "the message says how much");
  }
  limit.rlim_cur = most;
  must(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
  must(large_list() == RN_OK && large_dataset() == RN_OK, "with memory they pass");
  unmake();
  rn_image_free(wide_image);
  rn_dataset_free(wide);
  rn_model_free(of_many);
  rn_model_free(grey);
  free(bytes);
  free(floats);
  free(counts);
  free(file_labels);
  free(file_paths);
}

/* ---- Several threads -------------------------------------------------------------------------- */

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

static void *take_turns(void *unused) {
  (void)unused;
  for (int i = 0; i < TURNS; i++) use_many();
  return NULL;
}

/* Refuses, while several threads are at it, all that is at least so large. */
static void test_threads(size_t size) {
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

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  image_path = argv[1];
  const long stride = argc > 2 ? atol(argv[2]) : 1;
  uint32_t noise = 1;
  for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++) {
    noise = noise * 1664525u + 1013904223u;
    pixels[i] = (float)(noise >> 24);
  }
  for (int i = 0; i < COUNT; i++) labels[i] = i % CLASSES;
  setvbuf(stdout, NULL, _IOLBF, 4096);
  /* Before there are threads, of which a child would have none. */
  sweep_limits();
  test_large();
  sweep_handles(stride, 0);
  sweep_handles(1, 1 << 12);
  for (int forever = 0; forever < 2; forever++) {
    const long calls = sweep(everything, forever, stride, 0);
    if (model != NULL || trainer != NULL || dataset != NULL || files != NULL) unmake();
    failures = 0;
    everything();
    must(failures == 0 && model == NULL, "everything works afterwards");
    printf("memory_test: all done %ld times, refusing %s\n", calls,
           forever ? "all from the n-th on" : "the n-th");
  }
  for (int i = 0; i < MANY; i++) many_labels[i] = i % CLASSES;
  save_with_mean();
  test_threads(1 << 20);
  test_threads(64 << 10);
  test_threads(0);
  printf("memory_test: ok\n");
  return 0;
}
