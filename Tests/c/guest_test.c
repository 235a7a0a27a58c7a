/*
 * The library is a guest: whatever its host has set up, results are the same bits, and what the host
 * set up is as it was. The same work is done in a plain process, in forked children, in a host whose
 * arithmetic, locale, signals and files are unusual, on many threads and on small stacks.
 *
 * usage: guest_test IMAGE [LOCALE ...]: locales that write numbers and letters in other ways
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <resnet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
static unsigned float_mode(void) { return _mm_getcsr(); }
/* Denormal results and operands are zero. */
static void flush_denormals(void) { _mm_setcsr(_mm_getcsr() | 0x8040); }
#else
static unsigned float_mode(void) { return 0; }
static void flush_denormals(void) {}
#endif

extern char **environ;

static const char *image_path;

static void must(int condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "guest_test: failed: %s: %s\n", what, rn_last_error());
  exit(1);
}
#define MUST(call) must((call) == RN_OK, #call)

/* ---- The work --------------------------------------------------------------------------------- */

enum { SIDE = 16, COUNT = 64, CLASSES = 10, BYTES = 1 << 17 };

/* What it gives: everything that must not depend on the host. */
struct outcome {
  float scores[COUNT * CLASSES];
  double loss;
  rn_metrics metrics, tested;
  double eigenvalues[3];
  uint8_t pixels[3 * 48 * 48];
  char message[512];
  size_t size;
  char file[BYTES];
};

struct job {
  uint64_t seed;
  const char *path;
  struct outcome *outcome;
};

/* The host's mode, as its callbacks find it. */
struct host_mode {
  unsigned mode;
  int rounding, calls;
};

static int look(const rn_progress *progress, void *user) {
  struct host_mode *host = user;
  (void)progress;
  if (float_mode() == host->mode && fegetround() == host->rounding) host->calls++;
  return 0;
}

static void read_file(const char *path, struct outcome *outcome) {
  FILE *file = fopen(path, "rb");
  must(file != NULL, path);
  outcome->size = fread(outcome->file, 1, BYTES, file);
  must(outcome->size > 0 && outcome->size < BYTES, "a model file of that size");
  fclose(file);
}

static void *work(void *user) {
  const struct job *job = user;
  struct outcome *outcome = job->outcome;
  memset(outcome, 0, sizeof *outcome);
  /* The numbers are whole, so that the host's arithmetic has no part in them. */
  float *pixels = calloc(COUNT * 3 * SIDE * SIDE, sizeof *pixels);
  int32_t labels[COUNT];
  uint32_t noise = (uint32_t)job->seed + 1;
  for (int i = 0; i < COUNT * 3 * SIDE * SIDE; i++) {
    noise = noise * 1664525u + 1013904223u;
    pixels[i] = (float)(noise >> 24);
  }
  for (int i = 0; i < COUNT; i++) labels[i] = i % CLASSES;
  const rn_images images = RN_IMAGES_F32(pixels, COUNT, 3, SIDE, SIDE);
  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  options.seed = job->seed;
  options.base_width = 4;
  rn_model *model = NULL, *loaded = NULL;
  rn_dataset *dataset = NULL;
  rn_trainer *trainer = NULL;
  MUST(rn_model_create("resnet8", &options, &model));
  MUST(rn_dataset_create(&images, labels, CLASSES, &dataset));
  MUST(rn_trainer_create(model, NULL, &trainer));
  rn_fit_options fit = RN_FIT_OPTIONS_INIT;
  struct host_mode mode = {float_mode(), fegetround(), 0};
  fit.batch_size = COUNT / 4;
  fit.pad = 2;
  fit.mirror = 1;
  fit.normalize = RN_NORMALIZE_CHANNELS;
  fit.workers = 2;
  fit.progress = look;
  fit.user = &mode;
  MUST(rn_trainer_fit(trainer, dataset, dataset, &fit));
  must(mode.calls == 5, "callbacks find the host's floating-point mode");
  MUST(rn_trainer_step(trainer, &images, labels, &outcome->loss));
  MUST(rn_model_recompute_statistics(model, dataset, COUNT / 4, 0, 1));
  outcome->metrics = outcome->tested = (rn_metrics)RN_METRICS_INIT;
  MUST(rn_model_evaluate(model, dataset, &outcome->metrics));
  MUST(rn_model_save(model, job->path));
  MUST(rn_model_load(job->path, &loaded));
  MUST(rn_model_logits(loaded, &images, outcome->scores, COUNT * CLASSES));
  read_file(job->path, outcome);
  must(unlink(job->path) == 0, "unlink");

  rn_test_options views = RN_TEST_OPTIONS_INIT;
  views.views = RN_VIEWS_10_CROP;
  views.resize = 20;
  views.crop = SIDE;
  MUST(rn_model_test(loaded, dataset, &views, &outcome->tested, NULL, 0));
  rn_dataset *files = NULL;
  rn_calibration calibration = RN_CALIBRATION_INIT;
  MUST(rn_dataset_open_files(&image_path, labels, 1, CLASSES, NULL, &files));
  MUST(rn_dataset_verify(files));
  MUST(rn_dataset_calibrate(files, 0, 0, &calibration));
  memcpy(outcome->eigenvalues, calibration.eigenvalues, sizeof outcome->eigenvalues);
  MUST(rn_dataset_free(files));

  rn_image *image = NULL, *view = NULL;
  MUST(rn_image_read(image_path, 3, 0, &image));
  MUST(rn_image_centre(image, 57, 48, RN_BICUBIC, &view));
  MUST(rn_image_pixels(view, RN_PLANAR, outcome->pixels, sizeof outcome->pixels));
  MUST(rn_image_free(view));
  MUST(rn_image_free(image));

  must(rn_trainer_set_learning_rate(trainer, -1234567.5f) == RN_INVALID_ARGUMENT, "a bad rate");
  snprintf(outcome->message, sizeof outcome->message, "%s", rn_last_error());
  rn_model *none = NULL;
  must(rn_model_load("/nonexistent/model.h5", &none) == RN_NOT_FOUND, "a missing file");
  MUST(rn_trainer_free(trainer));
  MUST(rn_model_free(loaded));
  MUST(rn_model_free(model));
  MUST(rn_dataset_free(dataset));
  free(pixels);
  return NULL;
}

