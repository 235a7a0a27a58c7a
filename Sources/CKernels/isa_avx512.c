// The kernels for AVX-512 (F, BW, DQ, VL). Only functions between push and pop may use it.
#if defined(__x86_64__)
#include "plan.h"

#define RK_NAME "avx512"
#define RK_TABLE rk_kernels_avx512
#define RK_FUSED 1
// 32 registers: 28 sums, 2 weights, 1 broadcast pixel. With a single block, pixels are broadcast by
// the multiply-add itself, and 16 sums hide its latency.
#define RK_TILE_PAIR 14
#define RK_TILE_SINGLE 16
#define RK_OUTER_PAIR 8
#define RK_OUTER_TAPS 4
#define RK_OUTER_SINGLE 16

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#include "kernels.h"
#pragma clang attribute pop
#endif
