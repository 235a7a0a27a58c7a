#define _POSIX_C_SOURCE 200809L
#include "onednn.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"

// Of the OpenMP runtime that oneDNN uses, which need not be the compiler's own.
extern void omp_set_num_threads(int threads);
static int threads;
static dnnl_engine_t engine;

static void check(dnnl_status_t status, const char *what) {
  if (status == dnnl_success) return;
  fprintf(stderr, "oneDNN: %s: status %d\n", what, (int)status);
  exit(1);
}

void onednn_start(int count) {
  threads = count;
  omp_set_num_threads(count);
  check(dnnl_engine_create(&engine, dnnl_cpu, 0), "engine");
}

const char *onednn_version(void) {
  static char text[32];
  const dnnl_version_t *version = dnnl_version();
  snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
  return text;
}

// A tensor in a layout of oneDNN's choice.
static dnnl_memory_desc_t tensor(int32_t a, int32_t b, int32_t extent) {
  const dnnl_dims_t dims = {a, b, extent, extent};
  dnnl_memory_desc_t description;
  check(dnnl_memory_desc_create_with_tag(&description, 4, dims, dnnl_f32, dnnl_format_tag_any),
        "tensor");
  return description;
}

static dnnl_primitive_desc_t describe(const layer *l, pass pass) {
  const int32_t border = l->kernel / 2;
  const dnnl_dims_t strides = {l->stride, l->stride}, dilates = {0, 0}, padding = {border, border};
  const dnnl_memory_desc_t x = tensor(l->images, l->in, l->extent);
  const dnnl_memory_desc_t w = tensor(l->out, l->in, l->kernel);
  const dnnl_memory_desc_t y = tensor(l->images, l->out, layer_out_extent(l));
  dnnl_primitive_desc_t forward, made;
  check(dnnl_convolution_forward_primitive_desc_create(
            &forward, engine, pass == FORWARD ? dnnl_forward_inference : dnnl_forward_training,
            dnnl_convolution_auto, x, w, NULL, y, strides, dilates, padding, padding, NULL),
        "forward convolution");
  if (pass == DATA) {
    check(dnnl_convolution_backward_data_primitive_desc_create(&made, engine, dnnl_convolution_auto,
                                                               x, w, y, strides, dilates, padding,
                                                               padding, forward, NULL),
          "convolution backward with respect to the data");
  } else if (pass == WEIGHTS) {
    check(dnnl_convolution_backward_weights_primitive_desc_create(
              &made, engine, dnnl_convolution_auto, x, w, NULL, y, strides, dilates, padding,
              padding, forward, NULL),
          "convolution backward with respect to the weights");
  } else {
    made = forward;
  }
  if (made != forward) dnnl_primitive_desc_destroy(forward);
  dnnl_memory_desc_destroy(x);
  dnnl_memory_desc_destroy(w);
  dnnl_memory_desc_destroy(y);
  return made;
}

// Memory for what the primitive calls `query`, filled.
static dnnl_exec_arg_t argument(const_dnnl_primitive_desc_t description, dnnl_query_t query,
                                int name) {
  const const_dnnl_memory_desc_t layout = dnnl_primitive_desc_query_md(description, query, 0);
  dnnl_memory_t memory;
  check(dnnl_memory_create(&memory, layout, engine, DNNL_MEMORY_ALLOCATE), "memory");
  void *values;
  check(dnnl_memory_get_data_handle(memory, &values), "memory");
  layer_fill(values, dnnl_memory_desc_get_size(layout) / sizeof(float));
  return (dnnl_exec_arg_t){name, memory};
}

onednn onednn_make(const layer *l, pass pass) {
  onednn job;
  const dnnl_primitive_desc_t description = describe(l, pass);
  const bool data = pass == DATA, weights = pass == WEIGHTS, forward = !data && !weights;
  job.arguments[0] = argument(description, data ? dnnl_query_diff_src_md : dnnl_query_src_md,
                              data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC);
  job.arguments[1] =
      argument(description, weights ? dnnl_query_diff_weights_md : dnnl_query_weights_md,
               weights ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS);
  job.arguments[2] = argument(description, forward ? dnnl_query_dst_md : dnnl_query_diff_dst_md,
                              forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST);
  check(dnnl_primitive_create(&job.primitive, description), "primitive");
  check(dnnl_stream_create(&job.stream, engine, dnnl_stream_default_flags), "stream");
  dnnl_primitive_desc_destroy(description);
  return job;
}

static void run(const onednn *job) {
  check(dnnl_primitive_execute(job->primitive, job->stream, 3, job->arguments), "execution");
  check(dnnl_stream_wait(job->stream), "execution");
}

double onednn_run(const onednn *job) {
  run(job);
  const double start = clock_now(threads);
  for (int i = 0; i < CLOCK_RUNS; i++) run(job);
  return (clock_now(threads) - start) / CLOCK_RUNS;
}
