/*
 * Training on the ranks of MPI, through libresnet-mpi. Started by mpirun, with what is to be shown:
 *
 *   same       ranks learn what one process does, with BN synchronised and without threads in MPI, too
 *   cancel     a callback that stops one rank stops all
 *   die        rank 1 kills itself in its fifth step; the others must not go on
 *   stall      rank 1 stops to answer; the others end within the time that they were given
 *   late       rank 1 does something else while the others begin; they end within the time that they were given
 *   communicators   of parts of the ranks, made, freed and made again
 *   refused    what cannot be the ranks of a trainer, which is told why
 */
#define _DEFAULT_SOURCE
#include <math.h>
#include <resnet_mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIDE = 8, CLASSES = 4, IMAGES = 96, BATCH = 24 };

static int rank, ranks;

#define CHECK(condition)                                                                          \
  do {                                                                                            \
    if (!(condition)) {                                                                           \
      fprintf(stderr, "rank %d: line %d: %s: %s\n", rank, __LINE__, #condition, rn_last_error()); \
      MPI_Abort(MPI_COMM_WORLD, 3);                                                               \
    }                                                                                             \
  } while (0)

/* Noise, with one quadrant brighter: which one is the class. */
static rn_dataset *make_data(void) {
  static unsigned char pixels[IMAGES * 3 * SIDE * SIDE];
  static int32_t labels[IMAGES];
  unsigned char *pixel = pixels;
  srand(1);
  for (int i = 0; i < IMAGES; i++) {
    labels[i] = rand() % CLASSES;
    for (int c = 0; c < 3; c++)
      for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
          *pixel++ = (unsigned char)(rand() % 100 +
                                     (y / (SIDE / 2) * 2 + x / (SIDE / 2) == labels[i] ? 120 : 40));
  }
  rn_images images = RN_IMAGES_U8(pixels, IMAGES, 3, SIDE, SIDE);
  rn_dataset *data = NULL;
  CHECK(rn_dataset_create(&images, labels, CLASSES, &data) == RN_OK);
  return data;
}

static rn_model *make_model(void) {
  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  options.family = RN_FAMILY_CIFAR;
  options.classes = CLASSES;
  options.seed = 1;
  rn_model *model = NULL;
  CHECK(rn_model_create("resnet8", &options, &model) == RN_OK);
  return model;
}

static rn_trainer *make_trainer(rn_model *model) {
  rn_trainer_options options = RN_TRAINER_OPTIONS_INIT;
  options.learning_rate = 0.02f;
  rn_trainer *trainer = NULL;
  CHECK(rn_trainer_create(model, &options, &trainer) == RN_OK);
  return trainer;
}

static rn_fit_options make_fit(void) {
  rn_fit_options fit = RN_FIT_OPTIONS_INIT;
  fit.epochs = 3;
  fit.batch_size = BATCH;
  fit.pad = 1;
  fit.mirror = 1;
  return fit;
}

/* The largest difference of the models' scores, as a part of the largest score. */
static double difference(rn_model *a, rn_model *b) {
  static float pixels[16 * 3 * SIDE * SIDE];
  for (size_t i = 0; i < sizeof pixels / sizeof *pixels; i++) pixels[i] = (float)(rand() % 256);
  rn_images images = RN_IMAGES_F32(pixels, 16, 3, SIDE, SIDE);
  float of_a[16 * CLASSES], of_b[16 * CLASSES];
  CHECK(rn_model_logits(a, &images, of_a, 16 * CLASSES) == RN_OK);
  CHECK(rn_model_logits(b, &images, of_b, 16 * CLASSES) == RN_OK);
  double largest = 0, most = 0;
  for (int i = 0; i < 16 * CLASSES; i++) {
    largest = fmax(largest, fabs(of_a[i]));
    most = fmax(most, fabs(of_a[i] - of_b[i]));
  }
  return most / largest;
}

static void same(rn_dataset *data) {
  rn_model *alone = make_model(), *shared = make_model();
  rn_trainer *trainer = make_trainer(alone), *part = make_trainer(shared);
  rn_fit_options fit = make_fit();
  CHECK(rn_trainer_fit(trainer, data, data, &fit) == RN_OK);
  rn_distributed_options options = RN_DISTRIBUTED_OPTIONS_INIT;
  options.synchronize_bn = 1;
  options.check_interval = 1;
  options.bucket_bytes = 5000;
  CHECK(rn_mpi_distribute(part, MPI_COMM_WORLD, &options, 60) == RN_OK);
  CHECK(rn_trainer_fit(part, data, data, &fit) == RN_OK);
  double differs = difference(alone, shared);
  CHECK(differs <= 1e-5);
  if (rank == 0) printf("%d ranks differ from one by %.1e\n", ranks, differs);
  CHECK(rn_trainer_free(part) == RN_OK && rn_trainer_free(trainer) == RN_OK);
  CHECK(rn_model_free(shared) == RN_OK && rn_model_free(alone) == RN_OK);
}

static int is_odd_step(const rn_progress *progress, void *user) {
  (void)user;
  if (rank != 1 || progress->iteration != 5) return 0;
  return 1;
}

static int die(const rn_progress *progress, void *user) {
  (void)user;
  if (rank == 1 && progress->iteration == 5) raise(SIGKILL);
  return 0;
}

static int stall(const rn_progress *progress, void *user) {
  (void)user;
  if (rank == 1 && progress->iteration == 5) sleep(60);
  return 0;
}

static rn_status fit_with(rn_dataset *data, rn_progress_callback callback, int timeout,
                          int64_t *steps) {
  rn_model *model = make_model();
  rn_trainer *trainer = make_trainer(model);
  CHECK(rn_mpi_distribute(trainer, MPI_COMM_WORLD, NULL, timeout) == RN_OK);
  rn_fit_options fit = make_fit();
  fit.progress = callback;
  rn_status status = rn_trainer_fit(trainer, data, NULL, &fit);
  CHECK(rn_trainer_iterations(trainer, steps) == RN_OK);
  CHECK(rn_trainer_free(trainer) == RN_OK && rn_model_free(model) == RN_OK);
  return status;
}

static void communicators(rn_dataset *data) {
  rn_communicator whole = RN_COMMUNICATOR_INIT, again = RN_COMMUNICATOR_INIT;
  CHECK(rn_mpi_communicator(MPI_COMM_NULL, 0, &whole) == MPI_ERR_ARG);
  CHECK(rn_mpi_communicator(MPI_COMM_WORLD, -1, &whole) == MPI_ERR_ARG);
  CHECK(rn_mpi_communicator(MPI_COMM_WORLD, 0, NULL) == MPI_ERR_ARG);
  CHECK(rn_mpi_communicator(MPI_COMM_WORLD, 0, &whole) == MPI_SUCCESS);
  CHECK(rn_mpi_communicator(MPI_COMM_WORLD, 0, &again) == MPI_SUCCESS);
  CHECK(whole.user == again.user && whole.rank == rank && whole.ranks == ranks);
  for (int round = 0; round < 3; round++) {
    MPI_Comm half;
    CHECK(MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half) == MPI_SUCCESS);
    rn_model *model = make_model();
    rn_trainer *trainer = make_trainer(model);
    CHECK(rn_mpi_distribute(trainer, half, NULL, 60) == RN_OK);
    rn_fit_options fit = make_fit();
    fit.epochs = 1;
    CHECK(rn_trainer_fit(trainer, data, NULL, &fit) == RN_OK);
    CHECK(MPI_Comm_free(&half) == MPI_SUCCESS);
    CHECK(rn_trainer_fit(trainer, data, NULL, &fit) == RN_COMMUNICATION);
    CHECK(strstr(rn_last_error(), "the MPI communicator was freed"));
    CHECK(rn_trainer_free(trainer) == RN_OK && rn_model_free(model) == RN_OK);
  }
}

