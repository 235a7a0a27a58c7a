/*
 * Saving where it cannot be done: on a disk that is full, after any number of blocks; in a folder
 * that cannot be written to; in one that disappears meanwhile. What was there stays, nothing else
 * is left, and the status and message tell the reason.
 *
 * The disks are the test's own, in name spaces that end with it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <resnet.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUIRE(condition)                                                                \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      fprintf(stderr, "disk_test: line %d: failed: %s; the library says: %s\n", __LINE__, \
              #condition, rn_last_error());                                               \
      exit(EXIT_FAILURE);                                                                 \
    }                                                                                     \
  } while (0)

static const char target[] = "disk/model.h5";

static rn_model *make_model(int base_width) {
  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  rn_model *model = NULL;
  options.base_width = base_width;
  REQUIRE(rn_model_create("resnet8", &options, &model) == RN_OK);
  return model;
}

static int64_t count_parameters(rn_model *model) {
  rn_model_info info = RN_MODEL_INFO_INIT;
  REQUIRE(rn_model_get_info(model, &info) == RN_OK);
  return info.parameters;
}

/* The model in the file has that many parameters, and is whole. */
static void require_saved(int64_t parameters) {
  rn_model *model = NULL;
  REQUIRE(rn_model_load(target, &model) == RN_OK);
  REQUIRE(count_parameters(model) == parameters);
  REQUIRE(rn_model_free(model) == RN_OK);
}

/* Files in a folder, hidden ones too. */
static int count_files(const char *folder) {
  int count = 0;
  DIR *stream = opendir(folder);
  REQUIRE(stream != NULL);
  while (readdir(stream) != NULL) count++;
  closedir(stream);
  return count - 2;
}

static void require_refused(rn_model *model, const char *reason) {
  REQUIRE(rn_model_save(model, target) == RN_IO_ERROR);
  REQUIRE(strstr(rn_last_error(), reason) != NULL && strstr(rn_last_error(), target) != NULL);
}

static void fill(const char *path, size_t bytes) {
  static const char zeros[1 << 20];
  const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  REQUIRE(file >= 0);
  while (bytes > 0) {
    const ssize_t written = write(file, zeros, bytes < sizeof zeros ? bytes : sizeof zeros);
    REQUIRE(written > 0);
    bytes -= (size_t)written;
  }
  REQUIRE(close(file) == 0);
}

/* A disk of 1 MiB, on which less and less is taken by something else. */
static void test_full_disk(void) {
  enum { DISK = 1 << 20, BLOCK = 4096 };
  rn_model *old = make_model(4), *new = make_model(16);
  const int64_t before = count_parameters(old), after = count_parameters(new);
  REQUIRE(mount("none", "disk", "tmpfs", 0, "size=1m,nr_inodes=5") == 0);
  REQUIRE(rn_model_save(old, target) == RN_OK);
  struct stat status;
  REQUIRE(stat(target, &status) == 0);
  const size_t rest = DISK - (size_t)status.st_blocks * 512;
  int refused = 0;
  for (size_t spare = 0;; spare += BLOCK) {
    REQUIRE(spare < rest);
    fill("disk/other", rest - spare);
    if (rn_model_save(new, target) == RN_OK) break;
    require_refused(new, "No space left on device");
    require_saved(before);
    REQUIRE(count_files("disk") == 2);
    refused++;
  }
  REQUIRE(refused > 10);
  require_saved(after);
  REQUIRE(count_files("disk") == 2);
  /* Room for data, but for no more files. */
  REQUIRE(remove("disk/other") == 0);
  for (int i = 0; i < 3; i++) {
    char name[32];
    snprintf(name, sizeof name, "disk/%d", i);
    fill(name, 0);
  }
  require_refused(old, "No space left on device");
  require_saved(after);
  REQUIRE(umount("disk") == 0);
  REQUIRE(rn_model_free(old) == RN_OK && rn_model_free(new) == RN_OK);
  printf("full disk: refused with 0 to %d blocks free\n", refused - 1);
}

static void test_read_only_disk(void) {
  rn_model *old = make_model(4), *new = make_model(8);
  const int64_t before = count_parameters(old);
  REQUIRE(mount("none", "disk", "tmpfs", 0, "size=1m") == 0);
  REQUIRE(rn_model_save(old, target) == RN_OK);
  REQUIRE(mount("none", "disk", NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
  require_refused(new, "Read-only file system");
  require_saved(before);
  REQUIRE(count_files("disk") == 1);
  REQUIRE(umount("disk") == 0);
  REQUIRE(rn_model_free(old) == RN_OK && rn_model_free(new) == RN_OK);
  printf("read-only disk: refused\n");
}

/* ---- A folder that comes and goes ------------------------------------------------------------ */

static atomic_int is_over;

static void *disturb(void *nothing) {
  while (!atomic_load(&is_over)) {
    if (mkdir("folder", 0777) != 0 && errno != EEXIST) abort();
    sched_yield();
    DIR *stream = opendir("folder");
    if (stream == NULL) abort();
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
      if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
        unlinkat(dirfd(stream), entry->d_name, 0);
    closedir(stream);
    rmdir("folder");
  }
  return nothing;
}

static void test_vanishing_folder(void) {
  enum { SAVES = 2000 };
  rn_model *model = make_model(4), *loaded = NULL;
  int saved = 0;
  pthread_t thread;
  REQUIRE(pthread_create(&thread, NULL, disturb, NULL) == 0);
  for (int i = 0; i < SAVES; i++) {
    const rn_status status = rn_model_save(model, "folder/model.h5");
    REQUIRE(status == RN_OK || status == RN_IO_ERROR);
    REQUIRE(status == RN_OK || strstr(rn_last_error(), "folder/model.h5") != NULL);
    saved += status == RN_OK;
  }
  atomic_store(&is_over, 1);
  pthread_join(thread, NULL);
  REQUIRE(mkdir("folder", 0777) == 0 || errno == EEXIST);
  REQUIRE(rn_model_save(model, "folder/model.h5") == RN_OK);
  REQUIRE(rn_model_load("folder/model.h5", &loaded) == RN_OK);
  REQUIRE(count_files("folder") == 1);
  REQUIRE(remove("folder/model.h5") == 0 && rmdir("folder") == 0);
  REQUIRE(rn_model_free(model) == RN_OK && rn_model_free(loaded) == RN_OK);
  printf("vanishing folder: %d of %d saves refused\n", SAVES - saved, SAVES);
}

int main(void) {
  char directory[] = "disk-test-XXXXXX";
  REQUIRE(mkdtemp(directory) != NULL && chdir(directory) == 0);
  REQUIRE(mkdir("disk", 0777) == 0);
  /* Mounts of its own: the superuser may have them, others where the system lets them be one in a
   * name space of theirs. */
  const int can_mount = (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
                        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
  if (can_mount) {
    test_full_disk();
    test_read_only_disk();
  } else {
    printf("full and read-only disk: not tested, as this system lets no one mount them: %s\n",
           strerror(errno));
  }
  test_vanishing_folder();
  REQUIRE(rmdir("disk") == 0 && chdir("..") == 0 && rmdir(directory) == 0);
  return EXIT_SUCCESS;
}
