// The ranks of an MPI communicator as libresnet's trainer talks to them.
//
// What is summed while a training computes (gradients: floats) goes through a thread of its own, as MPI only
// makes progress while it is called. What the trainer waits for at once (doubles, broadcasts, barriers) is
// done on the caller's thread, over a second duplicate of the communicator, so that it need not queue
// behind gradients and the order of operations on each is the same on all ranks.
#define _POSIX_C_SOURCE 200809L

#include "resnet_mpi.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// A sum of gradients on its way.
typedef struct sum {
  float *values;
  size_t count;
  int status;  // of MPI
  bool done;
  struct sum *next;
} sum;

// What is behind a communicator, kept as an attribute of it. A program holds its number alone, which is never
// given again: so it may still call when the communicator is freed.
typedef struct group {
  uintptr_t number;  // from 1
  MPI_Comm comm;
  MPI_Comm at_once, beside;  // duplicates of it
  int rank, ranks;
  atomic_int timeout;  // seconds
  bool threaded;
  atomic_int failed;  // the first error of MPI, after which nothing is sent any more
  char message[MPI_MAX_ERROR_STRING + 1];

  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  sum *first, *last;  // not yet taken by the thread
  bool stopping;

  struct group *next;
} group;

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// MPI may still write to the memory of what it has begun, and cannot take it back: the process must not
// go on.
static void give_up(group *ranks, const char *why, const char *what) {
  fprintf(
      stderr,
      "libresnet: rank %d of %d %s the others to %s; the training ends on all ranks, and goes on "
      "from its last checkpoint if it is resumed\n",
      ranks->rank, ranks->ranks, why, what);
  // MPICH's launcher ends at an abort without reading what was written just before it.
  nanosleep(&(struct timespec){0, 500000000}, NULL);
  MPI_Abort(ranks->comm, 1);
  abort();
}