static struct outcome expected, found;

/* Does it once more, and compares. */
static void must_be_the_same(const char *where) {
  const struct job job = {1, "guest.h5", &found};
  work((void *)&job);
  must(memcmp(&expected, &found, sizeof found) == 0, where);
}

/* ---- Fork ------------------------------------------------------------------------------------- */

/* Waits for a child that does the work; it forks in turn, if `depth` is more than 1. */
static void fork_and_work(int depth, const char *where) {
  const pid_t child = fork();
  must(child >= 0, "fork");
  if (child == 0) {
    alarm(60); /* one that hangs has failed */
    must_be_the_same(where);
    if (depth > 1) fork_and_work(depth - 1, where);
    exit(0);
  }
  int status = -1;
  must(waitpid(child, &status, 0) == child && status == 0, where);
}

/* ---- What is the host's ----------------------------------------------------------------------- */

struct host {
  unsigned mode;
  int rounding, traps, flags, error;
  sigset_t mask;
  struct {
    void (*handler)(int);
    int flags;
  } actions[32];
  char locale[256], directory[256];
  mode_t umask;
  size_t environment;
  stack_t stack;
};

static void observe(struct host *host) {
  memset(host, 0, sizeof *host);
  host->error = errno;
  host->mode = float_mode();
  host->rounding = fegetround();
  host->traps = fegetexcept();
  host->flags = fetestexcept(FE_ALL_EXCEPT);
  pthread_sigmask(SIG_SETMASK, NULL, &host->mask);
  for (int i = 1; i < 32; i++) {
    struct sigaction action;
    sigaction(i, NULL, &action);
    host->actions[i].handler = action.sa_handler;
    host->actions[i].flags = action.sa_flags;
  }
  snprintf(host->locale, sizeof host->locale, "%s", setlocale(LC_ALL, NULL));
  must(getcwd(host->directory, sizeof host->directory) != NULL, "getcwd");
  host->umask = umask(0);
  umask(host->umask);
  for (char **variable = environ; *variable != NULL; variable++)
    for (char *c = *variable; *c != '\0'; c++)
      host->environment = host->environment * 31 + (unsigned char)*c;
  sigaltstack(NULL, &host->stack);
}

static volatile sig_atomic_t signals;
static void count_signal(int number) {
  (void)number;
  signals++;
}

