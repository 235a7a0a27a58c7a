// Stochastic gradient descent with momentum, on plain arrays.
#ifndef RK_SGD_H
#define RK_SGD_H

#include "simd.h"

RK_INLINE void sgd_vector(float *w, const float *g, float *v, vf rate, vf momentum, vf decay) {
  const vf weight = load(w);
  const vf velocity = mul_add(momentum, load(v), rate * mul_add(decay, weight, load(g)));
  store(v, velocity);
  store(w, weight - velocity);
}

static void sgd(float *w, const float *g, float *v, int64_t n, float rate, float momentum,
                float decay) {
  const vf r = splat(rate), m = splat(momentum), d = splat(decay);
  int64_t i = 0;
  for (; i + RK_LANES <= n; i += RK_LANES) sgd_vector(w + i, g + i, v + i, r, m, d);
  if (i == n) return;
  // The rest goes through the same instructions, so that a value's position does not matter.
  float weights[RK_LANES] = {0}, gradients[RK_LANES] = {0}, velocities[RK_LANES] = {0};
  for (int64_t k = 0; k < n - i; k++) {
    weights[k] = w[i + k];
    gradients[k] = g[i + k];
    velocities[k] = v[i + k];
  }
  sgd_vector(weights, gradients, velocities, r, m, d);
  for (int64_t k = 0; k < n - i; k++) {
    w[i + k] = weights[k];
    v[i + k] = velocities[k];
  }
}

#endif
