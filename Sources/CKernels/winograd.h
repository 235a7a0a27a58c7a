// Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", 2016): transforms of tiles of pixels.
//
// A tile of m x m outputs of a 3x3 convolution reads n x n inputs, n = m + 2. With d the inputs and
// g the weights, the outputs are A^T [(G g G^T) * (B^T d B)] A, with n*n products where the direct
// method has 9*m*m: 4 times fewer for m = 4, 2.25 times fewer for m = 2. For m = 4 the points are
// 0, 3/4, -3/4, 3/2, -3/2 and infinity: all constants are exact, and rounding errors are a third of
// those with the textbook's 0, 1, -1, 2, -2.
#ifndef RK_WINOGRAD_H
#define RK_WINOGRAD_H

#include "simd.h"

// The points p and q, and what the matrices are made of.
static const float WINO_P = 0.75f, WINO_Q = 1.5f;
static const float WINO_PP = 0.5625f, WINO_QQ = 2.25f;           // squares
static const float WINO_PPP = 0.421875f, WINO_QQQ = 3.375f;      // cubes
static const float WINO_PPQQ = 1.265625f, WINO_PP_QQ = 2.8125f;  // p*p*q*q, p*p + q*q

// c - a*b
RK_INLINE vf sub_mul(vf a, vf b, vf c) { return mul_add(-a, b, c); }

// B^T of F(4), for the sums that point p and -p share, and q and -q, and the two that stand alone.
// r1 and r2 from d1..d4; r3 and r4 from d1..d4; r0 and r5 from all.
RK_INLINE void wino4_input_p(vf d1, vf d2, vf d3, vf d4, vf *r1, vf *r2) {
  const vf even = sub_mul(splat(WINO_QQ), d2, d4), odd = sub_mul(splat(WINO_QQ), d1, d3);
  *r1 = mul_add(splat(WINO_P), odd, even);
  *r2 = sub_mul(splat(WINO_P), odd, even);
}
RK_INLINE void wino4_input_q(vf d1, vf d2, vf d3, vf d4, vf *r3, vf *r4) {
  const vf even = sub_mul(splat(WINO_PP), d2, d4), odd = sub_mul(splat(WINO_PP), d1, d3);
  *r3 = mul_add(splat(WINO_Q), odd, even);
  *r4 = sub_mul(splat(WINO_Q), odd, even);
}
// r0 from d0, d2, d4; r5 the same from d1, d3, d5.
RK_INLINE vf wino4_input_end(vf d0, vf d2, vf d4) {
  return mul_add(splat(WINO_PPQQ), d0, sub_mul(splat(WINO_PP_QQ), d2, d4));
}

// One row of B^T d times B: six values to places `step` floats apart.
RK_INLINE void wino4_input_row(const vf d[6], float *to, int64_t step) {
  vf r1, r2, r3, r4;
  wino4_input_p(d[1], d[2], d[3], d[4], &r1, &r2);
  wino4_input_q(d[1], d[2], d[3], d[4], &r3, &r4);
  store(to, wino4_input_end(d[0], d[2], d[4]));
  store(to + step, r1);
  store(to + 2 * step, r2);
  store(to + 3 * step, r3);
  store(to + 4 * step, r4);
  store(to + 5 * step, wino4_input_end(d[1], d[3], d[5]));
}

// B^T d B of 6x6 pixels in rows `row` floats apart; value (i, j) goes to (i*6 + j) * step. Rows of
// B^T d are made in pairs, so that twelve values at a time stay in registers: loading pixels three
// times costs less than storing what lies between.
RK_INLINE void wino4_input(const float *d, int64_t row, float *to, int64_t step) {
  vf even[6], odd[6];
  RK_UNROLL for (int j = 0; j < 6; j++) {
    const float *p = d + j * RK_LANES;
    wino4_input_p(load(p + row), load(p + 2 * row), load(p + 3 * row), load(p + 4 * row), &even[j],
                  &odd[j]);
  }
  wino4_input_row(even, to + 6 * step, step);
  wino4_input_row(odd, to + 12 * step, step);
  RK_UNROLL for (int j = 0; j < 6; j++) {
    const float *p = d + j * RK_LANES;
    wino4_input_q(load(p + row), load(p + 2 * row), load(p + 3 * row), load(p + 4 * row), &even[j],
                  &odd[j]);
  }
  wino4_input_row(even, to + 18 * step, step);
  wino4_input_row(odd, to + 24 * step, step);
  RK_UNROLL for (int j = 0; j < 6; j++) {
    const float *p = d + j * RK_LANES;
    even[j] = wino4_input_end(load(p), load(p + 2 * row), load(p + 4 * row));
    odd[j] = wino4_input_end(load(p + row), load(p + 3 * row), load(p + 5 * row));
  }
  wino4_input_row(even, to, step);
  wino4_input_row(odd, to + 30 * step, step);
}

// A^T of F(4): four values from six.
RK_INLINE void wino4_output_1d(const vf m[6], vf y[4]) {
  const vf even_p = m[1] + m[2], odd_p = m[1] - m[2];
  const vf even_q = m[3] + m[4], odd_q = m[3] - m[4];
  y[0] = m[0] + (even_p + even_q);
  y[1] = mul_add(splat(WINO_P), odd_p, splat(WINO_Q) * odd_q);
  y[2] = mul_add(splat(WINO_PP), even_p, splat(WINO_QQ) * even_q);
  y[3] = mul_add(splat(WINO_PPP), odd_p, mul_add(splat(WINO_QQQ), odd_q, m[5]));
}

