// The layers on oneDNN, in whatever layouts it likes best.
#ifndef ONEDNN_H
#define ONEDNN_H

#include <oneapi/dnnl/dnnl.h>

#include "layers.h"

// One pass of one layer, ready to run: weights and images are in oneDNN's layouts already.
typedef struct onednn {
  dnnl_stream_t stream;
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t arguments[3];
} onednn;

// Has oneDNN use that many threads. Call it before all else.
void onednn_start(int threads);

// E.g. "3.2.0".
const char *onednn_version(void);

// oneDNN has no pass like TRAINING.
onednn onednn_make(const layer *l, pass pass);

// Seconds of one run.
double onednn_run(const onednn *job);

#endif
