#include "ckernels.h"

#if defined(__x86_64__)
#include <xmmintrin.h>

// All exceptions masked, everything else as the ABI has it at program start.
enum { DEFAULT_MXCSR = 0x1F80 };

uint64_t rk_float_mode_enter(void) {
  const uint64_t mode = _mm_getcsr();
  _mm_setcsr(DEFAULT_MXCSR);
  return mode;
}

void rk_float_mode_leave(uint64_t mode) { _mm_setcsr((unsigned int)mode); }

#elif defined(__aarch64__)

uint64_t rk_float_mode_enter(void) {
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  __asm__ volatile("msr fpcr, xzr");
  return mode;
}

void rk_float_mode_leave(uint64_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }

#else
#error "the floating-point mode of this processor is not known"
#endif