// A^T m A: value (i, j) of m at (i*6 + j) * step.
RK_INLINE void wino4_output(const float *m, int64_t step, vf y[4][4]) {
  vf half[4][6];
  RK_UNROLL for (int j = 0; j < 6; j++) {
    vf column[6], sums[4];
    RK_UNROLL for (int i = 0; i < 6; i++) column[i] = load(m + (i * 6 + j) * step);
    wino4_output_1d(column, sums);
    RK_UNROLL for (int i = 0; i < 4; i++) half[i][j] = sums[i];
  }
  RK_UNROLL for (int i = 0; i < 4; i++) wino4_output_1d(half[i], y[i]);
}

// F(2), points 0, 1, -1 and infinity.
RK_INLINE void wino2_input_1d(const vf d[4], vf r[4]) {
  r[0] = d[2] - d[0];
  r[1] = d[2] + d[1];
  r[2] = d[2] - d[1];
  r[3] = d[3] - d[1];
}

RK_INLINE void wino2_input(const float *d, int64_t row, float *to, int64_t step) {
  vf half[4][4];
  RK_UNROLL for (int j = 0; j < 4; j++) {
    vf column[4], sums[4];
    RK_UNROLL for (int i = 0; i < 4; i++) column[i] = load(d + i * row + j * RK_LANES);
    wino2_input_1d(column, sums);
    RK_UNROLL for (int i = 0; i < 4; i++) half[i][j] = sums[i];
  }
  RK_UNROLL for (int i = 0; i < 4; i++) {
    vf r[4];
    wino2_input_1d(half[i], r);
    RK_UNROLL for (int j = 0; j < 4; j++) store(to + (i * 4 + j) * step, r[j]);
  }
}

RK_INLINE void wino2_output_1d(const vf m[4], vf y[2]) {
  y[0] = m[0] + (m[1] + m[2]);
  y[1] = (m[1] - m[2]) + m[3];
}

RK_INLINE void wino2_output(const float *m, int64_t step, vf y[4][4]) {
  vf half[2][4];
  RK_UNROLL for (int j = 0; j < 4; j++) {
    vf column[4], sums[2];
    RK_UNROLL for (int i = 0; i < 4; i++) column[i] = load(m + (i * 4 + j) * step);
    wino2_output_1d(column, sums);
    RK_UNROLL for (int i = 0; i < 2; i++) half[i][j] = sums[i];
  }
  RK_UNROLL for (int i = 0; i < 2; i++) wino2_output_1d(half[i], y[i]);
}

// The gradient of the weights is the same algorithm with the roles changed: 3x3 outputs, and the
// 4x4 gradients of a tile in the place of the weights. Here G of that: six values from four.
RK_INLINE void wino4_gradient_1d(const vf y[4], vf r[6]) {
  // 1/N of each point: N(0) = p*p*q*q, N(p) = 2*p*p*(p*p - q*q), N(q) = 2*q*q*(q*q - p*p).
  const float n0 = (float)(1 / 1.265625), np = (float)(-1 / 1.8984375), nq = (float)(1 / 7.59375);
  const vf even_p = mul_add(splat(np * WINO_PP), y[2], splat(np) * y[0]);
  const vf odd_p = mul_add(splat(np * WINO_PPP), y[3], splat(np * WINO_P) * y[1]);
  const vf even_q = mul_add(splat(nq * WINO_QQ), y[2], splat(nq) * y[0]);
  const vf odd_q = mul_add(splat(nq * WINO_QQQ), y[3], splat(nq * WINO_Q) * y[1]);
  r[0] = splat(n0) * y[0];
  r[1] = even_p + odd_p;
  r[2] = even_p - odd_p;
  r[3] = even_q + odd_q;
  r[4] = even_q - odd_q;
  r[5] = y[3];
}

// G y G^T of 4x4 values.
RK_INLINE void wino4_gradient(const vf y[4][4], float *to, int64_t step) {
  vf half[6][4];
  RK_UNROLL for (int j = 0; j < 4; j++) {
    vf column[4], r[6];
    RK_UNROLL for (int i = 0; i < 4; i++) column[i] = y[i][j];
    wino4_gradient_1d(column, r);
    RK_UNROLL for (int i = 0; i < 6; i++) half[i][j] = r[i];
  }
  RK_UNROLL for (int i = 0; i < 6; i++) {
    vf r[6];
    wino4_gradient_1d(half[i], r);
    RK_UNROLL for (int j = 0; j < 6; j++) store(to + (i * 6 + j) * step, r[j]);
  }
}

// A^T of the same: three values from six.
RK_INLINE void wino4_weights_1d(const vf m[6], vf w[3]) {
  const vf even_p = m[1] + m[2], odd_p = m[1] - m[2];
  const vf even_q = m[3] + m[4], odd_q = m[3] - m[4];
  w[0] = m[0] + (even_p + even_q);
  w[1] = mul_add(splat(WINO_P), odd_p, splat(WINO_Q) * odd_q);
  w[2] = mul_add(splat(WINO_PP), even_p, mul_add(splat(WINO_QQ), even_q, m[5]));
}

#endif
