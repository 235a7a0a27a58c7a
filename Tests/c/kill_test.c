/*
 * A program that saves two models in turn to one file is killed at 200 random moments: the file is
 * always one of the two, complete.
 *
 *   kill_test [TIMES]     (200)
 *   kill_test save PATH   what is killed
 */
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <resnet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REQUIRE(condition)                                                                \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      fprintf(stderr, "kill_test: line %d: failed: %s; the library says: %s\n", __LINE__, \
              #condition, rn_last_error());                                               \
      exit(EXIT_FAILURE);                                                                 \
    }                                                                                     \
  } while (0)

enum { MOST = 1 << 20 };
typedef struct contents {
  size_t size;
  unsigned char bytes[MOST];
} contents;

static rn_model *make_model(uint64_t seed) {
  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  rn_model *model = NULL;
  options.base_width = 4;
  options.seed = seed;
  REQUIRE(rn_model_create("resnet8", &options, &model) == RN_OK);
  return model;
}

/* Saves until it is killed; says when each is there. */
static int save(const char *path) {
  rn_model *models[2] = {make_model(1), make_model(2)};
  for (long i = 0;; i++) {
    REQUIRE(rn_model_save(models[i % 2], path) == RN_OK);
    REQUIRE(write(STDOUT_FILENO, "!", 1) == 1);
  }
}

static void read_file(const char *path, contents *contents) {
  FILE *file = fopen(path, "rb");
  REQUIRE(file != NULL);
  contents->size = fread(contents->bytes, 1, MOST, file);
  REQUIRE(contents->size > 0 && contents->size < MOST);
  fclose(file);
}

static int is_same(const contents *a, const contents *b) {
  return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000L + time.tv_nsec;
}

/* Starts the program that saves, and kills it after so many files, two or more, and so much of the time that the
 * last of them took. */
static void save_and_kill(const char *program, const char *path, int files, double more) {
  int ends[2];
  char byte;
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    execl(program, program, "save", path, (char *)NULL);
    _exit(127);
  }
  close(ends[1]);
  long before = 0, last = 0;
  for (int i = 0; i < files; i++) {
    REQUIRE(read(ends[0], &byte, 1) == 1);
    before = last;
    last = now();
  }
  const long rest = (long)(more * (double)(last - before));
  const struct timespec wait = {rest / 1000000000, rest % 1000000000};
  nanosleep(&wait, NULL);
  REQUIRE(kill(child, SIGKILL) == 0);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
  close(ends[0]);
}

/* What a killed save leaves beside the file, under a name that says whose it is: at most one. */
static int remove_temporaries(const char *folder) {
  char path[600];
  int count = 0;
  DIR *stream = opendir(folder);
  REQUIRE(stream != NULL);
  for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
    if (strncmp(entry->d_name, ".resnet-", 8) != 0) continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    REQUIRE(remove(path) == 0);
    count++;
  }
  closedir(stream);
  return count;
}

int main(int argc, char **argv) {
  if (argc == 3) return save(argv[2]);
  const int times = argc == 2 ? atoi(argv[1]) : 200;
  char folder[] = "kill-test-XXXXXX", path[64];
  REQUIRE(mkdtemp(folder) != NULL);
  snprintf(path, sizeof path, "%s/model.h5", folder);

  static contents expected[2], found;
  for (int i = 0; i < 2; i++) {
    rn_model *model = make_model(1 + (uint64_t)i);
    REQUIRE(rn_model_save(model, path) == RN_OK);
    REQUIRE(rn_model_free(model) == RN_OK);
    read_file(path, &expected[i]);
  }
  REQUIRE(!is_same(&expected[0], &expected[1]));

  int seen[2] = {0, 0}, amid = 0;
  srand(1);
  for (int i = 0; i < times; i++) {
    const int files = 2 + rand() % 4;
    save_and_kill(argv[0], path, files, rand() / (double)RAND_MAX);
    read_file(path, &found);
    REQUIRE(is_same(&found, &expected[0]) || is_same(&found, &expected[1]));
    seen[is_same(&found, &expected[1])]++;
    const int temporaries = remove_temporaries(folder);
    REQUIRE(temporaries <= 1);
    amid += temporaries;
  }
  /* Else it was never killed while it wrote. */
  REQUIRE(times < 50 || (seen[0] > 0 && seen[1] > 0 && amid > 0));
  REQUIRE(remove(path) == 0 && rmdir(folder) == 0);
  printf("killed %d times, %d of them with a temporary file there: %d and %d complete files\n",
         times, amid, seen[0], seen[1]);
  return EXIT_SUCCESS;
}
