#define _POSIX_C_SOURCE 200809L
#include "crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "ckernels.h"

static int threads = 1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t posted = PTHREAD_COND_INITIALIZER;
static long orders;  // how many there have been
static void (*order)(void *context, int thread);
static void *order_context;
static atomic_int waiting;
static atomic_long rounds;  // how often all have met

static void *serve(void *argument) {
  const int thread = (int)(intptr_t)argument;
  for (long done = 0;; done++) {
    pthread_mutex_lock(&mutex);
    while (orders == done) pthread_cond_wait(&posted, &mutex);
    pthread_mutex_unlock(&mutex);
    order(order_context, thread);
    crew_wait();
  }
  return NULL;
}

void crew_start(int count) {
  threads = count;
  for (intptr_t i = 1; i < count; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, (void *)i) != 0) {
      fprintf(stderr, "cannot start %d threads\n", count);
      exit(1);
    }
  }
}

int crew_threads(void) { return threads; }

void crew_run(void (*work)(void *context, int thread), void *context) {
  pthread_mutex_lock(&mutex);
  order = work;
  order_context = context;
  orders++;
  pthread_cond_broadcast(&posted);
  pthread_mutex_unlock(&mutex);
  work(context, 0);
  crew_wait();
}

void crew_wait(void) {
  const long round = atomic_load(&rounds);
  if (atomic_fetch_add(&waiting, 1) + 1 == threads) {
    atomic_store(&waiting, 0);
    atomic_store(&rounds, round + 1);
  } else {
    while (atomic_load(&rounds) == round) rk_pause();
  }
}
