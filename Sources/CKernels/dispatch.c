// Which kernels run: chosen by what the processor and the operating system support.
#include <stddef.h>
#include <string.h>

#include "plan.h"

#if defined(__x86_64__)
static int has_avx512(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("fma");
}

static int has_avx2(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

const rk_kernels *rk_kernels_named(const char *name) {
#if defined(__x86_64__)
  if ((name == NULL || strcmp(name, "avx512") == 0) && has_avx512()) return &rk_kernels_avx512;
  if ((name == NULL || strcmp(name, "avx2") == 0) && has_avx2()) return &rk_kernels_avx2;
#endif
  if (name == NULL || strcmp(name, "portable") == 0) return &rk_kernels_portable;
  return NULL;
}

void rk_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}
