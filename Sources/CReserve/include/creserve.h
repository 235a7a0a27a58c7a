// What the library's own small objects live in while the system has no memory.
#ifndef CRESERVE_H
#define CRESERVE_H

#include <stddef.h>

// Makes sure that most of the reserve is free; sets up a new one if the last has too much in use.
// Returns 0, or the bytes that could not be had.
size_t rr_prepare(void);

#endif
