// The processor's peak: multiply-adds in registers that touch no memory.
#ifndef PEAK_H
#define PEAK_H

#include <stdint.h>

// The widest of "avx512", "avx2" and "portable" that this processor has.
const char *peak_isa(void);

// Does `n` rounds of independent multiply-adds on the calling thread with the instructions that
// `isa` names, which the processor must have. Returns the floating-point operations, two for each
// multiply-add.
double peak_run(const char *isa, int64_t n);

#endif
