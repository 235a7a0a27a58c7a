// The backward pass of a bias and the ReLU that follows it.
#ifndef RK_BIAS_H
#define RK_BIAS_H

#include "simd.h"

RK_INLINE vf bias_backward_pixels(const int masked, const int keep, const float *gradient,
                                  const float *activation, float *dy, float *dz_out, int64_t n) {
  enum { WAYS = 4 };
  vf sum[WAYS];
  RK_UNROLL for (int w = 0; w < WAYS; w++) sum[w] = splat(0);
  for (int64_t i = 0; i < n; i += RK_LANES) {
    vf dz = load(gradient + i);
    if (masked) dz = load(activation + i) > splat(0) ? dz : splat(0);
    if (keep) store(dz_out + i, dz);
    store(dy + i, dz);
    // Four sums, in turn, which are added up at the end: one alone would wait for itself.
    const vf first = sum[0];
    sum[0] = sum[1];
    sum[1] = sum[2];
    sum[2] = sum[3];
    sum[3] = first + dz;
  }
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void bias_backward(const float *gradient, const float *activation, float *dy, float *dz_out,
                          float *sums, int64_t pixels, int64_t task) {
  const int64_t n = pixels * RK_LANES, plane = task * n;
  gradient += plane;
  dy += plane;
  if (activation != NULL) activation += plane;
  if (dz_out != NULL) dz_out += plane;
  vf sum;
  if (activation != NULL) {
    sum = dz_out != NULL ? bias_backward_pixels(1, 1, gradient, activation, dy, dz_out, n)
                         : bias_backward_pixels(1, 0, gradient, activation, dy, dy, n);
  } else {
    sum = dz_out != NULL ? bias_backward_pixels(0, 1, gradient, gradient, dy, dz_out, n)
                         : bias_backward_pixels(0, 0, gradient, gradient, dy, dy, n);
  }
  store(sums + task * RK_LANES, sum);
}

#endif
