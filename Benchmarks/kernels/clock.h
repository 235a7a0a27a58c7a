// The time that is measured: one thread's own, so that other processes cost it caches and turbo but
// not turns; or, when several work together, everybody's.
#ifndef CLOCK_H
#define CLOCK_H

#include <time.h>

static inline double clock_now(int threads) {
  struct timespec time;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

// How often a job runs in one measurement. Before, it runs once to find its caches and threads.
enum { CLOCK_RUNS = 3 };

#endif
