#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>

#include "ckernels.h"

int32_t rk_available_cores(void) {
  // The kernel refuses a set that has no room for all the processors that it could have.
  for (int room = CPU_SETSIZE; room <= 1 << 20; room *= 2) {
    cpu_set_t *set = CPU_ALLOC(room);
    if (set == NULL) return 1;
    const size_t size = CPU_ALLOC_SIZE(room);
    const int status = sched_getaffinity(0, size, set) == 0 ? 0 : errno;
    const int32_t count = status == 0 ? CPU_COUNT_S(size, set) : 1;
    CPU_FREE(set);
    if (status != EINVAL) return count;
  }
  return 1;
}
