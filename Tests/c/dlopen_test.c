/*
 * Loads the library at run time, uses it, unloads it and ends a thread that used it: a hundred times,
 * after which the process has no more threads, open files and memory than after the first times.
 */
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <resnet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *path;

static void *find(void *library, const char *name) {
  void *symbol = dlsym(library, name);
  if (symbol == NULL) printf("dlopen_test: %s\n", dlerror());
  return symbol;
}

/* Returns null if all went well. */
static void *use(void *unused) {
  (void)unused;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    printf("dlopen_test: %s\n", dlerror());
    return "dlopen";
  }
  const char *(*version)(void);
  const char *(*last_error)(void);
  rn_status (*set_threads)(int32_t);
  rn_status (*create)(const char *, const rn_model_options *, rn_model **);
  rn_status (*create_trainer)(rn_model *, const rn_trainer_options *, rn_trainer **);
  rn_status (*step)(rn_trainer *, const rn_images *, const int32_t *, double *);
  rn_status (*release_trainer)(rn_trainer *);
  rn_status (*release)(rn_model *);
  /* POSIX's way around C's lack of a conversion from data to function pointers. */
  *(void **)&version = find(library, "rn_version");
  *(void **)&last_error = find(library, "rn_last_error");
  *(void **)&set_threads = find(library, "rn_set_threads");
  *(void **)&create = find(library, "rn_model_create");
  *(void **)&create_trainer = find(library, "rn_trainer_create");
  *(void **)&step = find(library, "rn_trainer_step");
  *(void **)&release_trainer = find(library, "rn_trainer_free");
  *(void **)&release = find(library, "rn_model_free");
  if (!version || !last_error || !set_threads || !create || !create_trainer || !step ||
      !release_trainer || !release)
    return "dlsym";
  char declared[32];
  snprintf(declared, sizeof declared, "%d.%d.%d", RN_VERSION_MAJOR, RN_VERSION_MINOR,
           RN_VERSION_PATCH);
  if (strcmp(version(), declared) != 0) return "version";
  rn_model *model = NULL;
  rn_trainer *trainer = NULL;
  static float pixels[8 * 3 * 16 * 16];
  const int32_t labels[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  const rn_images images = RN_IMAGES_F32(pixels, 8, 3, 16, 16);
  double loss;
  if (set_threads(4) != RN_OK) return "set_threads";
  if (create("resnet8", NULL, &model) != RN_OK) return "create";
  if (create_trainer(model, NULL, &trainer) != RN_OK) return "create_trainer";
  if (step(trainer, &images, labels, &loss) != RN_OK) return "step";
  if (create("nonsense", NULL, &model) != RN_NOT_FOUND) return "create nonsense";
  if (last_error()[0] == '\0') return "last_error";
  if (release_trainer(trainer) != RN_OK || release(model) != RN_OK) return "free";
  if (set_threads(1) != RN_OK) return "set_threads(1)"; /* ends the others */
  return dlclose(library) == 0 ? NULL : "dlclose";
}

static int entries(const char *name) {
  int count = 0;
  DIR *directory = opendir(name);
  while (directory != NULL && readdir(directory) != NULL) count++;
  if (directory != NULL) closedir(directory);
  return count;
}

struct size {
  int threads, files;
  long kilobytes;
};

static struct size measure(void) {
  struct size size = {entries("/proc/self/task"), entries("/proc/self/fd"), 0};
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) return size;
  fclose(file);
  size.kilobytes = pages * (sysconf(_SC_PAGESIZE) / 1024);
  return size;
}

int main(int argc, char **argv) {
  enum { ROUNDS = 100, FIRST = 10 };
  struct size first = {0, 0, 0}, last;
  if (argc != 2) return 2;
  path = argv[1];
  for (int i = 0; i < ROUNDS; i++) {
    pthread_t thread;
    void *problem = NULL;
    if (pthread_create(&thread, NULL, use, NULL) != 0) return 2;
    pthread_join(thread, &problem); /* the thread's error message goes with it */
    if (problem != NULL) {
      printf("dlopen_test: failed: %s\n", (const char *)problem);
      return 1;
    }
    if (i == FIRST) first = measure();
  }
  /* The system may still be taking away a thread that has been joined. */
  for (int i = 0; last = measure(), last.threads > first.threads && i < 100; i++) {
    nanosleep(&(struct timespec){0, 10000000}, NULL);
  }
  printf("dlopen_test: %d rounds: threads %d to %d, files %d to %d, memory %ld to %ld KB\n", ROUNDS,
         first.threads, last.threads, first.files, last.files, first.kilobytes, last.kilobytes);
  /* Which pages the C library's heap keeps changes by some MB. A model with its trainer is half a MB:
   * one that is lost a round would be seen. */
  return last.threads > first.threads || last.files > first.files ||
         last.kilobytes > first.kilobytes + 16384;
}
