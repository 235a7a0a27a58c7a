// The Swift runtime ends the process when malloc returns null. So the shared library is linked with
// --wrap (Package.swift): its calls of malloc and the like, those of the runtime included, come here,
// and what the system refuses is taken from a reserve of address space that was set aside before.
// Whoever asks for much gets none of it, so that one thread leaves something to the others: the library
// makes sure that there is memory before it asks for a `LARGE` array, or an aligned `LARGE_BUFFER`.

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "creserve.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
int __real_posix_memalign(void **block, size_t alignment, size_t size);
void __real_free(void *block);
size_t __real_malloc_usable_size(void *block);
char *__real_strdup(const char *text);
void *__real__Znwm(size_t size);
void __real__ZdlPvm(void *block, size_t size);
void *__real__ZnwmSt11align_val_t(size_t size, size_t alignment);
void __real__ZdlPvmSt11align_val_t(void *block, size_t size, size_t alignment);

enum {
  // Of one reserve. Pages that are never touched cost address space alone; where the system promises no
  // more memory than it has (vm.overcommit_memory 2), they count among what it has promised.
  RESERVE = 16 << 20,
  // Of which a call finds no more than that in use when it begins.
  USED_AT_MOST = RESERVE / 4,
  // Reserves that objects live in, which were made in want of memory and are still there.
  RESERVES = 64,
  // Blocks above that, of any kind, get nothing.
  LARGE = 1 << 20,
  // Nor do aligned ones above that: they are buffers, whose want is an error.
  LARGE_BUFFER = 64 << 10,
  ALIGNMENT = 16
};

// A block, free or not, of `size` bytes with this header. Blocks follow one another.
typedef struct block {
  size_t size;
  size_t used;
} block;

// Bases of reserves: those after the first null are not there yet. None is ever given back, as an
// object in it may live as long as the process.
static _Atomic(char *) reserves[RESERVES];
// Guards the blocks. Of the last reserve alone is anything taken.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int count;
static atomic_size_t used[RESERVES];

static void lock_reserves(void) { pthread_mutex_lock(&lock); }
static void unlock_reserves(void) { pthread_mutex_unlock(&lock); }

// The loader allocates a library's thread-local data when a thread first touches it, and ends the process
// if it cannot; the runtime has some. One variable of this model makes it part of every thread's own
// block, which is there already.
static _Thread_local volatile char in_static_block __attribute__((tls_model("initial-exec")));

// Before the constructors of the runtime, which allocate.
__attribute__((constructor(101))) static void start(void) {
  in_static_block = 1;
  pthread_atfork(lock_reserves, unlock_reserves, unlock_reserves);
  rr_prepare();
}

static int is_ready(void) {
  const int last = atomic_load_explicit(&count, memory_order_acquire) - 1;
  return last >= 0 && atomic_load_explicit(&used[last], memory_order_relaxed) <= USED_AT_MOST;
}

size_t rr_prepare(void) {
  if (is_ready()) return 0;
  lock_reserves();
  const int next = count;
  if (!is_ready() && next < RESERVES) {
    char *base = mmap(NULL, RESERVE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base != MAP_FAILED) {
      *(block *)base = (block){RESERVE, 0};
      atomic_store_explicit(&reserves[next], base, memory_order_release);
      atomic_store_explicit(&count, next + 1, memory_order_release);
    }
  }
  unlock_reserves();
  return is_ready() ? 0 : RESERVE;
}

// The number of the reserve that holds a block, or -1.
static int reserve_of(const void *pointer) {
  for (int i = 0; i < RESERVES; i++) {
    const char *base = atomic_load_explicit(&reserves[i], memory_order_acquire);
    if (base == NULL) return -1;
    if ((uintptr_t)pointer - (uintptr_t)base < RESERVE) return i;
  }
  return -1;
}

static block *after(block *at) { return (block *)((char *)at + at->size); }

