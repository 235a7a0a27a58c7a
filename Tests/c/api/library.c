/* Version, status names, errors, threads and instruction set. */
#include <stdio.h>
#include <string.h>

#include "check.h"

static void test_version(void) {
  char version[32];
  snprintf(version, sizeof version, "%d.%d.%d", RN_VERSION_MAJOR, RN_VERSION_MINOR,
           RN_VERSION_PATCH);
  CHECK(strcmp(rn_version(), version) == 0);
}

static void test_status_names(void) {
  for (int i = 0; i <= 11; i++) {
    const char *name = rn_status_string((rn_status)i);
    CHECK(name[0] != '\0' && strcmp(name, "unknown status") != 0);
    for (int j = 0; j < i; j++) CHECK(strcmp(name, rn_status_string((rn_status)j)) != 0);
  }
  CHECK(strcmp(rn_status_string((rn_status)13), "unknown status") == 0);
  CHECK(strcmp(rn_status_string((rn_status)-1), "unknown status") == 0);
  CHECK(strcmp(rn_status_string(RN_SHAPE_MISMATCH), "shape mismatch") == 0);
}

static void test_last_error(void) {
  CHECK(strcmp(rn_last_error(), "") == 0); /* this thread's first call that can fail comes next */
  rn_model *model = NULL;
  CHECK_ERROR(RN_NOT_FOUND, "resnet21", rn_model_create("resnet21", NULL, &model));
  CHECK(model == NULL);
  CHECK_OK(rn_model_free(NULL));
  CHECK(strstr(rn_last_error(), "resnet21") != NULL); /* a success does not clear it */
}

static void test_thread_count(void) {
  int32_t threads = 0;
  CHECK_OK(rn_get_threads(&threads));
  CHECK(threads >= 1);
  CHECK_OK(rn_set_threads(3));
  CHECK_OK(rn_get_threads(&threads));
  CHECK(threads == 3);
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_set_threads(-1));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_set_threads(INT32_MAX));
  CHECK_STATUS(RN_INVALID_ARGUMENT, rn_set_threads(INT32_MIN));
  CHECK_OK(rn_get_threads(&threads));
  CHECK(threads == 3);
  CHECK_OK(rn_set_threads(0));
  CHECK_OK(rn_get_threads(&threads));
  CHECK(threads >= 1);
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_get_threads(NULL));
}

static void test_winograd(void) {
  int32_t allowed = -1;
  CHECK_OK(rn_get_winograd(&allowed));
  CHECK(allowed == 1);
  CHECK_OK(rn_set_winograd(0));
  CHECK_OK(rn_get_winograd(&allowed));
  CHECK(allowed == 0);
  CHECK_OK(rn_set_winograd(1));
  CHECK_OK(rn_get_winograd(&allowed));
  CHECK(allowed == 1);
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_get_winograd(NULL));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "0 or 1", rn_set_winograd(7));
  CHECK_ERROR(RN_INVALID_ARGUMENT, "0 or 1", rn_set_winograd(-1));
}

static void test_instruction_set(void) {
  const char *isa = NULL;
  CHECK_OK(rn_get_isa(&isa));
  CHECK(isa != NULL &&
        (strcmp(isa, "avx512") == 0 || strcmp(isa, "avx2") == 0 || strcmp(isa, "portable") == 0));
  const char *again = NULL;
  CHECK_OK(rn_get_isa(&again));
  CHECK(isa == again);
  CHECK_ERROR(RN_INVALID_ARGUMENT, "NULL", rn_get_isa(NULL));
}

void test_library(void) {
  test_version();
  test_status_names();
  test_last_error();
  test_thread_count();
  test_winograd();
  test_instruction_set();
}
