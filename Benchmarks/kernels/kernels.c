// How fast the convolution kernels are on one thread, layer by layer, beside the processor's peak.
//
//   make bench-kernels, or build/bench/kernels [ISA] [REPEATS] [FILTER]
//
// Peak is measured in the same run, in turns with the layers: multiply-adds that touch no memory.
// Times are this thread's processor time, so other processes cost it caches and turbo, not turns.
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ckernels.h"
#include "peak.h"

typedef struct layer {
  const char *name;
  int32_t in, out, extent, kernel, stride, images;
} layer;

// ResNet's layers on CIFAR-10 and on ImageNet; `extent` is the input's.
static const layer layers[] = {
    {"cifar 3x3   16@32", 16, 16, 32, 3, 1, 16},   {"cifar 3x3   32@16", 32, 32, 16, 3, 1, 16},
    {"cifar 3x3   64@8", 64, 64, 8, 3, 1, 16},     {"cifar 3x3/2 16@32-32", 16, 32, 32, 3, 2, 16},
    {"cifar stem   3@32-16", 3, 16, 32, 3, 1, 16}, {"stem  7x7/2  3@224-64", 3, 64, 224, 7, 2, 1},
    {"3x3   64@56", 64, 64, 56, 3, 1, 1},          {"3x3   128@28", 128, 128, 28, 3, 1, 2},
    {"3x3   256@14", 256, 256, 14, 3, 1, 4},       {"3x3   512@7", 512, 512, 7, 3, 1, 8},
    {"3x3/2 128@56-128", 128, 128, 56, 3, 2, 1},   {"1x1   64@56-256", 64, 256, 56, 1, 1, 1},
    {"1x1   256@56-64", 256, 64, 56, 1, 1, 1},     {"1x1   512@28-128", 512, 128, 28, 1, 1, 2},
    {"1x1   1024@14-256", 1024, 256, 14, 1, 1, 4}, {"1x1   2048@7-512", 2048, 512, 7, 1, 1, 16},
    {"1x1/2 256@56-512", 256, 512, 56, 1, 2, 1},
};
enum { LAYERS = sizeof layers / sizeof layers[0], PASSES = 4, REPEATS_MAX = 101 };
// In training the forward pass reads its source through batch normalisation and ReLU, and leaves
// statistics behind.
enum { FORWARD, TRAINING, DATA, WEIGHTS };
static const char *const pass_names[PASSES] = {"forward", "in training", "data", "weights"};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static float *floats(int64_t count) {
  const size_t bytes = ((size_t)(count < 1 ? 1 : count) * sizeof(float) + 63) / 64 * 64;
  float *p = aligned_alloc(64, bytes);
  if (p == NULL) {
    fprintf(stderr, "out of memory\n");
    exit(1);
  }
  for (int64_t i = 0; i < count; i++) p[i] = (float)((i * 7919) % 1000) / 1000 - 0.5f;
  return p;
}

// GFLOP/s of one thread that touches no memory.
static double peak(const char *isa) {
  const double start = now(), flop = peak_run(isa, 400000);
  return flop / (now() - start) / 1e9;
}

// One pass of one layer, ready to run.
typedef struct job {
  rk_conv conv;
  rk_wgrad wgrad;
  int pass;
  float *source, *weights, *packed, *destination, *partials, *scratch, *scale, *statistics;
  double flop;
} job;

static int32_t out_extent(const layer *l) {
  return (l->extent + 2 * (l->kernel / 2) - l->kernel) / l->stride + 1;
}

static void describe_forward(rk_conv *conv, const layer *l) {
  const int32_t padding = l->kernel / 2;
  conv->in_channels = l->in;
  conv->out_channels = l->out;
  conv->in_h = conv->in_w = l->extent;
  conv->out_h = conv->out_w = out_extent(l);
  conv->kernel = l->kernel;
  conv->in_step = l->stride;
  conv->out_step = 1;
  for (int32_t i = 0; i < l->kernel * l->kernel; i++) {
    conv->taps[i] = (rk_tap){i / l->kernel - padding, i % l->kernel - padding, i};
  }
  conv->tap_count = l->kernel * l->kernel;
  conv->phase_count = 1;
  conv->phases[0] =
      (rk_phase){.rows = conv->out_h, .cols = conv->out_w, .tap_end = conv->tap_count};
}

static void describe_backward(rk_conv *conv, const layer *l) {
  const int32_t padding = l->kernel / 2, s = l->stride;
  conv->in_channels = l->out;
  conv->out_channels = l->in;
  conv->in_h = conv->in_w = out_extent(l);
  conv->out_h = conv->out_w = l->extent;
  conv->kernel = l->kernel;
  conv->in_step = 1;
  conv->out_step = s;
  for (int32_t y = 0; y < s; y++) {
    for (int32_t x = 0; x < s; x++) {
      rk_phase *phase = &conv->phases[conv->phase_count++];
      *phase = (rk_phase){.origin_h = y, .origin_w = x, .tap_begin = conv->tap_count};
      phase->rows = (l->extent - y + s - 1) / s;
      phase->cols = (l->extent - x + s - 1) / s;
      for (int32_t i = 0; i < l->kernel * l->kernel; i++) {
        const int32_t h = y + padding - i / l->kernel, w = x + padding - i % l->kernel;
        if (h % s == 0 && w % s == 0) conv->taps[conv->tap_count++] = (rk_tap){h / s, w / s, i};
      }
      phase->tap_end = conv->tap_count;
    }
  }
}

