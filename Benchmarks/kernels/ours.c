#define _POSIX_C_SOURCE 200809L
#include "ours.h"

#include <stdatomic.h>

#include "clock.h"
#include "crew.h"

static void describe_forward(rk_conv *conv, const layer *l) {
  const int32_t padding = l->kernel / 2;
  conv->in_channels = l->in;
  conv->out_channels = l->out;
  conv->in_h = conv->in_w = l->extent;
  conv->out_h = conv->out_w = layer_out_extent(l);
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
  conv->in_h = conv->in_w = layer_out_extent(l);
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

// Floats of a blocked tensor of a batch.
static int64_t blocked(const layer *l, int32_t channels, int32_t extent) {
  return (int64_t)l->images * ((channels + RK_LANES - 1) / RK_LANES * RK_LANES) * extent * extent;
}

static void make_scratch(ours *job, int64_t floats) {
  job->scratch_floats = (floats + RK_LANES - 1) / RK_LANES * RK_LANES;
  job->scratch = layer_floats(crew_threads() * job->scratch_floats);
}

ours ours_make(const rk_kernels *kernels, const layer *l, pass pass) {
  ours job = {.kernels = kernels, .pass = pass};
  const int32_t out = layer_out_extent(l);
  const int64_t x = blocked(l, l->in, l->extent), y = blocked(l, l->out, out);
  job.source = layer_floats(pass == DATA ? y : x);
  job.destination = layer_floats(pass == DATA ? x : y);
  job.weights = layer_floats((int64_t)l->in * l->out * l->kernel * l->kernel);
  if (pass == WEIGHTS) {
    job.wgrad = (rk_wgrad){.in_channels = l->in,
                           .out_channels = l->out,
                           .in_h = l->extent,
                           .in_w = l->extent,
                           .out_h = out,
                           .out_w = out,
                           .kernel = l->kernel,
                           .stride = l->stride,
                           .padding = l->kernel / 2,
                           .images = l->images};
    kernels->wgrad_prepare(&job.wgrad);
    job.partials = layer_floats(job.wgrad.partial_floats);
    make_scratch(&job, job.wgrad.scratch_floats);
    return job;
  }
  if (pass == DATA) {
    describe_backward(&job.conv, l);
  } else {
    describe_forward(&job.conv, l);
  }
  kernels->conv_prepare(&job.conv, l->images, crew_threads());
  job.packed = layer_floats(job.conv.packed_floats);
  make_scratch(&job, job.conv.scratch_floats);
  if (pass == TRAINING) {
    job.scale = layer_floats(job.conv.in_blocks * RK_LANES);
    job.statistics = layer_floats(job.conv.slots * 2 * job.conv.out_blocks * RK_LANES);
  }
  for (int64_t task = 0; task < job.conv.out_blocks; task++) {
    kernels->conv_pack(&job.conv, job.weights, NULL, pass == DATA, job.packed, task);
  }
  return job;
}

// A measurement: the next task of each of its steps, of which a run has up to two.
typedef struct measurement {
  const ours *job;
  double seconds;
  atomic_llong next[1 + CLOCK_RUNS][2];
} measurement;

static void run(measurement *m, int run, int thread) {
  const ours *job = m->job;
  const rk_kernels *kernels = job->kernels;
  float *scratch = job->scratch + thread * job->scratch_floats;
  const rk_source source = {
      .data = job->source, .scale = job->scale, .shift = job->scale, .relu = 1};
  int64_t task;
  if (job->pass == WEIGHTS) {
    const rk_wgrad *wgrad = &job->wgrad;
    while ((task = atomic_fetch_add(&m->next[run][0], 1)) < wgrad->tasks) {
      kernels->wgrad_run(wgrad, &source, job->destination, job->partials, task, scratch);
    }
    crew_wait();
    while ((task = atomic_fetch_add(&m->next[run][1], 1)) < wgrad->reduce_tasks) {
      kernels->wgrad_reduce(wgrad, job->partials, job->weights, task);
    }
  } else {
    const rk_epilogue epilogue = {.statistics = job->statistics};
    while ((task = atomic_fetch_add(&m->next[run][0], 1)) < job->conv.tasks) {
      kernels->conv_run(&job->conv, &source, job->packed, job->destination, &epilogue, task,
                        scratch);
    }
  }
  crew_wait();
}

static void measure(void *context, int thread) {
  measurement *m = context;
  run(m, CLOCK_RUNS, thread);
  const double start = clock_now(crew_threads());
  for (int i = 0; i < CLOCK_RUNS; i++) run(m, i, thread);
  if (thread == 0) m->seconds = (clock_now(crew_threads()) - start) / CLOCK_RUNS;
}

double ours_run(const ours *job) {
  measurement m = {.job = job};
  crew_run(measure, &m);
  return m.seconds;
}
