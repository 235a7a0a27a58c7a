/*
 * What the library does when memory cannot be had: every allocation of the process comes through
 * here, and one of them, or all from one on, are refused. A call may fail then, with
 * RN_OUT_OF_MEMORY and a message that says how much was wanted; but the process goes on, and once
 * there is memory again the same handles give the same bits.
 *
 * Then the same where the system itself refuses, under limits of the address space: threads, too; and
 * with several threads of the host at once, which share what the library has for such moments.
 *
 * usage: memory_test IMAGE [STRIDE: how many allocations to skip between two that are refused]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

static void with_refusals(long from, long to, void (*work)(void)) {
  counted = 0;
  first = from;
  last = to;
  work();
  first = last = -1;
}

/* Refuses in turn each allocation, or all from it on, of those that `work` makes. */
static long sweep(void (*work)(void), int forever, long stride, size_t size) {
  long number = 0, calls = 0;
  least = size;
  do {
    refused = 0;
    with_refusals(number, forever ? (1L << 40) : number, work);
    number += stride;
    calls++;
  } while (refused > 0);
  least = 0;
  return calls;
}

/* `use` on handles that stay: what they give afterwards is what they gave before. */
static void sweep_handles(long stride, size_t size) {
  float before[COUNT * CLASSES], after[COUNT * CLASSES];
  make();
  infer(before);
  for (int forever = 0; forever < 2; forever++) {
    const long calls = sweep(use, forever, stride, size);
    failures = 0;
    infer(after);
    must(failures == 0 && memcmp(before, after, sizeof before) == 0, "the same bits afterwards");
    printf("memory_test: used %ld times, refusing %s of at least %zu bytes\n", calls,
           forever ? "all from the n-th on" : "the n-th", size);
  }
  unmake();
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  image_path = argv[1];
  const long stride = argc > 2 ? atol(argv[2]) : 1;
  uint32_t noise = 1;
  for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++) {
    noise = noise * 1664525u + 1013904223u;
    pixels[i] = (float)(noise >> 24);
  }
  for (int i = 0; i < COUNT; i++) labels[i] = i % CLASSES;
  setvbuf(stdout, NULL, _IOLBF, 4096);
  /* Before there are threads, of which a child would have none. */
  sweep_limits();
  test_large();
  sweep_handles(stride, 0);
  sweep_handles(1, 1 << 12);
  for (int forever = 0; forever < 2; forever++) {
    const long calls = sweep(everything, forever, stride, 0);
    if (model != NULL || trainer != NULL || dataset != NULL || files != NULL) unmake();
    failures = 0;
    everything();
    must(failures == 0 && model == NULL, "everything works afterwards");
    printf("memory_test: all done %ld times, refusing %s\n", calls,
           forever ? "all from the n-th on" : "the n-th");
  }
  prepare_threads();
  test_threads(1 << 20);
  test_threads(64 << 10);
  test_threads(0);
  printf("memory_test: ok\n");
  return 0;
}