// The first free block that has room for `size` bytes at that alignment; null if there is none. Such
// moments are rare, so nothing is done to find it faster.
static void *take(size_t size, size_t alignment) {
  void *found = NULL;
  if (size > LARGE) return NULL;
  lock_reserves();
  const int last = count - 1;
  char *base = last >= 0 ? reserves[last] : NULL;
  for (block *at = (block *)base; base != NULL && (char *)at < base + RESERVE; at = after(at)) {
    if (at->used) continue;
    while ((char *)after(at) < base + RESERVE && !after(at)->used) at->size += after(at)->size;
    const uintptr_t first = (uintptr_t)(at + 1);
    uintptr_t start = (first + alignment - 1) & -alignment;
    // What is skipped stays a block, and has room for its header.
    while (start != first && start - first < sizeof(block)) start += alignment;
    const uintptr_t end = (start + size + ALIGNMENT - 1) & -(uintptr_t)ALIGNMENT;
    if (end > (uintptr_t)after(at)) continue;
    block *const next = after(at);
    block *taken = at;
    if (start != first) {
      taken = (block *)start - 1;
      at->size = (size_t)((char *)taken - (char *)at);
    }
    taken->size = (size_t)((char *)next - (char *)taken);
    if ((uintptr_t)next - end > sizeof(block)) {
      block *const rest = (block *)end;
      *rest = (block){(size_t)((char *)next - (char *)rest), 0};
      taken->size = (size_t)((char *)rest - (char *)taken);
    }
    taken->used = 1;
    used[last] += taken->size;
    found = (void *)start;
    break;
  }
  unlock_reserves();
  return found;
}

static size_t usable_size(void *pointer) {
  const block *at = (const block *)pointer - 1;
  return at->size - sizeof *at;
}

static void give_back(void *pointer, int reserve) {
  lock_reserves();
  block *const at = (block *)pointer - 1;
  at->used = 0;
  used[reserve] -= at->size;
  unlock_reserves();
}

// ---- What the linker puts in place of malloc and the like --------------------------------------

void *__wrap_malloc(size_t size) {
  void *block = __real_malloc(size);
  return block != NULL ? block : take(size, ALIGNMENT);
}

void *__wrap_calloc(size_t number, size_t size) {
  void *block = __real_calloc(number, size);
  size_t bytes;
  if (block != NULL || __builtin_mul_overflow(number, size, &bytes)) return block;
  block = take(bytes, ALIGNMENT);
  return block == NULL ? NULL : memset(block, 0, bytes);
}

void *__wrap_realloc(void *old, size_t size) {
  const int reserve = old == NULL ? -1 : reserve_of(old);
  if (reserve < 0) {
    void *grown = __real_realloc(old, size);
    if (grown != NULL || size == 0) return grown;
  }
  void *block = __wrap_malloc(size);
  if (block == NULL || old == NULL) return block;
  const size_t before = reserve < 0 ? __real_malloc_usable_size(old) : usable_size(old);
  memcpy(block, old, before < size ? before : size);
  if (reserve < 0) {
    __real_free(old);
  } else {
    give_back(old, reserve);
  }
  return block;
}

int __wrap_posix_memalign(void **block, size_t alignment, size_t size) {
  const int status = __real_posix_memalign(block, alignment, size);
  if (status != ENOMEM || size > LARGE_BUFFER) return status;
  void *found = take(size, alignment < ALIGNMENT ? ALIGNMENT : alignment);
  if (found == NULL) return ENOMEM;
  *block = found;
  return 0;
}

char *__wrap_strdup(const char *text) {
  const size_t size = strlen(text) + 1;
  char *copy = __wrap_malloc(size);
  return copy == NULL ? NULL : memcpy(copy, text, size);
}

void __wrap_free(void *block) {
  const int reserve = block == NULL ? -1 : reserve_of(block);
  if (reserve < 0) {
    __real_free(block);
  } else {
    give_back(block, reserve);
  }
}

size_t __wrap_malloc_usable_size(void *block) {
  return block == NULL || reserve_of(block) < 0 ? __real_malloc_usable_size(block)
                                                : usable_size(block);
}

// C++'s operators new and delete, by their mangled names: the runtime is written in it. They throw
// where malloc returns null, so malloc comes first.

void *__wrap__Znwm(size_t size) {
  void *block = __wrap_malloc(size == 0 ? 1 : size);
  return block != NULL ? block : __real__Znwm(size);
}

void __wrap__ZdlPvm(void *block, size_t size) {
  (void)size;
  __wrap_free(block);
}

void *__wrap__ZnwmSt11align_val_t(size_t size, size_t alignment) {
  void *block = NULL;
  return __wrap_posix_memalign(&block, alignment, size) == 0
             ? block
             : __real__ZnwmSt11align_val_t(size, alignment);
}

void __wrap__ZdlPvmSt11align_val_t(void *block, size_t size, size_t alignment) {
  (void)size;
  (void)alignment;
  __wrap_free(block);
}
