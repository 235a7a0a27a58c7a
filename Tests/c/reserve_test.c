/*
 * The reserve behind the shared library's small allocations (Sources/CReserve), by itself: several
 * threads take and give back blocks of all kinds while memory comes and goes. No two blocks may
 * overlap, contents must be kept, and in the end everything must be there again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "creserve.h"

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
int __wrap_posix_memalign(void **block, size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *block);
size_t __wrap_malloc_usable_size(void *block);

/* ---- The system, which can be without memory --------------------------------------------------- */

static atomic_int is_short;
static atomic_long refusals;

static int refuses(void) {
  if (!is_short) return 0;
  refusals++;
  errno = ENOMEM;
  return 1;
}

void *__real_malloc(size_t size) { return refuses() ? NULL : malloc(size); }
void *__real_calloc(size_t count, size_t size) { return refuses() ? NULL : calloc(count, size); }
void *__real_realloc(void *block, size_t size) { return refuses() ? NULL : realloc(block, size); }
int __real_posix_memalign(void **block, size_t alignment, size_t size) {
  return refuses() ? ENOMEM : posix_memalign(block, alignment, size);
}
void __real_free(void *block) { free(block); }
size_t __real_malloc_usable_size(void *block) { return malloc_usable_size(block); }
/* C++'s come to these where there is nothing else; nothing here is C++. */
void *__real__Znwm(size_t size) { return malloc(size); }
void *__real__ZnwmSt11align_val_t(size_t size, size_t alignment) {
  return aligned_alloc(alignment, size);
}

/* ---- Blocks ------------------------------------------------------------------------------------ */

static void must(int condition, const char *what) {
  if (condition) return;
  printf("reserve_test: failed: %s\n", what);
  exit(1);
}

enum { BLOCKS = 64, ROUNDS = 20000, LARGEST = 3000, THREADS = 4 };

struct held {
  unsigned char *bytes;
  size_t size;
  unsigned char mark;
};

static uint32_t draw(uint32_t *state, uint32_t below) {
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 8) % below;
}

static int is_whole(const struct held *held, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (held->bytes[i] != held->mark) return 0;
  return 1;
}

static void obtain(struct held *held, uint32_t *state) {
  const size_t alignment = (size_t)16 << draw(state, 4);
  void *block = NULL;
  held->size = draw(state, LARGEST) + 1;
  switch (draw(state, 3)) {
    case 0:
      block = __wrap_malloc(held->size);
      break;
    case 1:
      block = __wrap_calloc(1, held->size);
      held->bytes = block;
      held->mark = 0;
      must(block != NULL && is_whole(held, held->size), "calloc gives zeros");
      break;
    default:
      must(__wrap_posix_memalign(&block, alignment, held->size) == 0, "posix_memalign");
      must((uintptr_t)block % alignment == 0, "aligned blocks are aligned");
  }
  must(block != NULL && (uintptr_t)block % 16 == 0, "a small block is always had");
  must(__wrap_malloc_usable_size(block) >= held->size, "malloc_usable_size");
  held->bytes = block;
  held->mark = (unsigned char)draw(state, 256);
  memset(block, held->mark, held->size);
}

static void *take_turns(void *seed) {
  static _Thread_local struct held held[BLOCKS];
  uint32_t state = (uint32_t)(uintptr_t)seed;
  for (int i = 0; i < ROUNDS; i++) {
    struct held *one = &held[draw(&state, BLOCKS)];
    if (draw(&state, 50) == 0) is_short = !is_short;
    if (one->bytes == NULL) {
      obtain(one, &state);
    } else if (draw(&state, 4) == 0) {
      const size_t size = draw(&state, LARGEST) + 1, kept = size < one->size ? size : one->size;
      one->bytes = __wrap_realloc(one->bytes, size);
      must(one->bytes != NULL && is_whole(one, kept), "realloc keeps what it can");
      one->size = size;
      memset(one->bytes, one->mark, size);
    } else {
      must(is_whole(one, one->size), "a block is nobody else's");
      __wrap_free(one->bytes);
      one->bytes = NULL;
    }
  }
  for (int i = 0; i < BLOCKS; i++) {
    if (held[i].bytes != NULL) must(is_whole(&held[i], held[i].size), "a block is nobody else's");
    __wrap_free(held[i].bytes);
  }
  return NULL;
}

static void test_threads(void) {
  pthread_t threads[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++)
    must(pthread_create(&threads[i], NULL, take_turns, (void *)(i + 1)) == 0, "pthread_create");
  for (int i = 0; i < THREADS; i++) must(pthread_join(threads[i], NULL) == 0, "pthread_join");
  must(refusals > ROUNDS / 10, "memory was short often");
}

/* What is large gets nothing, by whatever name it asks, and what is not large still does. */
static void test_large(void) {
  enum { MEGABYTE = 1 << 20 };
  void *aligned = NULL, *small = __wrap_malloc(100);
  must(__wrap_malloc(MEGABYTE + 1) == NULL, "malloc");
  must(__wrap_calloc(MEGABYTE / 8 + 1, 8) == NULL, "calloc");
  must(__wrap_realloc(small, MEGABYTE + 1) == NULL, "realloc");
  must(__wrap_posix_memalign(&aligned, 64, (64 << 10) + 1) == ENOMEM, "posix_memalign");
  must(__wrap_posix_memalign(&aligned, 64, 64 << 10) == 0, "a small aligned block");
  small = __wrap_realloc(small, MEGABYTE);
  must(small != NULL, "a block of the most that is small");
  __wrap_free(small);
  __wrap_free(aligned);
}

/* All of the reserve can be had, once; and a new one is set up before the next call. */
static void test_exhaustion(void) {
  enum { MEGABYTE = 1 << 20, MOST = 64 };
  void *blocks[MOST];
  is_short = 1;
  for (int round = 0; round < 2; round++) {
    int count = 0;
    while (count < MOST && (blocks[count] = __wrap_malloc(MEGABYTE - 64)) != NULL) count++;
    must(count == 16, "16 MB are there, and no more");
    void *aligned = NULL;
    must(__wrap_posix_memalign(&aligned, 64, MEGABYTE / 8) == ENOMEM, "large buffers get nothing");
    for (int i = 0; i < count; i++) __wrap_free(blocks[i]);
  }
  for (int i = 0; i < 5; i++) must((blocks[i] = __wrap_malloc(MEGABYTE)) != NULL, "a part of it");
  must(rr_prepare() == 0, "another one is set up");
  test_large();
  for (int i = 0; i < 5; i++) __wrap_free(blocks[i]);
  char *text = __wrap_strdup("text");
  must(text != NULL && strcmp(text, "text") == 0, "strdup");
  __wrap_free(text);
  must(__wrap_calloc((size_t)1 << 40, (size_t)1 << 40) == NULL, "a product that overflows");
  is_short = 0;
}

static void test_fork(void) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    take_turns((void *)(uintptr_t)9);
    exit(0);
  }
  int status = -1;
  must(child > 0 && waitpid(child, &status, 0) == child && status == 0, "a child has its own");
}

int main(void) {
  must(rr_prepare() == 0, "it is there from the beginning");
  test_exhaustion();
  test_threads();
  test_fork();
  printf("reserve_test: ok, %ld times without memory\n", (long)refusals);
  return 0;
}
