// How fast the convolution kernels are, layer by layer, beside oneDNN's and the processor's peak.
//
//   make bench-kernels, or build/bench/kernels THREADS REPEATS GLOBS, e.g. 1 15 '*'
//
// Peak is measured in the same run, in turns with the layers: multiply-adds that touch no memory.
// RESNET_ISA chooses the kernels, as it does in the library.
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>

#include "ckernels.h"
#include "clock.h"
#include "crew.h"
#include "layers.h"
#include "onednn.h"
#include "ours.h"
#include "peak.h"

enum { REPEATS_MAX = 101, THREADS_MAX = 256 };

// The speed of one job in each repetition, GFLOP/s.
typedef double speeds[REPEATS_MAX];

typedef struct subject {
  const layer *layer;
  pass pass;
  ours ours;
  onednn onednn;
  speeds ours_speeds, onednn_speeds;
} subject;

static speeds peaks;
static double thread_peaks[THREADS_MAX];

static void peak_work(void *context, int thread) {
  crew_wait();
  const double start = clock_now(crew_threads()), flop = peak_run(context, 400000);
  thread_peaks[thread] = flop / (clock_now(crew_threads()) - start) / 1e9;
}

// GFLOP/s of all threads together.
static double peak(const char *isa) {
  crew_run(peak_work, (void *)isa);
  double sum = 0;
  for (int i = 0; i < crew_threads(); i++) sum += thread_peaks[i];
  return sum;
}

// Lets the other's threads go to sleep, which spin for a while after their last task.
static void pause_between(void) {
  if (crew_threads() == 1) return;
  const struct timespec time = {.tv_nsec = 20 * 1000 * 1000};
  nanosleep(&time, NULL);
}

static void measure(subject *s, int repeat) {
  const double flop = layer_flop(s->layer) / 1e9;
  pause_between();
  s->ours_speeds[repeat] = flop / ours_run(&s->ours);
  if (s->pass == TRAINING) return;
  pause_between();
  s->onednn_speeds[repeat] = flop / onednn_run(&s->onednn);
}

static int descending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

static void print_speeds(double *values, int repeats) {
  qsort(values, (size_t)repeats, sizeof *values, descending);
  printf(" | %6.1f (%6.1f) %4.0f%%", values[0], values[repeats / 2], 100 * values[0] / peaks[0]);
}

static void print(subject *s, int repeats) {
  printf("%-22s %-11s", s->layer->name, pass_names[s->pass]);
  print_speeds(s->ours_speeds, repeats);
  if (s->pass == TRAINING) {
    printf(" |\n");
    return;
  }
  print_speeds(s->onednn_speeds, repeats);
  printf(" | %5.2f\n", s->ours_speeds[repeats / 2] / s->onednn_speeds[repeats / 2]);
}

// The number in a text, which must be from 1 to `most`.
static int number(const char *text, int most) {
  const long value = strtol(text, NULL, 10);
  if (value < 1 || value > most) {
    fprintf(stderr, "%s: expected a number from 1 to %d\n", text, most);
    exit(2);
  }
  return (int)value;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: kernels THREADS REPEATS GLOBS\n");
    return 2;
  }
  const int threads = number(argv[1], THREADS_MAX), repeats = number(argv[2], REPEATS_MAX);
  const rk_kernels *kernels = rk_kernels_named(getenv("RESNET_ISA"));
  if (kernels == NULL) {
    fprintf(stderr, "RESNET_ISA=%s: this processor has no such kernels\n", getenv("RESNET_ISA"));
    return 1;
  }
  crew_start(threads);
  onednn_start(threads);

  static subject subjects[LAYERS * PASSES];
  int count = 0;
  for (int i = 0; i < LAYERS; i++) {
    if (!layer_matches(&layers[i], argv[3])) continue;
    for (pass pass = FORWARD; pass < PASSES; pass++) {
      subject *s = &subjects[count++];
      s->layer = &layers[i];
      s->pass = pass;
      s->ours = ours_make(kernels, s->layer, pass);
      if (pass != TRAINING) s->onednn = onednn_make(s->layer, pass);
    }
  }
  if (count == 0) {
    fprintf(stderr, "no layer matches %s; there are:\n", argv[3]);
    for (int i = 0; i < LAYERS; i++) fprintf(stderr, "  %s\n", layers[i].name);
    return 2;
  }
  // Whatever the machine does in between, it does to all.
  for (int repeat = 0; repeat < repeats; repeat++) {
    for (int i = 0; i < count; i++) {
      const double here = peak(kernels->name);
      if (here > peaks[repeat]) peaks[repeat] = here;
      measure(&subjects[i], repeat);
    }
  }

  qsort(peaks, (size_t)repeats, sizeof(double), descending);
  printf("%s, oneDNN %s, %d thread%s: peak %.1f GFLOP/s, median %.1f\n", kernels->name,
         onednn_version(), threads, threads == 1 ? "" : "s", peaks[0], peaks[repeats / 2]);
  printf("GFLOP/s, best (median) of %d, share of peak of the best; ratio of the medians\n",
         repeats);
  printf("%-34s | %-22s | %-22s | ratio\n", "", "libresnet", "oneDNN");
  for (int i = 0; i < count; i++) print(&subjects[i], repeats);
  return 0;
}