// Waits for an operation, spinning at first, then leaving the processor to those that compute.
static void finish(group *ranks, MPI_Request *request, const char *what) {
  const double start = seconds();
  for (unsigned polls = 0;; ++polls) {
    int done = 0;
    if (MPI_Test(request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS)
      give_up(ranks, "has lost", what);
    if (done) return;
    if (polls > 200) nanosleep(&(struct timespec){0, polls > 2000 ? 100000 : 10000}, NULL);
    const int timeout = atomic_load(&ranks->timeout);
    if (polls % 256 == 0 && seconds() - start > timeout) {
      char why[64];
      snprintf(why, sizeof why, "has waited %d seconds for", timeout);
      give_up(ranks, why, what);
    }
  }
}

// What MPI refused to begin is not tried again.
static int fail(group *ranks, int status) {
  int none = MPI_SUCCESS;
  atomic_compare_exchange_strong(&ranks->failed, &none, status);
  return status;
}

// In parts, as MPI counts in ints.
static int add_up(group *ranks, MPI_Comm comm, void *values, size_t count, MPI_Datatype type,
                  size_t width) {
  while (count > 0) {
    const int failed = atomic_load(&ranks->failed);
    if (failed != MPI_SUCCESS) return failed;
    const int part = count > INT_MAX / 2 ? INT_MAX / 2 : (int)count;
    MPI_Request request;
    const int status = MPI_Iallreduce(MPI_IN_PLACE, values, part, type, MPI_SUM, comm, &request);
    if (status != MPI_SUCCESS) return fail(ranks, status);
    finish(ranks, &request, "add up");
    values = (char *)values + (size_t)part * width;
    count -= (size_t)part;
  }
  return MPI_SUCCESS;
}

static void add_up_gradients(group *ranks, sum *next) {
  next->status = add_up(ranks, ranks->beside, next->values, next->count, MPI_FLOAT, sizeof(float));
}

static void *work(void *argument) {
  group *ranks = argument;
  pthread_mutex_lock(&ranks->lock);
  for (;;) {
    while (!ranks->first && !ranks->stopping) pthread_cond_wait(&ranks->changed, &ranks->lock);
    sum *next = ranks->first;
    if (!next) break;
    ranks->first = next->next;
    if (!ranks->first) ranks->last = NULL;
    pthread_mutex_unlock(&ranks->lock);
    add_up_gradients(ranks, next);
    pthread_mutex_lock(&ranks->lock);
    next->done = true;
    pthread_cond_broadcast(&ranks->changed);
  }
  pthread_mutex_unlock(&ranks->lock);
  return NULL;
}

// Guards what follows; never held while others are waited for.
static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static int on_communicator = MPI_KEYVAL_INVALID;
// All that there are.
static group *living;
static uintptr_t last_number;

// That of a number; NULL if its communicator was freed, or was refused, which has the number 0.
static group *find(void *user) {
  pthread_mutex_lock(&registry);
  group *ranks = living;
  while (ranks && ranks->number != (uintptr_t)user) ranks = ranks->next;
  pthread_mutex_unlock(&registry);
  return ranks;
}

// The text of an error of MPI.
static void describe(int status, char text[MPI_MAX_ERROR_STRING + 1]) {
  int length = 0;
  if (MPI_Error_string(status, text, &length) != MPI_SUCCESS)
    snprintf(text, MPI_MAX_ERROR_STRING + 1, "MPI error %d", status);
}

// 0, or non-zero with a message.
static int outcome(group *ranks, int status) {
  if (status == MPI_SUCCESS) return 0;
  describe(status, ranks->message);
  return 1;
}

static int start_sum(void *user, void *values, size_t count, rn_sum_type type, void **started) {
  group *ranks = find(user);
  *started = NULL;
  if (!ranks) return 1;
  if (type == RN_SUM_DOUBLE)
    return outcome(ranks, add_up(ranks, ranks->at_once, values, count, MPI_DOUBLE, sizeof(double)));
  sum *next = calloc(1, sizeof *next);
  if (!next) return outcome(ranks, fail(ranks, MPI_ERR_NO_MEM));
  next->values = values;
  next->count = count;
  *started = next;
  if (!ranks->threaded) return 0;
  pthread_mutex_lock(&ranks->lock);
  *(ranks->last ? &ranks->last->next : &ranks->first) = next;
  ranks->last = next;
  pthread_cond_broadcast(&ranks->changed);
  pthread_mutex_unlock(&ranks->lock);
  return 0;
}

static int wait_for(void *user, void *started) {
  group *ranks = find(user);
  sum *own = started;
  if (!own) return 0;
  if (!ranks) {
    // Freed after the thread was done with it, if there was a thread.
    free(own);
    return 1;
  }
  if (ranks->threaded) {
    pthread_mutex_lock(&ranks->lock);
    while (!own->done) pthread_cond_wait(&ranks->changed, &ranks->lock);
    pthread_mutex_unlock(&ranks->lock);
  } else {
    add_up_gradients(ranks, own);
  }
  const int status = own->status;
  free(own);
  return outcome(ranks, status);
}

static int broadcast(void *user, void *bytes, size_t count, int32_t root) {
  group *ranks = find(user);
  if (!ranks) return 1;
  while (count > 0) {
    const int part = count > INT_MAX / 2 ? INT_MAX / 2 : (int)count;
    MPI_Request request;
    const int status = MPI_Ibcast(bytes, part, MPI_BYTE, root, ranks->at_once, &request);
    if (status != MPI_SUCCESS) return outcome(ranks, fail(ranks, status));
    finish(ranks, &request, "hand out the weights");
    bytes = (char *)bytes + part;
    count -= (size_t)part;
  }
  return 0;
}

static int barrier(void *user) {
  group *ranks = find(user);
  if (!ranks) return 1;
  MPI_Request request;
  const int status = MPI_Ibarrier(ranks->at_once, &request);
  if (status != MPI_SUCCESS) return outcome(ranks, fail(ranks, status));
  finish(ranks, &request, "arrive");
  return 0;
}

// Why the thread's last communicator was refused.
static _Thread_local char refusal[MPI_MAX_ERROR_STRING + 1];

static const char *error(void *user) {
  if (!user) return refusal;
  const group *ranks = find(user);
  return ranks ? ranks->message : "the MPI communicator was freed, or MPI_Finalize has ended it";
}

// Leaves the size, and what a caller of a later header has beyond it.
static void fill_in(rn_communicator *communicator, uintptr_t number, int rank, int ranks) {
  communicator->rank = rank;
  communicator->ranks = ranks;
  communicator->user = (void *)number;
  communicator->start_sum = start_sum;
  communicator->wait = wait_for;
  communicator->broadcast = broadcast;
  communicator->barrier = barrier;
  communicator->error = error;
}

// ---- Lifetime -------------------------------------------------------------------------------------

static void unlist(const group *ranks) {
  pthread_mutex_lock(&registry);
  for (group **place = &living; *place; place = &(*place)->next)
    if (*place == ranks) {
      *place = ranks->next;
      break;
    }
  pthread_mutex_unlock(&registry);
}

static void release(group *ranks) {
  if (ranks->at_once != MPI_COMM_NULL) MPI_Comm_free(&ranks->at_once);
  if (ranks->beside != MPI_COMM_NULL) MPI_Comm_free(&ranks->beside);
  pthread_mutex_destroy(&ranks->lock);
  pthread_cond_destroy(&ranks->changed);
  free(ranks);
}

// Ends the thread and frees the duplicates: called when the communicator is freed.
static int destroy(MPI_Comm comm, int key, void *attribute, void *extra) {
  (void)comm, (void)key, (void)extra;
  group *ranks = attribute;
  unlist(ranks);
  if (ranks->threaded) {
    pthread_mutex_lock(&ranks->lock);
    ranks->stopping = true;
    pthread_cond_broadcast(&ranks->changed);
    pthread_mutex_unlock(&ranks->lock);
    pthread_join(ranks->thread, NULL);
  }
  release(ranks);
  return MPI_SUCCESS;
}

// Does so for those that the program has not freed. MPI_Finalize begins with the attributes of
// MPI_COMM_SELF, while all else still works.
static int destroy_all(MPI_Comm self, int key, void *attribute, void *extra) {
  (void)self, (void)key, (void)attribute, (void)extra;
  int status = MPI_SUCCESS;
  while (living && status == MPI_SUCCESS)
    status = MPI_Comm_delete_attr(living->comm, on_communicator);
  return status;
}

static int prepare(void) {
  if (on_communicator != MPI_KEYVAL_INVALID) return MPI_SUCCESS;
  int at_end;
  int status = MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, destroy_all, &at_end, NULL);
  if (status == MPI_SUCCESS) status = MPI_Comm_set_attr(MPI_COMM_SELF, at_end, NULL);
  if (status != MPI_SUCCESS) return status;
  return MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, destroy, &on_communicator, NULL);
}

