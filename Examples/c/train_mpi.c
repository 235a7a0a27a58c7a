/*
 * Trains on CIFAR-10 with as many processes as mpirun starts, each on its share of every batch.
 *
 *   mpirun -n 4 train_mpi cifar-10-batches-bin model.h5
 *
 * Compile with: mpicc -std=c99 train_mpi.c -lresnet-mpi -lresnet -o train_mpi
 */
#include <resnet_mpi.h>
#include <stdio.h>

static int rank;

/* Whether the call went well. */
static int is_done(rn_status status) {
  if (status == RN_OK) return 1;
  fprintf(stderr, "rank %d: %s: %s\n", rank, rn_status_string(status), rn_last_error());
  return 0;
}

static int show(const rn_progress *p, void *user) {
  (void)user;
  /* What is reported is of all ranks together. */
  if (rank == 0 && p->epoch_ended)
    printf("epoch %d of %d: loss %.4f, test accuracy %.2f%%, %.0f images/s\n", (int)p->epoch,
           (int)p->epochs, p->loss, 100 * p->validation_accuracy, p->images_per_second);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: mpirun -n RANKS train_mpi DIRECTORY MODEL\n");
    return 2;
  }
  /* Gradients are sent by a thread of their own. */
  int level;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);

  rn_dataset *training = NULL, *test = NULL;
  rn_model *model = NULL;
  rn_trainer *trainer = NULL;
  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  options.family = RN_FAMILY_CIFAR;
  rn_distributed_options distributed = RN_DISTRIBUTED_OPTIONS_INIT;
  distributed.synchronize_bn = 1; /* any number of ranks learns what one does */
  rn_fit_options fit = RN_FIT_OPTIONS_INIT;
  fit.epochs = 10;
  fit.batch_size = 128; /* of all ranks together */
  fit.pad = 4;
  fit.mirror = 1;
  fit.progress = show;

  int done = is_done(rn_dataset_open_cifar10(argv[1], 1, &training)) &&
             is_done(rn_dataset_open_cifar10(argv[1], 0, &test)) &&
             is_done(rn_model_create("resnet20", &options, &model)) &&
             is_done(rn_trainer_create(model, NULL, &trainer)) &&
             is_done(rn_mpi_distribute(trainer, MPI_COMM_WORLD, &distributed, 0)) &&
             is_done(rn_trainer_fit(trainer, training, test, &fit)) &&
             (rank != 0 || is_done(rn_model_save(model, argv[2])));

  rn_trainer_free(trainer);
  rn_model_free(model);
  rn_dataset_free(test);
  rn_dataset_free(training);
  /* A rank that failed before it trained with the others would be waited for. */
  if (!done) MPI_Abort(MPI_COMM_WORLD, 1);
  MPI_Finalize();
  return 0;
}
