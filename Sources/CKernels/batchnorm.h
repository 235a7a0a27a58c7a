// Batch normalisation's passes over memory, with the shortcut and ReLU folded in.
#ifndef RK_BATCHNORM_H
#define RK_BATCHNORM_H

#include "stage.h"

RK_INLINE void apply_pixels(const int relu_out, const int addend_kind, const float *y, vf scale,
                            vf shift, const float *addend, vf addend_scale, vf addend_shift,
                            float *out, int64_t n) {
  for (int64_t i = 0; i < n; i += RK_LANES) {
    vf v = mul_add(load(y + i), scale, shift);
    if (addend_kind >= 0) v += load_as(addend_kind, addend + i, addend_scale, addend_shift);
    store(out + i, relu_out ? relu(v) : v);
  }
}

RK_INLINE void apply_kind(const int addend_kind, int32_t relu_out, const float *y, vf scale,
                          vf shift, const float *addend, vf addend_scale, vf addend_shift,
                          float *out, int64_t n) {
  if (relu_out) {
    apply_pixels(1, addend_kind, y, scale, shift, addend, addend_scale, addend_shift, out, n);
  } else {
    apply_pixels(0, addend_kind, y, scale, shift, addend, addend_scale, addend_shift, out, n);
  }
}

static void apply_run(const float *y, const float *scale, const float *shift,
                      const rk_source *addend, int32_t relu_out, float *out, int32_t blocks,
                      int64_t pixels, int64_t task) {
  const int64_t n = pixels * RK_LANES, plane = task * n, channel = task % blocks * RK_LANES;
  const vf s = load(scale + channel), t = load(shift + channel);
  const vf none = splat(0);
  y += plane;
  out += plane;
  if (addend == NULL) {
    apply_kind(-1, relu_out, y, s, t, y, none, none, out, n);
    return;
  }
  const float *a = addend->data + plane;
  const int kind = load_kind(addend);
  if (kind == LOAD_PLAIN) {
    apply_kind(LOAD_PLAIN, relu_out, y, s, t, a, none, none, out, n);
    return;
  }
  const vf as = load(addend->scale + channel), at = load(addend->shift + channel);
  if (kind == LOAD_AFFINE) {
    apply_kind(LOAD_AFFINE, relu_out, y, s, t, a, as, at, out, n);
  } else {
    apply_kind(LOAD_AFFINE_RELU, relu_out, y, s, t, a, as, at, out, n);
  }
}

// Where the gradient passes the ReLU, see rk_mask.
enum { MASK_NONE, MASK_ACTIVATION, MASK_AFFINE };

RK_INLINE int mask_kind(const rk_mask *mask) {
  if (!mask->relu) return MASK_NONE;
  return mask->activation != NULL ? MASK_ACTIVATION : MASK_AFFINE;
}

// The factors of a block's channels.
typedef struct mask_block {
  const float *activation;
  vf scale, shift;
} mask_block;

RK_INLINE mask_block mask_of_block(const rk_mask *mask, int64_t plane, int64_t channel) {
  mask_block block = {.activation = NULL, .scale = splat(0), .shift = splat(0)};
  switch (mask_kind(mask)) {
    case MASK_ACTIVATION:
      block.activation = mask->activation + plane;
      break;
    case MASK_AFFINE:
      block.scale = load(mask->scale + channel);
      block.shift = load(mask->shift + channel);
      break;
    default:
      break;
  }
  return block;
}

// The gradient at pixel offset i with the mask applied.
RK_INLINE vf masked(const int kind, const mask_block *mask, vf gradient, vf y, int64_t i) {
  if (kind == MASK_NONE) return gradient;
  const vf v =
      kind == MASK_ACTIVATION ? load(mask->activation + i) : mul_add(y, mask->scale, mask->shift);
  return v > splat(0) ? gradient : splat(0);
}

