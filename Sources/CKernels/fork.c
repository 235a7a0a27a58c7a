#include <pthread.h>
#include <stdatomic.h>

#include "ckernels.h"

static pthread_mutex_t locks[RK_LOCKS] = {
    [RK_LOCK_HANDLES] = PTHREAD_MUTEX_INITIALIZER,
    [RK_LOCK_DAMAGE] = PTHREAD_MUTEX_INITIALIZER,
};

static _Atomic(rk_child_hook) hooks[RK_CHILD_HOOKS];

void rk_lock(rk_lock_name name) { pthread_mutex_lock(&locks[name]); }

void rk_unlock(rk_lock_name name) { pthread_mutex_unlock(&locks[name]); }

void rk_in_forked_child(rk_child_hook_name name, rk_child_hook hook) {
  atomic_store_explicit(&hooks[name], hook, memory_order_release);
}

static void before(void) {
  for (int name = 0; name < RK_LOCKS; name++) rk_lock(name);
}

static void after(void) {
  for (int name = RK_LOCKS - 1; name >= 0; name--) rk_unlock(name);
}

static void in_child(void) {
  for (int name = 0; name < RK_CHILD_HOOKS; name++) {
    const rk_child_hook hook = atomic_load_explicit(&hooks[name], memory_order_acquire);
    if (hook != NULL) hook();
  }
  after();
}

// As the library is loaded. What a program that links it registers comes later, and so, before a fork,
// earlier: its locks are taken before these, as by its threads that hold one of them in a call.
__attribute__((constructor)) static void start(void) { pthread_atfork(before, after, in_child); }
