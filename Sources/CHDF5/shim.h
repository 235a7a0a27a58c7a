// HDF5 as Swift can use it. Many of HDF5's constants are macros that call a function or cast, which
// Swift does not import; here they are functions. Nothing else is added but the two places where
// HDF5's own interface depends on its version.
#ifndef CHDF5_SHIM_H
#define CHDF5_SHIM_H

#include <hdf5.h>

static inline hid_t rh_default(void) { return H5P_DEFAULT; }
static inline hid_t rh_whole_space(void) { return H5S_ALL; }
static inline hid_t rh_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t rh_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t rh_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t rh_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline unsigned rh_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned rh_truncate(void) { return H5F_ACC_TRUNC; }

static inline hid_t rh_float32_in_file(void) { return H5T_IEEE_F32LE; }
static inline hid_t rh_int64_in_file(void) { return H5T_STD_I64LE; }
static inline hid_t rh_float32_in_memory(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t rh_int64_in_memory(void) { return H5T_NATIVE_INT64; }
static inline hid_t rh_uint8_in_memory(void) { return H5T_NATIVE_UINT8; }
static inline hid_t rh_c_string(void) { return H5T_C_S1; }

// ---- Errors ---------------------------------------------------------------------------------

// The calling thread's error handler and error stack, as the host program left them.
typedef struct rh_errors {
  hid_t stack;
  unsigned is_v2;
  H5E_auto2_t handler;
#ifndef H5_NO_DEPRECATED_SYMBOLS
  H5E_auto1_t handler_v1;
#endif
  void *data;
} rh_errors;

// Takes the host's stack away, then silences its handler. The stack goes first: all other calls
// clear it.
static inline rh_errors rh_errors_silence(void) {
  rh_errors saved = {.stack = H5Eget_current_stack(), .is_v2 = 1};
#ifndef H5_NO_DEPRECATED_SYMBOLS
  H5Eauto_is_v2(H5E_DEFAULT, &saved.is_v2);
  if (!saved.is_v2) {
    H5Eget_auto1(&saved.handler_v1, &saved.data);
    H5Eset_auto1(NULL, NULL);
    return saved;
  }
#endif
  H5Eget_auto2(H5E_DEFAULT, &saved.handler, &saved.data);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  return saved;
}

static inline void rh_errors_restore(const rh_errors *saved) {
#ifndef H5_NO_DEPRECATED_SYMBOLS
  if (!saved->is_v2)
    H5Eset_auto1(saved->handler_v1, saved->data);
  else
#endif
    H5Eset_auto2(H5E_DEFAULT, saved->handler, saved->data);
  if (saved->stack >= 0) H5Eset_current_stack(saved->stack);  // also closes it
}

static inline herr_t rh_errors_walk(H5E_walk2_t visit, void *context) {
  return H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, visit, context);
}

// ---- Links ----------------------------------------------------------------------------------

// 1 if the group has a member of that name, 0 if that is a link to elsewhere, negative without one.
static inline int rh_is_hard_link(hid_t group, const char *name) {
  H5L_info_t info;
  if (H5Lget_info(group, name, &info, H5P_DEFAULT) < 0) return -1;
  return info.type == H5L_TYPE_HARD;
}

// ---- Members of a group ---------------------------------------------------------------------

// Is told each link's name and whether it is a hard link. Returns 0 to go on, 1 to stop.
typedef struct rh_visitor {
  herr_t (*visit)(const char *name, int is_hard, void *context);
  void *context;
} rh_visitor;

#if H5_VERSION_GE(1, 12, 0)
static inline herr_t rh_visit_link(hid_t group, const char *name, const H5L_info2_t *info,
                                   void *visitor) {
  (void)group;
  const rh_visitor *v = (const rh_visitor *)visitor;
  return v->visit(name, info->type == H5L_TYPE_HARD, v->context);
}
static inline herr_t rh_visit_links(hid_t group, rh_visitor *visitor) {
  hsize_t position = 0;
  return H5Literate2(group, H5_INDEX_NAME, H5_ITER_NATIVE, &position, rh_visit_link, visitor);
}
#else
static inline herr_t rh_visit_link(hid_t group, const char *name, const H5L_info_t *info,
                                   void *visitor) {
  (void)group;
  const rh_visitor *v = (const rh_visitor *)visitor;
  return v->visit(name, info->type == H5L_TYPE_HARD, v->context);
}
static inline herr_t rh_visit_links(hid_t group, rh_visitor *visitor) {
  hsize_t position = 0;
  return H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, &position, rh_visit_link, visitor);
}
#endif

#endif