RK_INLINE void backward_sums(const int kind, const mask_block *mask, const float *gradient,
                             const float *y, vf mean, int64_t n, vf *sum_out, vf *product_out) {
  enum { WAYS = 4 };
  vf sum[WAYS], product[WAYS];
  RK_UNROLL for (int w = 0; w < WAYS; w++) sum[w] = product[w] = splat(0);
  int64_t i = 0;
  for (; i + WAYS * RK_LANES <= n; i += WAYS * RK_LANES) {
    RK_UNROLL for (int w = 0; w < WAYS; w++) {
      const int64_t at = i + w * RK_LANES;
      const vf value = load(y + at), dz = masked(kind, mask, load(gradient + at), value, at);
      sum[w] += dz;
      product[w] = mul_add(dz, value - mean, product[w]);
    }
  }
  for (; i < n; i += RK_LANES) {
    const vf value = load(y + i), dz = masked(kind, mask, load(gradient + i), value, i);
    sum[0] += dz;
    product[0] = mul_add(dz, value - mean, product[0]);
  }
  *sum_out = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  *product_out = (product[0] + product[1]) + (product[2] + product[3]);
}

static void bn_backward_sums(const float *gradient, const float *y, const rk_mask *mask,
                             const float *mean, const float *inverse_std, float *sums,
                             int32_t blocks, int64_t pixels, int64_t task) {
  const int64_t n = pixels * RK_LANES, plane = task * n, channel = task % blocks * RK_LANES;
  const mask_block block = mask_of_block(mask, plane, channel);
  const vf m = load(mean + channel);
  vf sum, product;
  switch (mask_kind(mask)) {
    case MASK_NONE:
      backward_sums(MASK_NONE, &block, gradient + plane, y + plane, m, n, &sum, &product);
      break;
    case MASK_ACTIVATION:
      backward_sums(MASK_ACTIVATION, &block, gradient + plane, y + plane, m, n, &sum, &product);
      break;
    default:
      backward_sums(MASK_AFFINE, &block, gradient + plane, y + plane, m, n, &sum, &product);
  }
  float *to = sums + task / blocks * 2 * blocks * RK_LANES + channel;
  store(to, sum);
  store(to + (int64_t)blocks * RK_LANES, product * load(inverse_std + channel));
}

RK_INLINE void backward_apply(const int kind, const int keep, const mask_block *mask,
                              const float *gradient, const float *y, vf c0, vf c1, vf c2, float *dy,
                              float *dz_out, int64_t n) {
  for (int64_t i = 0; i < n; i += RK_LANES) {
    const vf value = load(y + i), dz = masked(kind, mask, load(gradient + i), value, i);
    if (keep) store(dz_out + i, dz);
    store(dy + i, mul_add(c0, dz, mul_add(c1, value, c2)));
  }
}

static void bn_backward_apply(const float *gradient, const float *y, const rk_mask *mask,
                              const float *coefficients, float *dy, float *dz_out, int32_t blocks,
                              int64_t pixels, int64_t task) {
  const int64_t n = pixels * RK_LANES, plane = task * n, channel = task % blocks * RK_LANES;
  const int64_t padded = (int64_t)blocks * RK_LANES;
  const mask_block block = mask_of_block(mask, plane, channel);
  const vf c0 = load(coefficients + channel);
  const vf c1 = load(coefficients + padded + channel);
  const vf c2 = load(coefficients + 2 * padded + channel);
  const int kind = mask_kind(mask);
  gradient += plane;
  y += plane;
  dy += plane;
  if (dz_out != NULL) {
    dz_out += plane;
    if (kind == MASK_NONE) {
      backward_apply(MASK_NONE, 1, &block, gradient, y, c0, c1, c2, dy, dz_out, n);
    } else if (kind == MASK_ACTIVATION) {
      backward_apply(MASK_ACTIVATION, 1, &block, gradient, y, c0, c1, c2, dy, dz_out, n);
    } else {
      backward_apply(MASK_AFFINE, 1, &block, gradient, y, c0, c1, c2, dy, dz_out, n);
    }
  } else if (kind == MASK_NONE) {
    backward_apply(MASK_NONE, 0, &block, gradient, y, c0, c1, c2, dy, dy, n);
  } else if (kind == MASK_ACTIVATION) {
    backward_apply(MASK_ACTIVATION, 0, &block, gradient, y, c0, c1, c2, dy, dy, n);
  } else {
    backward_apply(MASK_AFFINE, 0, &block, gradient, y, c0, c1, c2, dy, dy, n);
  }
}

#endif