static job make_job(const rk_kernels *kernels, const layer *l, int pass) {
  job j = {.pass = pass};
  const int32_t out = out_extent(l);
  const int64_t x = (int64_t)l->images * ((l->in + 15) / 16 * 16) * l->extent * l->extent;
  const int64_t y = (int64_t)l->images * ((l->out + 15) / 16 * 16) * out * out;
  j.flop = 2.0 * l->images * l->in * l->out * l->kernel * l->kernel * out * out;
  j.source = floats(pass == DATA ? y : x);
  j.destination = floats(pass == DATA ? x : y);
  j.weights = floats((int64_t)l->in * l->out * l->kernel * l->kernel);
  if (pass == WEIGHTS) {
    j.wgrad = (rk_wgrad){.in_channels = l->in,
                         .out_channels = l->out,
                         .in_h = l->extent,
                         .in_w = l->extent,
                         .out_h = out,
                         .out_w = out,
                         .kernel = l->kernel,
                         .stride = l->stride,
                         .padding = l->kernel / 2,
                         .images = l->images};
    kernels->wgrad_prepare(&j.wgrad);
    j.partials = floats(j.wgrad.partial_floats);
    j.scratch = floats(j.wgrad.scratch_floats);
    return j;
  }
  if (pass == DATA) {
    describe_backward(&j.conv, l);
  } else {
    describe_forward(&j.conv, l);
  }
  kernels->conv_prepare(&j.conv, l->images, 1);
  j.packed = floats(j.conv.packed_floats);
  j.scratch = floats(j.conv.scratch_floats);
  if (pass == TRAINING) {
    j.scale = floats(j.conv.in_blocks * RK_LANES);
    j.statistics = floats(j.conv.slots * 2 * j.conv.out_blocks * RK_LANES);
  }
  for (int64_t task = 0; task < j.conv.out_blocks; task++) {
    kernels->conv_pack(&j.conv, j.weights, NULL, pass == DATA, j.packed, task);
  }
  return j;
}

static double run_job(const rk_kernels *kernels, const job *j) {
  const rk_source source = {.data = j->source, .scale = j->scale, .shift = j->scale, .relu = 1};
  const double start = now();
  if (j->pass == WEIGHTS) {
    for (int64_t task = 0; task < j->wgrad.tasks; task++) {
      kernels->wgrad_run(&j->wgrad, &source, j->destination, j->partials, task, j->scratch);
    }
    for (int64_t task = 0; task < j->wgrad.reduce_tasks; task++) {
      kernels->wgrad_reduce(&j->wgrad, j->partials, j->weights, task);
    }
  } else {
    const rk_epilogue epilogue = {.statistics = j->statistics};
    for (int64_t task = 0; task < j->conv.tasks; task++) {
      kernels->conv_run(&j->conv, &source, j->packed, j->destination, &epilogue, task, j->scratch);
    }
  }
  return j->flop / (now() - start) / 1e9;
}

static int descending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

int main(int argc, char **argv) {
  const rk_kernels *kernels = rk_kernels_named(argc > 1 ? argv[1] : NULL);
  if (kernels == NULL) {
    fprintf(stderr, "%s: this processor has no such kernels\n", argv[1]);
    return 1;
  }
  int repeats = argc > 2 ? atoi(argv[2]) : 15;
  if (repeats < 1) repeats = 1;
  if (repeats > REPEATS_MAX) repeats = REPEATS_MAX;
  const char *filter = argc > 3 ? argv[3] : "";

  static job jobs[LAYERS][PASSES];
  static double speeds[LAYERS][PASSES][REPEATS_MAX], peaks[REPEATS_MAX];
  for (int i = 0; i < LAYERS; i++) {
    if (strstr(layers[i].name, filter) == NULL) continue;
    for (int pass = 0; pass < PASSES; pass++) jobs[i][pass] = make_job(kernels, &layers[i], pass);
  }
  // Whatever the machine does in between, it does to all.
  for (int repeat = 0; repeat < repeats; repeat++) {
    for (int i = 0; i < LAYERS; i++) {
      if (strstr(layers[i].name, filter) == NULL) continue;
      const double here = peak(kernels->name);
      if (here > peaks[repeat]) peaks[repeat] = here;
      for (int pass = 0; pass < PASSES; pass++) {
        speeds[i][pass][repeat] = run_job(kernels, &jobs[i][pass]);
      }
    }
  }

  qsort(peaks, (size_t)repeats, sizeof(double), descending);
  printf("%s: peak %.1f GFLOP/s, median %.1f; GFLOP/s of one thread, best (median) of %d\n",
         kernels->name, peaks[0], peaks[repeats / 2], repeats);
  printf("%-22s", "");
  for (int pass = 0; pass < PASSES; pass++) printf(" | %-22s", pass_names[pass]);
  printf("\n");
  for (int i = 0; i < LAYERS; i++) {
    if (strstr(layers[i].name, filter) == NULL) continue;
    printf("%-22s", layers[i].name);
    for (int pass = 0; pass < PASSES; pass++) {
      double *s = speeds[i][pass];
      qsort(s, (size_t)repeats, sizeof *s, descending);
      printf(" | %6.1f (%6.1f) %4.0f%%  ", s[0], s[repeats / 2], 100 * s[0] / peaks[0]);
    }
    printf("\n");
  }
  return 0;
}
