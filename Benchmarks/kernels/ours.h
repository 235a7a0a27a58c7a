// The layers on libresnet's kernels.
#ifndef OURS_H
#define OURS_H

#include "ckernels.h"
#include "layers.h"

// One pass of one layer, ready to run.
typedef struct ours {
  const rk_kernels *kernels;
  rk_conv conv;
  rk_wgrad wgrad;
  pass pass;
  int64_t scratch_floats;  // of one thread
  float *source, *weights, *packed, *destination, *partials, *scratch, *scale, *statistics;
} ours;

ours ours_make(const rk_kernels *kernels, const layer *l, pass pass);

// Seconds of one run on the crew's threads.
double ours_run(const ours *job);

#endif