static int duplicate(group *ranks, MPI_Comm *made) {
  MPI_Request request;
  MPI_Comm own;
  int status = MPI_Comm_idup(ranks->comm, &own, &request);
  if (status != MPI_SUCCESS) return status;
  finish(ranks, &request, "duplicate the communicator");
  *made = own;
  return MPI_Comm_set_errhandler(own, MPI_ERRORS_RETURN);
}

// With its thread, where MPI allows one.
static int create(MPI_Comm comm, int timeout, group **made) {
  group *ranks = calloc(1, sizeof *ranks);
  if (!ranks) return MPI_ERR_NO_MEM;
  ranks->comm = comm;
  ranks->at_once = ranks->beside = MPI_COMM_NULL;
  atomic_init(&ranks->failed, MPI_SUCCESS);
  atomic_init(&ranks->timeout, timeout);
  pthread_mutex_init(&ranks->lock, NULL);
  pthread_cond_init(&ranks->changed, NULL);
  MPI_Comm_rank(comm, &ranks->rank);
  MPI_Comm_size(comm, &ranks->ranks);
  int level = MPI_THREAD_SINGLE;
  int status = MPI_Query_thread(&level);
  if (status == MPI_SUCCESS) status = duplicate(ranks, &ranks->at_once);
  if (status == MPI_SUCCESS) status = duplicate(ranks, &ranks->beside);
  if (status == MPI_SUCCESS) status = MPI_Comm_set_attr(comm, on_communicator, ranks);
  if (status != MPI_SUCCESS) {
    release(ranks);
    return status;
  }
  pthread_mutex_lock(&registry);
  ranks->number = ++last_number;
  ranks->next = living;
  living = ranks;
  pthread_mutex_unlock(&registry);
  // The host's handlers must not run on a thread that the host does not know.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  ranks->threaded = ranks->ranks > 1 && level == MPI_THREAD_MULTIPLE &&
                    pthread_create(&ranks->thread, NULL, work, ranks) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  *made = ranks;
  return MPI_SUCCESS;
}

