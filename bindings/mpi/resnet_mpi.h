/*
 * resnet_mpi.h - training of libresnet on the ranks of an MPI communicator. Link with libresnet-mpi, with
 * libresnet and with MPI itself, as mpicc does.
 *
 *   MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
 *   ... rn_trainer_create(model, NULL, &trainer) ...
 *   rn_mpi_distribute(trainer, MPI_COMM_WORLD, NULL, 0);
 *   rn_trainer_fit(trainer, dataset, NULL, NULL);
 *
 * libresnet-mpi is built against one MPI, whose programs alone can use it. Its source is one file.
 */
#ifndef RESNET_MPI_H
#define RESNET_MPI_H

#include <mpi.h>
#include <resnet.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RN_MPI_API __attribute__((visibility("default")))

/* Seconds that a rank waits for the others if nothing else is said. */
#define RN_MPI_TIMEOUT 600

/* Fills in *communicator, which begins as RN_COMMUNICATOR_INIT, with the ranks of `comm`, all of which
 * call this. It is valid until `comm` is freed or MPI_Finalize begins; after that its functions fail. The
 * same `comm` gives the same one again, for which the timeout given last holds.
 *
 * Messages go over duplicates of `comm`, so they cannot be taken for the program's own. Where MPI was
 * initialised with MPI_THREAD_MULTIPLE, a thread sends what a training sums while that goes on
 * computing; at other levels it is sent while the training waits for it.
 *
 * timeout: seconds that a rank waits for the others in one operation, and for their call of this; 0 for
 * RN_MPI_TIMEOUT. MPI cannot take back what it has begun, so a rank that has waited for so long says so on
 * standard error and ends all by MPI_Abort. If a process dies, most launchers end the others at once.
 *
 * Returns an MPI error code, MPI_SUCCESS if all went well; MPI_ERR_ARG for an argument that cannot be, or
 * where MPI is not initialised. All functions of *communicator then fail, and its `error` says why, until
 * the thread's next call of this; it is left as it is only if it is NULL or of a wrong size. */
RN_MPI_API int rn_mpi_communicator(MPI_Comm comm, int timeout, rn_communicator *communicator);

/* The same for programs that do not use MPI themselves: initialises it, if nobody has, and fills in
 * *communicator with the ranks of MPI_COMM_WORLD, those that mpirun or srun started. */
RN_MPI_API int rn_mpi_begin(int timeout, rn_communicator *communicator);
/* Ends MPI, which all ranks do, if rn_mpi_begin initialised it. Where the ranks lost each other a process
 * leaves it out, and exits. */
RN_MPI_API int rn_mpi_end(void);

/* Has a trainer train with the ranks of `comm`, all of which call this: see rn_mpi_communicator and
 * rn_trainer_distribute. options: NULL for RN_DISTRIBUTED_OPTIONS_INIT. RN_INVALID_ARGUMENT, too, for
 * what is MPI_ERR_ARG there. */
static inline rn_status rn_mpi_distribute(rn_trainer *trainer, MPI_Comm comm,
                                          const rn_distributed_options *options, int timeout) {
  rn_communicator communicator = RN_COMMUNICATOR_INIT;
  const int made = rn_mpi_communicator(comm, timeout, &communicator);
  /* With one that fails, so that rn_last_error() has its reason. */
  const rn_status status = rn_trainer_distribute(trainer, &communicator, options);
  return made == MPI_ERR_ARG && status == RN_COMMUNICATION ? RN_INVALID_ARGUMENT : status;
}

#ifdef __cplusplus
}
#endif

#endif
