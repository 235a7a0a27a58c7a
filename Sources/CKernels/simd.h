// Vectors of 16 floats, on every instruction set: the compiler makes of one vector 1 AVX-512, 2 AVX
// or 4 SSE/NEON registers. Included once per instruction set, inside its target region, together
// with the kernels; see isa_avx512.c and kernels.h.
//
// The including file sets:
//   RK_NAME            name of the instruction set, as in rk_kernels.name
//   RK_TABLE           the rk_kernels to define
//   RK_FUSED           1 if the processor multiplies and adds in one instruction
//   RK_TILE_PAIR       convolution: pixels whose sums, times 2 destination blocks, are held in
//                      registers (14), or 0: blocks go one by one
//   RK_TILE_SINGLE     the same with 1 destination block (2, 6 or 16)
//   RK_OUTER_PAIR      weight gradient: input lanes whose sums, times 2 output blocks, are held in
//                      registers (8), or 0: blocks go one by one
//   RK_OUTER_SINGLE    the same with 1 output block (2, 4 or 16)
//   RK_OUTER_TAPS      the same where an image is read: taps of three lanes each (1, 2 or 4),
//                      with as many output blocks as above
#ifndef RK_SIMD_H
#define RK_SIMD_H

#include "plan.h"

// Functions that take vectors by value are all inlined, so the calling convention that the warning
// is about is never used.
#pragma clang diagnostic ignored "-Wpsabi"

#define RK_INLINE static inline __attribute__((always_inline))
#define RK_UNROLL _Pragma("clang loop unroll(full)")

typedef float vf __attribute__((ext_vector_type(RK_LANES), may_alias));
typedef int32_t vi __attribute__((ext_vector_type(RK_LANES), may_alias));
typedef uint8_t vb __attribute__((ext_vector_type(RK_LANES), may_alias));
// In memory a vector need not be aligned: unaligned loads of aligned data cost nothing, and a
// caller's misaligned buffer is then merely slow.
typedef vf vf_unaligned __attribute__((aligned(4)));
typedef vb vb_unaligned __attribute__((aligned(1)));

RK_INLINE vf load(const float *p) { return *(const vf_unaligned *)p; }
RK_INLINE void store(float *p, vf v) { *(vf_unaligned *)p = v; }
RK_INLINE vf splat(float s) { return (vf)s; }

// a*b + c. Written out, the compiler may not fuse the two; where there is no instruction for it, it
// must not be asked for either, since it would become a library call.
RK_INLINE vf mul_add(vf a, vf b, vf c) {
#if RK_FUSED
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}

// max(0, v) that hands NaN on: a diverged network must not look like a quiet one.
RK_INLINE vf relu(vf v) { return v < splat(0) ? splat(0) : v; }

RK_INLINE int32_t min_i32(int32_t a, int32_t b) { return a < b ? a : b; }

#endif
