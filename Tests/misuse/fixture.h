/* What the generated calls are given, and how they are judged. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <float.h>
#include <math.h>
#include <resnet.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
  AREAS = 16,      /* buffers */
  AREA = 1 << 16,  /* their bytes, after which nothing can be touched */
  TAIL = 64,       /* bytes after each struct, as of a newer header */
  TAIL_BYTE = 0xA5 /* what they hold */
};
#define WITH_TAIL(type)       \
  struct {                    \
    type known;               \
    unsigned char tail[TAIL]; \
  }
#define NOT_UTF8 "\xC3\x28\xFF"
#define CONTROL "\001\n\033[2J\177"

/* New for each call; the handles are of what nothing else uses. */
typedef struct fixture {
  rn_model *model, *freed_model, *new_model[2];
  rn_trainer *trainer, *freed_trainer, *new_trainer[2];
  rn_dataset *dataset, *freed_dataset, *new_dataset[2];
  rn_image *image, *freed_image, *new_image[2];
  rn_dataset *damaged; /* has a file that is missing */
  rn_model *imported;  /* has a report of what did not fit */
  unsigned char *file; /* an image file */
  size_t file_size;
  unsigned char *weights; /* a model's, as another program has them */
  size_t weights_size;
  const char *names[2], *paths[2], *layers[1];
  int32_t numbers[4];
  int64_t longs[4];
#include "structs.inc" /* each struct of the header, under its name without rn_ */
} fixture_type;
extern fixture_type fixture;

/* Buffer `index`, all zeros when a call begins. */
void *area(int index);
/* Memory that cannot be read, a long string. */
void *unreadable(void);
const char *megabyte(void);

typedef enum expectation { PASS, FAIL, ANY, ARG, HANDLE, SMALL } expectation;

/* A fresh fixture for the call of that name, which is told of if it does not return. */
void begin(const char *name);
/* Checks what the call returned, that it left alone what is not its own, and that what it made can
 * be used. */
void judge(expectation expected, rn_status status);
/* RN_OK for a string. */
rn_status string_status(const char *text);

/* Finds the least capacity that is enough: each call writes to memory that ends there. */
void probe(const char *name, rn_status (*call)(void *buffer, size_t capacity), size_t size);

/* Progress callbacks: one that soon asks to stop; ones with strange answers; one that calls what it
 * should not; one that frees all handles. */
int stop_soon(const rn_progress *progress, void *user);
int answer_minimum(const rn_progress *progress, void *user);
int answer_minus_one(const rn_progress *progress, void *user);
int meddle(const rn_progress *progress, void *user);
int free_all(const rn_progress *progress, void *user);
/* What one rank alone says to the others; a barrier with a strange answer, and one that does all that it
 * must not. */
int alone_start(void *user, void *values, size_t count, rn_sum_type type, void **sum);
int alone_wait(void *user, void *sum);
int alone_broadcast(void *user, void *bytes, size_t count, int32_t root);
int alone(void *user);
int minimum(void *user);
int free_among_ranks(void *user);
const char *no_reason(void *user);
/* Step callbacks of the same kinds. */
int step_on(const rn_step *step, void *user);
int step_minimum(const rn_step *step, void *user);
int step_meddle(const rn_step *step, void *user);
int step_free_all(const rn_step *step, void *user);
/* Log callbacks; one that calls what it must not. */
void listen(rn_log_level level, const char *message, void *user);
void listen_and_stop(rn_log_level level, const char *message, void *user);

/* In the generated file. */
void begin_structs(void);
void check_tail(const unsigned char *tail, const char *name);
void check_tails(void);
void misuse_all(void);

#endif
