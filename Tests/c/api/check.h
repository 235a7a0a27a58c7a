/* What the C tests share: checks that count, and small models and images to try things on. */
#ifndef CHECK_H
#define CHECK_H

#include <resnet.h>
#include <stddef.h>

/* Counts and, if it fails, prints a check. */
#define CHECK(condition) check((condition) != 0, #condition, __FILE__, __LINE__)
/* Checks that a call returns a status, and that a failure comes with a message. */
#define CHECK_STATUS(expected, call) check_status((expected), (call), "", #call, __FILE__, __LINE__)
#define CHECK_OK(call) CHECK_STATUS(RN_OK, call)
/* The same, and that the message holds a text. */
#define CHECK_ERROR(expected, text, call) \
  check_status((expected), (call), (text), #call, __FILE__, __LINE__)

/* Both return whether the check passed. */
int check(int passed, const char *what, const char *file, int line);
int check_status(rn_status expected, rn_status actual, const char *text, const char *what,
                 const char *file, int line);

/* A network that is quick to run: CIFAR stem, two stages of one basic block. Toy images are grey
 * SIDE x SIDE floats of 2 classes: bright on the left, or on the right. */
enum { SIDE = 8, PIXELS = SIDE * SIDE, CLASSES = 2, BATCH = 8 };
rn_model *make_model(uint64_t seed);
void make_images(int count, float *pixels, int32_t *labels);
rn_dataset *make_dataset(int count);

rn_model_info info_of(rn_model *model);
/* A model's scores of BATCH toy images, computed 50 times. */
void run_often(rn_model *model, float scores[BATCH * CLASSES]);
/* Whether two models give bitwise equal scores. */
int same_scores(rn_model *a, rn_model *b);

/* A path in a directory for this run's files; a buffer that the next call overwrites. */
const char *scratch(const char *name);

/* One function per test file. */
void test_library(void);
void test_handles(void);
void test_models(void);
void test_descriptions(void);
void test_tensors(void);
void test_running(void);
void test_features_and_responses(void);
void test_files(void);
void test_exchange(void);
void test_testing(void);
void test_datasets(void);
void test_dataset_files(void);
void test_images(void);
void test_training(void);
void test_fitting(void);
void test_distributed(void);
void test_checkpoints(void);
void test_threads(void);
void test_forks(void);
void test_steps(void);
void test_log(void);

#endif
