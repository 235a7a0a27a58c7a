/*
 * Does the same for a long time: every round must give the same results, and none may leave
 * anything behind: memory, open files, threads.
 *
 *   soak SECONDS
 *
 * The first tenth of the time, or 60 rounds if these take longer, warm up. After that no round may
 * end with more files or threads than there were at most at the end of those, nor with more than 1%
 * more memory. Prints a line every minute and at the end.
 */
#define _XOPEN_SOURCE 700
#include "soak.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void require(int holds, const char *what, const char *file, int line) {
  if (holds) return;
  fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
  exit(EXIT_FAILURE);
}

void expect(rn_status expected, rn_status actual, const char *what, const char *file, int line) {
  if (expected == actual) return;
  fprintf(stderr, "%s:%d: expected %s, got %s: %s\n    %s\n", file, line,
          rn_status_string(expected), rn_status_string(actual), rn_last_error(), what);
  exit(EXIT_FAILURE);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Resident memory in KiB. */
static long resident(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  REQUIRE(file != NULL && fscanf(file, "%*s %ld", &pages) == 1);
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int entries(const char *directory) {
  int count = 0;
  DIR *stream = opendir(directory);
  REQUIRE(stream != NULL);
  while (readdir(stream) != NULL) count++;
  closedir(stream);
  return count;
}

/* What the process holds at the end of a round. */
typedef struct usage {
  long memory; /* resident, in KiB */
  int files, threads;
} usage;

static usage measure(void) {
  /* What was freed is not counted, which the C library else keeps for later. */
  malloc_trim(0);
  /* Less "." and "..", and the file that reads the directory. */
  return (usage){resident(), entries("/proc/self/fd") - 3, entries("/proc/self/task") - 2};
}

static void include(usage *most, usage by) {
  if (by.memory > most->memory) most->memory = by.memory;
  if (by.files > most->files) most->files = by.files;
  if (by.threads > most->threads) most->threads = by.threads;
}

static int exceeds(usage now, usage warm) {
  return now.files > warm.files || now.threads > warm.threads ||
         (double)now.memory > 1.01 * (double)warm.memory;
}

int main(int argc, char **argv) {
  enum { LEAST_WARM_UP = 60 }; /* rounds */
  const double duration = argc == 2 ? atof(argv[1]) : 0;
  if (duration <= 0) {
    fprintf(stderr, "usage: soak SECONDS\n");
    return EXIT_FAILURE;
  }
  char folder[] = "soak-XXXXXX";
  REQUIRE(mkdtemp(folder) != NULL);
  write_pictures(folder);
  setvbuf(stdout, NULL, _IOLBF, 0);

  const double start = now();
  double report = 60;
  /* Winograd's algorithm rounds otherwise than without it: there are two results. */
  uint64_t results[2] = {0, 0};
  usage warm = {0, 0, 0}, most = {0, 0, 0};
  long rounds = 0, warm_rounds = 0;
  for (double time = 0; time < duration; time = now() - start) {
    OK(rn_set_threads(1 + (int32_t)(rounds % 3)));
    OK(rn_set_winograd(rounds % 2));
    const uint64_t result = do_round(folder);
    if (rounds < 2) results[rounds] = result;
    REQUIRE(result == results[rounds % 2]);
    rounds++;
    const usage usage = measure();
    if (time < duration / 10 || rounds <= LEAST_WARM_UP) {
      include(&warm, usage);
      warm_rounds = rounds;
    } else {
      include(&most, usage);
      if (exceeds(usage, warm)) {
        fprintf(stderr,
                "soak: round %ld ends with %ld KiB, %d files and %d threads; the most in the first "
                "%ld rounds was %ld, %d and %d\n",
                rounds, usage.memory, usage.files, usage.threads, warm_rounds, warm.memory,
                warm.files, warm.threads);
        return EXIT_FAILURE;
      }
    }
    if (time >= report) {
      printf("%6.0f s  %6ld rounds  %ld KiB\n", time, rounds, usage.memory);
      report += 60;
    }
  }
  if (rounds == warm_rounds) {
    fprintf(stderr, "soak: %ld rounds, no more than warm up; give it more seconds\n", rounds);
    return EXIT_FAILURE;
  }
  printf(
      "%ld rounds in %.0f s, with the same results (%016llx, and %016llx with Winograd)\n"
      "at most %ld KiB in the first %ld rounds and %ld KiB after; %d files, %d threads\n",
      rounds, now() - start, (unsigned long long)results[0], (unsigned long long)results[1],
      warm.memory, warm_rounds, most.memory, most.files, most.threads);
  char command[64];
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
