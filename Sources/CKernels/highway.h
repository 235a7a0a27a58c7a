// The gate of a highway layer: y = h T + x (1 - T), T = sigmoid(g).
#ifndef RK_HIGHWAY_H
#define RK_HIGHWAY_H

#include "simd.h"

// e^x to a rounding error or two; x beyond what float32 holds counts as its limit, NaN stays.
RK_INLINE vf exponential(vf x) {
  const vf low = splat(-87), high = splat(88);
  x = x < low ? low : x;
  x = x > high ? high : x;
  // x = n ln 2 + r. Adding 1.5 * 2^23 leaves n in the lowest bits of the sum.
  const vf magic = splat(12582912.0f);
  const vf sum = mul_add(x, splat(1.44269504f), magic), n = sum - magic;
  const vf r = mul_add(n, splat(2.12194440e-4f), mul_add(n, splat(-0.693359375f), x));
  // Cephes' polynomial for e^r on [-ln 2 / 2, ln 2 / 2].
  vf p = splat(1.9875691500e-4f);
  p = mul_add(p, r, splat(1.3981999507e-3f));
  p = mul_add(p, r, splat(8.3334519073e-3f));
  p = mul_add(p, r, splat(4.1665795894e-2f));
  p = mul_add(p, r, splat(1.6666665459e-1f));
  p = mul_add(p, r, splat(5.0000001201e-1f));
  p = mul_add(p, r * r, r + splat(1));
  const vi exponent = ((vi)sum - (vi)magic + (vi)127) << 23;
  return p * (vf)exponent;
}

RK_INLINE vf sigmoid(vf x) { return splat(1) / (splat(1) + exponential(-x)); }

static void highway(const float *h, const float *g, const float *x, float *y, int64_t pixels,
                    int64_t task) {
  const int64_t n = pixels * RK_LANES, plane = task * n;
  for (int64_t i = plane; i < plane + n; i += RK_LANES) {
    const vf carried = load(x + i);
    store(y + i, mul_add(sigmoid(load(g + i)), load(h + i) - carried, carried));
  }
}

static void highway_backward(const float *h, const float *g, const float *x, const float *gradient,
                             float *dh, float *dg, float *dx, int64_t pixels, int64_t task) {
  const int64_t n = pixels * RK_LANES, plane = task * n;
  for (int64_t i = plane; i < plane + n; i += RK_LANES) {
    const vf t = sigmoid(load(g + i)), dy = load(gradient + i);
    const vf transformed = dy * t, carried = dy - transformed;
    const vf difference = load(h + i) - load(x + i);
    store(dh + i, transformed);
    store(dg + i, difference * (carried * t));
    if (dx != NULL) store(dx + i, carried);
  }
}

#endif
