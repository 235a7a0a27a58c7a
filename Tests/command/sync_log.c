/* For LD_PRELOAD: writes which files and folders a program syncs, renames and removes, in their order, to the
 * file that SYNC_LOG names. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void note(const char *what, const char *path) {
  const char *log = getenv("SYNC_LOG");
  FILE *file = log ? fopen(log, "a") : NULL;
  if (!file) abort();
  fprintf(file, "%s %s\n", what, path);
  fclose(file);
}

int fsync(int descriptor) {
  char link[64], path[PATH_MAX + 1];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, PATH_MAX);
  if (length < 0) abort();
  path[length] = 0;
  note("sync", path);
  return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(descriptor);
}

int renameat(int from, const char *old, int to, const char *new) {
  note("rename", new);
  return ((int (*)(int, const char *, int, const char *))dlsym(RTLD_NEXT, "renameat"))(from, old,
                                                                                       to, new);
}

int unlink(const char *path) {
  note("remove", path);
  return ((int (*)(const char *))dlsym(RTLD_NEXT, "unlink"))(path);
}
