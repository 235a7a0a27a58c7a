// Prints the peak of several threads at once, in GFLOP/s of wall time.
//
//   peak THREADS
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "peak.h"

enum { THREADS_MAX = 1024 };
static const int64_t rounds = 10000, parts = 100;
static const double seconds = 0.3;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

typedef struct worker {
  pthread_t thread;
  const char *isa;
  double flop, rate;
} worker;

// Each thread takes its own rate over the same span of time, so that none idles for another.
static void *work(void *argument) {
  worker *w = argument;
  peak_run(w->isa, rounds * parts);  // until all threads run and clocks have settled
  const double start = now();
  double end = start;
  while (end - start < seconds) {
    w->flop += peak_run(w->isa, rounds);
    end = now();
  }
  w->rate = w->flop / (end - start);
  return NULL;
}

int main(int argc, char **argv) {
  const int threads = argc == 2 ? atoi(argv[1]) : 0;
  if (threads < 1 || threads > THREADS_MAX) {
    fprintf(stderr, "usage: peak THREADS, 1 to %d\n", THREADS_MAX);
    return 2;
  }
  static worker workers[THREADS_MAX];
  for (int i = 0; i < threads; i++) {
    workers[i].isa = peak_isa();
    if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
      fprintf(stderr, "cannot start %d threads\n", threads);
      return 1;
    }
  }
  double rate = 0;
  for (int i = 0; i < threads; i++) {
    pthread_join(workers[i].thread, NULL);
    rate += workers[i].rate;
  }
  printf("%s %.2f\n", peak_isa(), rate / 1e9);
  return 0;
}