// Makes the communicator one that fails, and says why.
static int refuse(rn_communicator *communicator, const char *format, ...) {
  va_list values;
  va_start(values, format);
  vsnprintf(refusal, sizeof refusal, format, values);
  va_end(values);
  int begun = 0, ended = 0, rank = 0, ranks = 1;
  MPI_Initialized(&begun);
  MPI_Finalized(&ended);
  if (begun && !ended) {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  }
  fill_in(communicator, 0, rank, ranks);
  return MPI_ERR_ARG;
}

int rn_mpi_communicator(MPI_Comm comm, int timeout, rn_communicator *communicator) {
  if (!communicator || communicator->size < sizeof *communicator) return MPI_ERR_ARG;
  int begun = 0, ended = 0, is_between_groups = 0;
  MPI_Initialized(&begun);
  MPI_Finalized(&ended);
  if (!begun) return refuse(communicator, "MPI is not initialised; call MPI_Init_thread first");
  if (ended) return refuse(communicator, "MPI was ended by MPI_Finalize");
  if (comm == MPI_COMM_NULL)
    return refuse(communicator, "the MPI communicator is MPI_COMM_NULL, expected one with ranks");
  if (timeout < 0)
    return refuse(communicator, "the timeout is %d, expected seconds, or 0 for %d", timeout,
                  RN_MPI_TIMEOUT);
  MPI_Comm_test_inter(comm, &is_between_groups);
  if (is_between_groups)
    return refuse(communicator, "the MPI communicator is between two groups, expected one group's");
  if (timeout == 0) timeout = RN_MPI_TIMEOUT;
  pthread_mutex_lock(&registry);
  int status = prepare();
  pthread_mutex_unlock(&registry);
  void *found = NULL;
  int is_there = 0;
  if (status == MPI_SUCCESS) status = MPI_Comm_get_attr(comm, on_communicator, &found, &is_there);
  group *ranks = found;
  if (status == MPI_SUCCESS && !is_there) status = create(comm, timeout, &ranks);
  if (status != MPI_SUCCESS) {
    char text[MPI_MAX_ERROR_STRING + 1];
    describe(status, text);
    refuse(communicator, "%s", text);
    return status;
  }
  atomic_store(&ranks->timeout, timeout);
  fill_in(communicator, ranks->number, ranks->rank, ranks->ranks);
  return MPI_SUCCESS;
}

static bool is_ours;

int rn_mpi_begin(int timeout, rn_communicator *communicator) {
  if (!communicator || communicator->size < sizeof *communicator) return MPI_ERR_ARG;
  int begun = 0;
  MPI_Initialized(&begun);
  if (!begun) {
    int level;
    const int status = MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &level);
    if (status != MPI_SUCCESS) {
      refuse(communicator, "MPI_Init_thread fails with its error %d", status);
      return status;
    }
    is_ours = true;
  }
  return rn_mpi_communicator(MPI_COMM_WORLD, timeout, communicator);
}

int rn_mpi_end(void) {
  int ended = 0;
  MPI_Finalized(&ended);
  return is_ours && !ended ? MPI_Finalize() : MPI_SUCCESS;
}
