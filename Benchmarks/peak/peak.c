#include "peak.h"

#include <string.h>

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static double run_avx512(int64_t n) {
  typedef float v __attribute__((ext_vector_type(16)));
  v sums[24], a = (v)0.999f, b = (v)1e-4f;
  for (int i = 0; i < 24; i++) sums[i] = (v)(float)i;
  for (int64_t k = 0; k < n; k++) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 24; i++) __asm__("vfmadd213ps %2, %1, %0" : "+v"(sums[i]) : "v"(a), "v"(b));
  }
  for (int i = 0; i < 24; i++) __asm__ volatile("" ::"v"(sums[i]));
  return 24.0 * 16 * 2 * (double)n;
}

__attribute__((target("avx2,fma"))) static double run_avx2(int64_t n) {
  typedef float v __attribute__((ext_vector_type(8)));
  v sums[12], a = (v)0.999f, b = (v)1e-4f;
  for (int i = 0; i < 12; i++) sums[i] = (v)(float)i;
  for (int64_t k = 0; k < n; k++) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 12; i++) __asm__("vfmadd213ps %2, %1, %0" : "+x"(sums[i]) : "x"(a), "x"(b));
  }
  for (int i = 0; i < 12; i++) __asm__ volatile("" ::"x"(sums[i]));
  return 12.0 * 8 * 2 * (double)n;
}
#endif

// Without fused instructions: as many multiplications as additions.
static double run_portable(int64_t n) {
  typedef float v __attribute__((ext_vector_type(4)));
  v sums[12], a = (v)0.999f, b = (v)1e-4f;
  for (int i = 0; i < 12; i++) sums[i] = (v)(float)i;
  for (int64_t k = 0; k < n; k++) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 12; i++) sums[i] = sums[i] * a + b;
#if defined(__x86_64__)
    for (int i = 0; i < 12; i++) __asm__ volatile("" : "+x"(sums[i]));
#elif defined(__aarch64__)
    for (int i = 0; i < 12; i++) __asm__ volatile("" : "+w"(sums[i]));
#endif
  }
  return 12.0 * 4 * 2 * (double)n;
}

const char *peak_isa(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return "avx512";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "avx2";
#endif
  return "portable";
}

double peak_run(const char *isa, int64_t n) {
#if defined(__x86_64__)
  if (strcmp(isa, "avx512") == 0) return run_avx512(n);
  if (strcmp(isa, "avx2") == 0) return run_avx2(n);
#else
  (void)isa;
#endif
  return run_portable(n);
}
