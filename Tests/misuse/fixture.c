/*
 * Runs the generated calls. Prints what was not as expected, and a line with counts; the exit
 * status says whether all was. Reads and writes files in the current directory, which files.py has
 * filled.
 */
#define _GNU_SOURCE
#include "fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "handles.h"

fixture_type fixture;
static const char *current = "nothing";
static unsigned char *areas, *nothing;
static long calls, failures;

/* ---- Judging --------------------------------------------------------------------------------- */

static void complain(const char *what) {
  failures++;
  if (failures <= 50) printf("%s: %s\n", current, what);
}

static const char *const names[] = {
    "ok", "a failure", "anything", "invalid argument", "invalid handle", "buffer too small"};

static int is_as_expected(expectation expected, rn_status status) {
  switch (expected) {
    case PASS:
      return status == RN_OK;
    case FAIL:
      return status != RN_OK;
    case ARG:
      return status == RN_INVALID_ARGUMENT;
    case HANDLE:
      return status == RN_INVALID_HANDLE;
    case SMALL:
      return status == RN_BUFFER_TOO_SMALL;
    default:
      return 1;
  }
}

void check_tail(const unsigned char *tail, const char *name) {
  for (int i = 0; i < TAIL; i++) {
    if (tail[i] == TAIL_BYTE) continue;
    complain(name);
    complain("was written to beyond its end");
    return;
  }
}

void judge(expectation expected, rn_status status) {
  char text[512];
  calls++;
  const char *message = rn_last_error();
  if ((unsigned)status > RN_COMMUNICATION) {
    complain("returned no status that there is");
  } else if (status != RN_OK && (message == NULL || message[0] == '\0')) {
    complain("failed without a message");
  }
  if (!is_as_expected(expected, status)) {
    snprintf(text, sizeof text, "expected %s, got %s: %.400s", names[expected],
             rn_status_string(status), status == RN_OK ? "" : message);
    complain(text);
  }
  check_tails();
  use_new_handles(status == RN_OK);
  if (strncmp(current, "rn_set_", 7) == 0) use_settings();
}

rn_status string_status(const char *text) {
  return text != NULL && strlen(text) < 4096 ? RN_OK : RN_INVALID_ARGUMENT;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

void *area(int index) { return areas + (size_t)index * (AREA + (size_t)sysconf(_SC_PAGESIZE)); }

void *unreadable(void) { return nothing; }

const char *megabyte(void) {
  static char text[1 << 20];
  memset(text, 'm', sizeof text - 1);
  return text;
}

static void *map(size_t size, int protection) {
  void *memory = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) return memory;
  perror("mmap");
  exit(EXIT_FAILURE);
}

static void make_areas(void) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  nothing = map(page, PROT_NONE);
  areas = map(AREAS * (AREA + page), PROT_READ | PROT_WRITE);
  for (int i = 0; i < AREAS; i++) mprotect((char *)area(i) + AREA, page, PROT_NONE);
}

/* ---- Calling --------------------------------------------------------------------------------- */

/* Tells which call it was that did not return. */
static void on_signal(int number) {
  const char *why = number == SIGALRM ? " hangs\n" : " crashes\n";
  ssize_t ignored = write(STDOUT_FILENO, current, strlen(current));
  ignored = write(STDOUT_FILENO, why, strlen(why));
  (void)ignored;
  signal(number, SIG_DFL);
  raise(number);
}

void begin(const char *name) {
  enum { SECONDS = 120, USED = 4096 };
  current = name;
  alarm(SECONDS);
  for (int i = 0; i < AREAS; i++) memset(area(i), 0, USED);
  make_handles();
  begin_structs();
}

void probe(const char *name, rn_status (*call)(void *buffer, size_t capacity), size_t size) {
  /* The last area ends where nothing can be touched. */
  char *end = (char *)area(AREAS - 6) + AREA;
  size_t little = 0, much = AREA / size;
  while (little < much) {
    const size_t capacity = little + (much - little) / 2;
    begin(name);
    const rn_status status = call(end - capacity * size, capacity);
    if (status == RN_OK) {
      much = capacity;
    } else {
      little = capacity + 1;
    }
    judge(status == RN_OK ? PASS : SMALL, status);
  }
  begin(name);
  judge(PASS, call(end - much * size, much));
}

int main(void) {
  const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGFPE, SIGTRAP, SIGALRM};
  for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) signal(fatal[i], on_signal);
  setvbuf(stdout, NULL, _IOLBF, 0);
  make_areas();
  begin_canary();
  misuse_all();
  begin("what was never misused");
  if (!is_canary_alive()) complain("has changed");
  printf("%ld calls, %ld failures\n", calls, failures);
  return failures == 0 && calls > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
