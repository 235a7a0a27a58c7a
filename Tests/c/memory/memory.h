/* What the parts of the test share: an allocator that refuses, and the work that is tried with it. */
#ifndef MEMORY_H
#define MEMORY_H

#include <resnet.h>
#include <stdatomic.h>
#include <stddef.h>

/* ---- The allocator (allocator.c) --------------------------------------------------------------- */

/* Allocations so far, and those that were refused. */
extern atomic_long counted, refused;
/* Which are refused: those from `first` to `last` of at least `least` bytes. */
extern atomic_long first, last;
extern atomic_size_t least;

/* ---- What is tried (work.c) -------------------------------------------------------------------- */

enum { SIDE = 16, COUNT = 8, CLASSES = 10 };

extern const char *image_path;
extern float pixels[COUNT * 3 * SIDE * SIDE];
extern int32_t labels[COUNT];
/* Calls that failed for want of memory. */
extern atomic_long failures;

/* Null while there is none. */
extern rn_model *model;
extern rn_trainer *trainer;
extern rn_dataset *dataset, *files;

/* Returns whether a call went well; it may only fail for want of memory, and must say so. */
int allowed(rn_status status, const char *what);
#define TRY(call) allowed((call), #call)
/* Ends the test unless the condition holds. */
void must(int condition, const char *what);
#define MUST(call) must((call) == RN_OK, #call)

rn_images batch(void);
/* Makes and frees the handles above, as far as it goes. */
void make(void);
void unmake(void);
int is_made(void);
void infer(float *scores);
/* Every kind of work that leaves the model as it is. */
void use(void);
/* All of it: makes, uses, trains, saves, loads and frees. */
void everything(void);

/* ---- The system's own refusals (limits.c) ------------------------------------------------------ */

/* The process's address space in bytes. */
long address_space(void);
/* All of it in children under limits of the address space; to be called before there are threads. */
void sweep_limits(void);

/* ---- What is large (large.c), and several threads at once (threads.c) -------------------------- */

void test_large(void);
/* Fills in what the test of threads reads, and saves it. */
void prepare_threads(void);
/* Refuses, while several threads are at it, all that is at least so large. */
void test_threads(size_t size);

#endif