/* What cannot be is refused for a `reason`, which both libraries tell. */
static void refuse(MPI_Comm comm, int timeout, const char *reason) {
  rn_model *model = make_model();
  rn_trainer *trainer = make_trainer(model);
  CHECK(rn_mpi_distribute(trainer, comm, NULL, timeout) == RN_INVALID_ARGUMENT);
  CHECK(strstr(rn_last_error(), reason));
  rn_communicator communicator = RN_COMMUNICATOR_INIT;
  CHECK(rn_mpi_communicator(comm, timeout, &communicator) == MPI_ERR_ARG);
  CHECK(communicator.barrier(communicator.user) != 0);
  CHECK(strstr(communicator.error(communicator.user), reason));
  CHECK(rn_trainer_free(trainer) == RN_OK && rn_model_free(model) == RN_OK);
  CHECK(rn_mpi_distribute(trainer, comm, NULL, timeout) == RN_INVALID_HANDLE);
}

static void refused(void) {
  refuse(MPI_COMM_NULL, 0, "MPI_COMM_NULL");
  refuse(MPI_COMM_WORLD, -5, "the timeout is -5");
  MPI_Comm half, between;
  MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);
  MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, 1 - rank % 2, 0, &between);
  refuse(between, 0, "between two groups");
  MPI_Comm_free(&between);
  MPI_Comm_free(&half);
}

int main(int argc, char **argv) {
  int level, wanted = argc > 2 ? MPI_THREAD_FUNNELED : MPI_THREAD_MULTIPLE;
  if (argc > 1 && strcmp(argv[1], "refused") == 0)
    refuse(MPI_COMM_WORLD, 0, "MPI is not initialised");
  MPI_Init_thread(&argc, &argv, wanted, &level);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  CHECK(level >= wanted && argc > 1);
  CHECK(rn_set_threads(1) == RN_OK);
  rn_dataset *data = make_data();
  int64_t steps = 0;
  const char *what = argv[1];
  if (strcmp(what, "same") == 0) same(data);
  if (strcmp(what, "communicators") == 0) communicators(data);
  if (strcmp(what, "cancel") == 0) {
    CHECK(fit_with(data, is_odd_step, 60, &steps) == RN_CANCELLED);
    CHECK(steps == 5);
  }
  if (strcmp(what, "die") == 0) CHECK(fit_with(data, die, 60, &steps) != RN_OK);
  if (strcmp(what, "refused") == 0) refused();
  if (strcmp(what, "late") == 0 && rank == 1) MPI_Barrier(MPI_COMM_WORLD);
  if (strcmp(what, "late") == 0) CHECK(fit_with(data, NULL, 2, &steps) != RN_OK);
  if (strcmp(what, "stall") == 0) CHECK(fit_with(data, stall, 2, &steps) != RN_OK);
  CHECK(rn_dataset_free(data) == RN_OK);
  MPI_Finalize();
  if (strcmp(what, "refused") == 0) refuse(MPI_COMM_WORLD, 0, "MPI was ended");
  if (rank == 0) printf("%s on %d ranks: passed\n", what, ranks);
  return 0;
}
