/* The allocator of the process, by glibc's own names for it, which refuses what it is told to. */
#include <errno.h>
#include <stdlib.h>

#include "memory.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

atomic_long counted, refused;
atomic_long first = -1, last = -1;
atomic_size_t least;

static int is_refused(size_t size) {
  if (size < least) return 0;
  const long number = counted++;
  if (number < first || number > last) return 0;
  refused++;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t size) { return is_refused(size) ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) {
  return is_refused(count * size) ? NULL : __libc_calloc(count, size);
}
void *realloc(void *block, size_t size) {
  return is_refused(size) ? NULL : __libc_realloc(block, size);
}
int posix_memalign(void **block, size_t alignment, size_t size) {
  if (is_refused(size)) return ENOMEM;
  *block = __libc_memalign(alignment, size);
  return *block == NULL ? ENOMEM : 0;
}
void *memalign(size_t alignment, size_t size) {
  return is_refused(size) ? NULL : __libc_memalign(alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
