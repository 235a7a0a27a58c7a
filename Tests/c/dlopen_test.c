/* Loads the library at run time, uses it, unloads it and ends a thread that used it. */
#include <dlfcn.h>
#include <pthread.h>
#include <resnet.h>
#include <stdio.h>
#include <string.h>

static const char *path;

static void *find(void *library, const char *name) {
  void *symbol = dlsym(library, name);
  if (symbol == NULL) printf("dlopen_test: %s\n", dlerror());
  return symbol;
}

/* Returns null if all went well. */
static void *use(void *unused) {
  (void)unused;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    printf("dlopen_test: %s\n", dlerror());
    return "dlopen";
  }
  const char *(*version)(void);
  const char *(*last_error)(void);
  rn_status (*create)(const char *, const rn_model_options *, rn_model **);
  rn_status (*release)(rn_model *);
  /* POSIX's way around C's lack of a conversion from data to function pointers. */
  *(void **)&version = find(library, "rn_version");
  *(void **)&last_error = find(library, "rn_last_error");
  *(void **)&create = find(library, "rn_model_create");
  *(void **)&release = find(library, "rn_model_free");
  if (!version || !last_error || !create || !release) return "dlsym";
  char declared[32];
  snprintf(declared, sizeof declared, "%d.%d.%d", RN_VERSION_MAJOR, RN_VERSION_MINOR,
           RN_VERSION_PATCH);
  if (strcmp(version(), declared) != 0) return "version";
  rn_model *model = NULL;
  if (create("resnet8", NULL, &model) != RN_OK) return "create";
  if (create("nonsense", NULL, &model) != RN_NOT_FOUND) return "create nonsense";
  if (last_error()[0] == '\0') return "last_error";
  if (release(model) != RN_OK) return "free";
  return dlclose(library) == 0 ? NULL : "dlclose";
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  path = argv[1];
  for (int i = 0; i < 3; i++) {
    pthread_t thread;
    void *problem = NULL;
    if (pthread_create(&thread, NULL, use, NULL) != 0) return 2;
    pthread_join(thread, &problem); /* the thread's error message goes with it */
    if (problem != NULL) {
      printf("dlopen_test: failed: %s\n", (const char *)problem);
      return 1;
    }
  }
  printf("dlopen_test: ok\n");
  return 0;
}
