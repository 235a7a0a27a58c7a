/* The same where the system itself refuses: under limits of the address space. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"

long address_space(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  must(file != NULL && fscanf(file, "%ld", &pages) == 1, "/proc/self/statm");
  fclose(file);
  return pages * sysconf(_SC_PAGESIZE);
}

/* The stack grows where it was never used, which a limit forbids like everything else. */
static __attribute__((noinline)) void touch_stack(void) {
  volatile char stack[512 << 10];
  for (size_t i = 0; i < sizeof stack; i += 1024) stack[i] = 1;
}

/* What a child does with so much more than it has, and afterwards without a limit. */
static int live_with(long more) {
  touch_stack();
  struct rlimit limit;
  getrlimit(RLIMIT_AS, &limit);
  const rlim_t most = limit.rlim_cur;
  limit.rlim_cur = (rlim_t)(address_space() + more);
  must(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
  alarm(60);
  everything();
  const int short_of = failures > 0;
  limit.rlim_cur = most;
  must(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
  if (model != NULL || trainer != NULL || dataset != NULL || files != NULL) unmake();
  failures = 0;
  everything();
  must(failures == 0, "everything works without a limit");
  return short_of ? 42 : 0;
}

void sweep_limits(void) {
  int refusals = 0, successes = 0;
  for (long more = 0; more < 256L << 20; more += more < 8L << 20 ? 256L << 10 : more / 8) {
    const pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) exit(live_with(more));
    int status = -1;
    must(waitpid(child, &status, 0) == child, "waitpid");
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 42)) {
      printf("memory_test: with %ld bytes more: status %d\n", more, status);
      exit(1);
    }
    *(WEXITSTATUS(status) == 0 ? &successes : &refusals) += 1;
  }
  must(refusals > 0 && successes > 0, "some limits are too low, and some are not");
  printf("memory_test: %d limits that were too low, %d that were not\n", refusals, successes);
}