static void be_an_unusual_host(const char *locale) {
  must(setlocale(LC_ALL, locale) != NULL, locale);
  setenv("HOST", "here", 1);
  umask(027);
  must(mkdir("elsewhere", 0700) == 0 && chdir("elsewhere") == 0, "chdir");
  const struct sigaction action = {.sa_handler = count_signal};
  const int numbers[] = {SIGFPE, SIGPIPE, SIGSEGV, SIGUSR1, SIGCHLD, SIGALRM};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    sigaction(numbers[i], &action, NULL);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, NULL);
  feclearexcept(FE_ALL_EXCEPT);
  feraiseexcept(FE_UNDERFLOW);
  fesetround(FE_UPWARD);
  flush_denormals();
  feenableexcept(FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW);
  errno = E2BIG;
}

/* In a child, which nobody else has to live in. */
static void work_in_an_unusual_host(const char *locale) {
  const pid_t child = fork();
  must(child >= 0, "fork");
  if (child == 0) {
    struct host before, after;
    /* Nothing may be written there; what this program has to say goes to the old one. */
    const int silent = open("silence", O_CREAT | O_TRUNC | O_RDWR, 0600);
    const int speech = dup(2);
    be_an_unusual_host(locale);
    dup2(silent, 1);
    dup2(silent, 2);
    observe(&before);
    must_be_the_same("work in an unusual host");
    errno = before.error; /* fopen and the like of this program's own */
    float scores[1];
    must(rn_model_logits(NULL, NULL, scores, 1) == RN_INVALID_HANDLE, "a null handle");
    observe(&after);
    dup2(speech, 2);
    must(before.mode == after.mode && before.rounding == after.rounding &&
             before.traps == after.traps && before.flags == after.flags,
         "floating-point arithmetic is as it was");
    must(before.error == after.error, "errno is as it was");
    must(memcmp(&before, &after, sizeof before) == 0, "what is the host's is as it was");
    must(signals == 0, "no signal came");
    must(lseek(silent, 0, SEEK_END) == 0, "nothing was written");
    exit(0);
  }
  int status = -1;
  must(waitpid(child, &status, 0) == child && status == 0, locale);
  must(rmdir("elsewhere") == 0, "the folder is empty");
}

/* ---- Threads ---------------------------------------------------------------------------------- */

static void many_threads(void) {
  enum { THREADS = 32 };
  static struct outcome alone[THREADS], together[THREADS];
  struct job jobs[THREADS];
  char paths[THREADS][32];
  pthread_t threads[THREADS];
  MUST(rn_set_threads(1));
  for (int i = 0; i < THREADS; i++) {
    snprintf(paths[i], sizeof paths[i], "guest-%d.h5", i);
    jobs[i] = (struct job){(uint64_t)i, paths[i], &alone[i]};
    work(&jobs[i]);
  }
  MUST(rn_set_threads(3));
  for (int i = 0; i < THREADS; i++) {
    jobs[i].outcome = &together[i];
    must(pthread_create(&threads[i], NULL, work, &jobs[i]) == 0, "pthread_create");
  }
  for (int i = 0; i < THREADS; i++) {
    must(pthread_join(threads[i], NULL) == 0, "pthread_join");
    must(memcmp(&alone[i], &together[i], sizeof *alone) == 0, "32 models in 32 threads at once");
  }
  MUST(rn_set_threads(0));
}

/* resnet.h says how much stack a call needs. */
static void small_stack(size_t bytes) {
  pthread_attr_t attributes;
  pthread_t thread;
  struct job job = {1, "guest.h5", &found};
  pthread_attr_init(&attributes);
  must(pthread_attr_setstacksize(&attributes, bytes) == 0, "a small stack");
  must(pthread_create(&thread, &attributes, work, &job) == 0, "pthread_create");
  must(pthread_join(thread, NULL) == 0, "pthread_join");
  must(memcmp(&expected, &found, sizeof found) == 0, "work on a small stack");
  pthread_attr_destroy(&attributes);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  image_path = argv[1];
  /* A child of a process that has not used the library, which then does. */
  const pid_t child = fork();
  const struct job job = {1, child == 0 ? "child.h5" : "guest.h5", &expected};
  if (child == 0) alarm(60);
  work((void *)&job);
  if (child == 0) exit(0);
  int status = -1;
  must(waitpid(child, &status, 0) == child && status == 0, "fork before use");
  must_be_the_same("the same work again");
  fork_and_work(2, "fork after use");
  must_be_the_same("work after a fork");
  work_in_an_unusual_host("C");
  for (int i = 2; i < argc; i++) work_in_an_unusual_host(argv[i]);
  must_be_the_same("work in the first host");
  small_stack(64 << 10);
  many_threads();
  printf("guest_test: ok\n");
  return 0;
}
