/*
 * Trains a residual network, evaluates it and saves it.
 *
 *   train                           on synthetic images, in a few seconds
 *   train cifar-10-batches-bin      on CIFAR-10 (the binary version), as in the paper
 *
 *   -p PRESET   the network, e.g. resnet20
 *   -e EPOCHS   how often every image is seen
 *   -n IMAGES   how many synthetic images
 *   -o FILE     where the model goes (model.h5)
 *
 * Compile with: cc -std=c99 train.c -lresnet -o train
 */
#include <resnet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program with a message that says what went wrong, unless nothing did. */
static void check(rn_status status) {
  if (status == RN_OK) return;
  fprintf(stderr, "\ntrain: %s: %s\n", rn_status_string(status), rn_last_error());
  exit(EXIT_FAILURE);
}

/* Called by rn_trainer_fit after every step and at the end of every epoch. */
static int show_progress(const rn_progress *p, void *user) {
  (void)user;
  printf("\repoch %d/%d  step %lld/%lld  loss %.4f  accuracy %5.1f%%  %.0f images/s ",
         (int)p->epoch, (int)p->epochs, (long long)p->step, (long long)p->steps, p->loss,
         100 * p->accuracy, p->images_per_second);
  if (p->epoch_ended) printf(" test accuracy %5.1f%%\n", 100 * p->validation_accuracy);
  fflush(stdout);
  return 0; /* anything else would stop the training */
}

enum { SIDE = 16, PATTERNS = 4 };
static const char *const pattern_names[PATTERNS] = {"rows", "columns", "diagonals", "checks"};

/* Whether pattern `label` is bright at (y, x). */
static int is_bright(int label, int y, int x) {
  switch (label) {
    case 0:
      return y / 2 % 2;
    case 1:
      return x / 2 % 2;
    case 2:
      return (y + x) / 2 % 2;
    default:
      return (y / 2 + x / 2) % 2;
  }
}

/* A dataset of grey SIDE x SIDE images that show one of four patterns under noise. */
static rn_dataset *make_patterns(int count, unsigned seed) {
  unsigned char *pixels = malloc((size_t)count * SIDE * SIDE);
  int32_t *labels = malloc((size_t)count * sizeof *labels);
  if (pixels == NULL || labels == NULL) {
    fprintf(stderr, "train: out of memory\n");
    exit(EXIT_FAILURE);
  }
  srand(seed);
  unsigned char *pixel = pixels;
  for (int i = 0; i < count; i++) {
    labels[i] = i % PATTERNS;
    int dy = rand() % 4, dx = rand() % 4;
    for (int y = 0; y < SIDE; y++)
      for (int x = 0; x < SIDE; x++)
        *pixel++ = (unsigned char)(20 + 60 * is_bright(labels[i], y + dy, x + dx) + rand() % 176);
  }
  rn_images images = RN_IMAGES_U8(pixels, count, 1, SIDE, SIDE);
  rn_dataset *dataset = NULL;
  check(rn_dataset_create(&images, labels, PATTERNS, &dataset));
  free(pixels); /* the dataset has its own copy */
  free(labels);
  return dataset;
}

static int positive(const char *text) {
  int value = atoi(text);
  if (value > 0) return value;
  fprintf(stderr, "train: \"%s\" is not a positive number\n", text);
  exit(EXIT_FAILURE);
}

int main(int argc, char **argv) {
  const char *preset = NULL, *directory = NULL, *output = "model.h5";
  int epochs = 0, count = 512;
  for (int i = 1; i < argc; i++) {
    int has_value = i + 1 < argc;
    if (strcmp(argv[i], "-p") == 0 && has_value) {
      preset = argv[++i];
    } else if (strcmp(argv[i], "-e") == 0 && has_value) {
      epochs = positive(argv[++i]);
    } else if (strcmp(argv[i], "-n") == 0 && has_value) {
      count = positive(argv[++i]);
    } else if (strcmp(argv[i], "-o") == 0 && has_value) {
      output = argv[++i];
    } else if (argv[i][0] != '-' && directory == NULL) {
      directory = argv[i];
    } else {
      fprintf(stderr, "usage: train [-p PRESET] [-e EPOCHS] [-n IMAGES] [-o FILE] [DIRECTORY]\n");
      return EXIT_FAILURE;
    }
  }

  /* The data. */
  rn_dataset *training = NULL, *test = NULL;
  if (directory != NULL) {
    check(rn_dataset_open_cifar10(directory, 1, &training));
    check(rn_dataset_open_cifar10(directory, 0, &test));
  } else {
    training = make_patterns(count, 1);
    test = make_patterns(count, 2);
  }
  rn_dataset_info data = RN_DATASET_INFO_INIT;
  check(rn_dataset_get_info(training, &data));

  /* A model that takes such images. */
  rn_model_options options = RN_MODEL_OPTIONS_INIT;
  options.family = RN_FAMILY_CIFAR;
  options.input_channels = data.channels;
  options.classes = data.classes;
  options.seed = 1;
  if (preset == NULL) preset = directory != NULL ? "resnet20" : "resnet8";
  rn_model *model = NULL;
  check(rn_model_create(preset, &options, &model));
  if (directory == NULL) check(rn_model_set_class_names(model, pattern_names, PATTERNS));

  rn_model_info info = RN_MODEL_INFO_INIT;
  check(rn_model_get_info(model, &info));
  printf("%s: %lld parameters; %lld images of %dx%dx%d\n", preset, (long long)info.parameters,
         (long long)data.count, (int)data.channels, (int)data.height, (int)data.width);

  /* Training: the paper's SGD; its augmentation for CIFAR-10, and the learning rate divided by 10
   * after half and after three quarters of the steps. */
  rn_fit_options fit = RN_FIT_OPTIONS_INIT;
  fit.epochs = epochs > 0 ? epochs : directory != NULL ? 20 : 5;
  fit.batch_size = directory != NULL ? 128 : 16;
  if (directory != NULL) {
    fit.pad = 4;
    fit.mirror = 1;
  }
  int64_t steps = fit.epochs * (data.count / fit.batch_size);
  int64_t milestones[2] = {steps / 2, steps * 3 / 4};
  if (milestones[0] > 0 && milestones[1] > milestones[0]) {
    fit.milestones = milestones;
    fit.milestone_count = 2;
  }
  fit.progress = show_progress;
  rn_trainer *trainer = NULL;
  check(rn_trainer_create(model, NULL, &trainer));
  check(rn_trainer_fit(trainer, training, test, &fit));

  rn_metrics metrics = RN_METRICS_INIT;
  check(rn_model_evaluate(model, test, &metrics));
  printf("test loss %.4f, accuracy %.1f%%\n", metrics.loss, 100 * metrics.accuracy);
  check(rn_model_save(model, output));
  printf("saved %s\n", output);

  check(rn_trainer_free(trainer));
  check(rn_model_free(model));
  check(rn_dataset_free(training));
  check(rn_dataset_free(test));
  return EXIT_SUCCESS;
}
