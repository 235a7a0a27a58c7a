/*
 * resnet.h - build, train, save and run residual networks ("Deep Residual Learning for Image
 * Recognition", He, Zhang, Ren and Sun, 2015). The whole C API of libresnet.
 *
 * INTRODUCTION
 *
 *   rn_model *model = NULL;
 *   if (rn_model_load("digits.h5", &model) != RN_OK) {
 *     fprintf(stderr, "%s\n", rn_last_error());
 *     return 1;
 *   }
 *   rn_images image = RN_IMAGES_U8(pixels, 1, 1, 8, 8);   // one grey 8x8 image, bytes
 *   int32_t label;
 *   rn_model_predict(model, &image, &label, 1);
 *   rn_model_free(model);
 *
 * A *model* is a network with its weights, its input normalisation and its class names. Make one
 * from a preset (rn_model_create), from a description (rn_model_create_described) or from a file
 * (rn_model_load). A *trainer* improves a model by stochastic gradient descent, one batch
 * (rn_trainer_step) or many epochs (rn_trainer_fit) at a time. A *dataset* is a set of labelled
 * images to train or evaluate on. Examples/c has complete programs.
 *
 * CONVENTIONS
 *
 *   Status     Every function that can fail returns an rn_status; results are written through
 *              pointers, and are complete only on RN_OK. On any other status rn_last_error() tells
 *              what was given, what was expected and what to do.
 *   Handles    rn_model, rn_trainer, rn_dataset and rn_image are opaque. A null, freed or wrong-kind handle
 *              is RN_INVALID_HANDLE, never a crash. Freeing NULL does nothing.
 *   Threads    Every function may be called from any thread. A handle is used by one thread at a
 *              time; a second one gets RN_BUSY. Using a trainer uses its model too. The library
 *              computes on threads of its own, which start on first use (rn_set_threads), block all
 *              signals, and end on rn_set_threads(1). A call needs 64 KB of stack at most. Once
 *              loaded the library stays, whatever dlclose is told. After a fork the child can use
 *              every handle that no other thread was using; those stay RN_BUSY.
 *   Host       Signal handlers and masks, locale, environment, directory, errno and the mode of
 *              floating-point arithmetic are left as they are, and results do not depend on them.
 *              Callbacks find the host's mode. Nothing is written to standard output or error.
 *   Structs    Begin with their size, so that they can grow: start from the RN_..._INIT macros,
 *              which hold the documented defaults: rn_model_info info = RN_MODEL_INFO_INIT. A size
 *              smaller than version 1.0's is RN_INVALID_ARGUMENT.
 *   Buffers    Belong to the caller, who passes their capacity in elements. One that is too small
 *              is RN_BUFFER_TOO_SMALL.
 *   Memory     What cannot be had is RN_OUT_OF_MEMORY, never the end of the process; models and
 *              datasets are as they were. Where the system gives no more threads, fewer compute.
 *   Strings    Are UTF-8. Those returned belong to the library and live as long as said.
 *   Results    Are the same bits for the same inputs, batch, seed, settings, instruction set and
 *              library, whatever the number of threads.
 *   Layout     Images are N x C x H x W, weights out x in x height x width, row-major.
 */
#ifndef RESNET_H
#define RESNET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RN_VERSION_MAJOR 1
#define RN_VERSION_MINOR 0
#define RN_VERSION_PATCH 0

/* ---- Status -------------------------------------------------------------------------------- */

typedef enum rn_status {
  RN_OK = 0,
  RN_INVALID_ARGUMENT = 1, /* a value outside its documented range, or a null pointer */
  RN_INVALID_HANDLE = 2,   /* a null, freed or wrong-kind handle */
  RN_SHAPE_MISMATCH = 3,   /* dimensions other than those expected */
  RN_NOT_FOUND = 4,        /* no preset, tensor or file of that name */
  RN_IO_ERROR = 5,         /* the operating system refused to read or write */
  RN_BAD_FORMAT = 6,       /* a file that is damaged or not of the format expected */
  RN_OUT_OF_MEMORY = 7, /* the message says what for; nothing is lost: free something and go on */
  RN_NOT_FINITE = 8,    /* NaN or infinity in the input, or a loss that diverged */
  RN_CANCELLED = 9,     /* a callback asked to stop */
  RN_BUFFER_TOO_SMALL = 10,
  RN_BUSY = 11,         /* the handle is in use by another thread, or is training already */
  RN_COMMUNICATION = 12 /* the ranks of a distributed training lost each other, or disagree */
} rn_status;

/* A short English name of a status, such as "shape mismatch". Static. */
const char *rn_status_string(rn_status status);

/* What went wrong in the last call of this thread that did not return RN_OK; "" if all did. Valid
 * until the thread's next call of a function of this library. */
const char *rn_last_error(void);

/* "1.0.0". Static. */
const char *rn_version(void);

/* ---- The machine --------------------------------------------------------------------------- */

/* Threads used for computing, the calling one included: 1 or more; 0 for one per available core (the default):
 * per core that the process may run on, but no more than its control group has time for, rounded up (a
 * container's limit, such as `docker run --cpus 4`). Applies to the whole process from the next call that
 * computes. With 2 or more, training and evaluating on a dataset have as many threads besides, which read the next
 * batches. */
rn_status rn_set_threads(int32_t threads);
rn_status rn_get_threads(int32_t *threads);

/* Whether 3x3 convolutions at stride 1 may be computed by Winograd's algorithm where it is faster:
 * 1 (the default) or 0; RN_INVALID_ARGUMENT for another number. Without it they take two to three
 * times as long, and rounding errors are about half as large. With it, the error of a value is at
 * most 1e-6 times the largest magnitude read times the sum of the magnitudes of the weights. Applies
 * to the whole process from the next call that computes. */
rn_status rn_set_winograd(int32_t allowed);
rn_status rn_get_winograd(int32_t *allowed);

/* The instruction set whose kernels are in use: "avx512", "avx2" or "portable". The environment
 * variable RESNET_ISA, read at first use, forces one. Static. RN_INVALID_ARGUMENT if RESNET_ISA
 * names one that is unknown or that this processor lacks. */
rn_status rn_get_isa(const char **isa);

/* ---- Long calls ------------------------------------------------------------------------------ */

/* How far a long call is. */
typedef struct rn_step {
  size_t size; /* of this struct in the library; members beyond what you know may follow */
  /* What is being done, static: "training" (steps of rn_trainer_fit), "evaluating", "testing",
   * "responses", "statistics" (images), "reading" (images, for a normalisation or a calibration),
   * "verifying" (files) or "running" (images, of rn_model_logits and its like). */
  const char *what;
  int64_t done, total; /* done < total */
} rn_step;
/* Non-zero stops the call. It must return: neither longjmp nor a C++ exception may leave it. */
typedef int (*rn_step_callback)(const rn_step *step, void *user);

/* Sets what is called between the steps of the long calls of this thread, on this thread: a step of
 * rn_trainer_fit, a batch of its normalisation and validation, of rn_model_evaluate, _test,
 * _responses and their like, of rn_model_recompute_statistics and rn_dataset_calibrate, some files of
 * rn_dataset_verify, and a part of the images of rn_model_logits, _predict, _features and
 * _view_probabilities, if there are more than go through the network at once. A call that is stopped
 * returns RN_CANCELLED: rn_trainer_fit with the model as the last step left it, all others with model
 * and dataset as they were. The callback may call the library, which calls no step callback on this
 * thread meanwhile, not even one that is set there; but not change what the call uses. NULL: no
 * callback, as every thread begins. RN_OUT_OF_MEMORY. */
rn_status rn_set_step_callback(rn_step_callback callback, void *user);

/* ---- Log ------------------------------------------------------------------------------------- */

typedef enum rn_log_level {
  RN_LOG_WARNING = 1, /* what was worked around: an image that cannot be read, a thread refused */
  RN_LOG_INFO = 2,    /* what happened: a model loaded or saved, an epoch's results, a new rate */
  RN_LOG_DEBUG = 3    /* how: threads started, the memory of a plan */
} rn_log_level;
/* message: one line, UTF-8, without a final newline; control characters, of a path for example, are
 * written as \n or \u{1b}. Valid during the call. */
typedef void (*rn_log_callback)(rn_log_level level, const char *message, void *user);

/* Hands messages of `level` and of lower levels to a callback, in the whole process; NULL for none
 * (then `level` means nothing), as at first. Nothing else is ever written anywhere. The callback is
 * called on whichever thread has something to tell, also on the library's own, but one call at a time;
 * and no call of an earlier one is under way when this returns. It must return, as above, and must not
 * call the library, but for rn_last_error and rn_status_string; rn_set_log is RN_INVALID_ARGUMENT
 * there. After a fork the child logs to the same callback. */
rn_status rn_set_log(rn_log_level level, rn_log_callback callback, void *user);

/* ---- Describing a network ------------------------------------------------------------------ */

#define RN_DEFAULT (-1) /* the preset's own value */

typedef enum rn_family {
  RN_FAMILY_AUTO = 0,
  RN_FAMILY_IMAGENET = 1,
  RN_FAMILY_CIFAR = 2
} rn_family;
typedef enum rn_stem {
  RN_STEM_DEFAULT = 0,
  RN_STEM_IMAGENET = 1, /* a 7x7 convolution at stride 2, then 3x3 max-pooling at stride 2 */
  RN_STEM_CIFAR = 2,    /* a 3x3 convolution */
  RN_STEM_VECTOR = 3,   /* images are vectors, of 1x1 pixels; all layers are fully connected, with
                           kernels, strides and window of 1 */
  RN_STEM_NONE = 4      /* none: the first block reads the images */
} rn_stem;
/* Where the 3x3 windows of the ImageNet stem's max-pooling begin, which the paper does not say; other
 * stems have none. Of 112x112 pixels both kinds make 56x56, but scores differ. */
typedef enum rn_stem_pool {
  RN_STEM_POOL_DEFAULT = 0, /* padded */
  RN_STEM_POOL_PADDED = 1,  /* at pixels -1, 1, 3, ...: padded by one (torchvision, Keras) */
  RN_STEM_POOL_CEIL = 2     /* at pixels 0, 2, 4, ...: not padded, the size rounded up and the last
                               cut at the edge (Caffe, and so the authors' published models) */
} rn_stem_pool;
typedef enum rn_block {
  RN_BLOCK_BASIC = 1,
  RN_BLOCK_BOTTLENECK = 2,
  RN_BLOCK_LAYERS = 3 /* those of the description */
} rn_block;
typedef enum rn_shortcut {
  RN_SHORTCUT_DEFAULT = 0, /* A for CIFAR presets, B for ImageNet presets; plain ones have none */
  RN_SHORTCUT_A = 1,       /* identity, new channels zero: no parameters */
  RN_SHORTCUT_B = 2,       /* 1x1 convolution and BN where dimensions change, identity elsewhere */
  RN_SHORTCUT_C = 3,       /* 1x1 convolution and BN on every block */
  RN_SHORTCUT_NONE = 4,    /* a plain network */
  RN_SHORTCUT_GATE = 5 /* highway layers, y = H(x) T(x) + x (1 - T(x)): H is the residual function
                              with its last activation, T the sigmoid of a convolution of x that has a
                              bias. Blocks that change dimensions are plain */
} rn_shortcut;
/* What follows each convolution of the stem and the blocks. */
typedef enum rn_affine {
  RN_AFFINE_BN = 0,
  RN_AFFINE_BIAS = 1,
  RN_AFFINE_BIAS_AND_BN = 2 /* as in torchvision's VGG with BN; BN makes the bias useless */
} rn_affine;
typedef enum rn_stride_on {
  RN_STRIDE_DEFAULT = 0, /* 1x1 */
  RN_STRIDE_ON_1X1 = 1,  /* a bottleneck's stride is on its first 1x1 (as published) */
  RN_STRIDE_ON_3X3 = 2   /* on its 3x3 (the later "v1.5", torchvision) */
} rn_stride_on;
typedef enum rn_zero_channels {
  RN_ZEROS_AFTER = 0, /* shortcut A's zero channels come after the old ones */
  RN_ZEROS_SPLIT = 1  /* half before, half after */
} rn_zero_channels;

/* Changes to a preset. RN_MODEL_OPTIONS_INIT changes nothing. */
typedef struct rn_model_options {
  size_t size;      /* sizeof(rn_model_options) */
  rn_family family; /* where to look; a name that both families have is the ImageNet network */
  rn_stem stem;
  rn_shortcut shortcut;
  rn_stride_on stride_on;
  rn_zero_channels zero_channels;
  int32_t classes;        /* RN_DEFAULT: 1000 for ImageNet presets, 10 for CIFAR presets */
  int32_t input_channels; /* RN_DEFAULT: 3 */
  int32_t base_width;     /* channels of the stem and the first stage, doubled from stage to stage;
                             RN_DEFAULT: 64 for ImageNet, 16 for CIFAR presets */
  /* Of the initial weights: He's method, normal with variance 2 / fan-in; before maxout units of k
   * channels without BN 1 / (fan-in times the mean square of the largest of k normal numbers), which
   * is 1 / fan-in if k is 2. */
  uint64_t seed;
  rn_stem_pool stem_pool;
} rn_model_options;
#define RN_MODEL_OPTIONS_INIT                                                       \
  {                                                                                 \
    sizeof(rn_model_options), RN_FAMILY_AUTO, RN_STEM_DEFAULT, RN_SHORTCUT_DEFAULT, \
        RN_STRIDE_DEFAULT, RN_ZEROS_AFTER, RN_DEFAULT, RN_DEFAULT, RN_DEFAULT, 0,   \
        RN_STEM_POOL_DEFAULT                                                        \
  }

/* One stage of a network of your own: `blocks` blocks whose convolutions have `width` channels (or
 * multiples of it), the first at spatial stride `stride` (1 or 2); then a max-pooling of side and
 * stride `max_pool` without padding, unless that is 0. */
typedef struct rn_stage {
  int32_t blocks, width, stride, max_pool;
} rn_stage;

/* One layer of a block: a convolution with a kernel of side 1, 3, 5 or 7, or of vectors a fully
 * connected layer (kernel 1). It has width_multiple times the stage's width as channels, 1 to 8. */
typedef struct rn_layer {
  int32_t kernel, width_multiple;
} rn_layer;

/* A network of your own. The enums have no defaults here, but for stride_on, zero_channels,
 * affine and stem_pool. Beside residual networks these are the kinds that the paper compares with:
 *
 *   Blocks of 1 to 16 layers: block = RN_BLOCK_LAYERS; the stage's stride is on layers[stride_layer].
 *   Multilayer perceptrons:   stem = RN_STEM_VECTOR.
 *   VGG and the like:         stem = RN_STEM_NONE, shortcut = RN_SHORTCUT_NONE, a window and hidden
 *                             layers. Tensors have torchvision's names, features.0.weight, ...
 *   Highway layers:           shortcut = RN_SHORTCUT_GATE. Biases of gates start at -2.
 *
 * The head reads every window x window patch of the last map, through hidden layers if there are
 * any, and averages the scores of all of them, so that it takes images of any size. A side of the
 * map that is shorter than the window is stretched to it, each cell being the average of the pixels
 * that it covers (PyTorch's adaptive average pooling). There is no dropout. */
typedef struct rn_description {
  size_t size;      /* sizeof(rn_description) */
  const char *name; /* NULL: "custom" */
  rn_stem stem;
  rn_block block;
  rn_shortcut shortcut;
  rn_stride_on stride_on;
  rn_zero_channels zero_channels;
  int32_t input_channels;
  int32_t stem_width; /* 0 without a stem */
  int32_t classes;
  int32_t stage_count;
  const rn_stage *stages;
  uint64_t seed;
  rn_affine affine;
  int32_t maxout;       /* 0: ReLU. Else maxout units, each the largest of so many channels: 2 to 8;
                              in plain and highway networks */
  int32_t layer_count;  /* 1 to 16 with RN_BLOCK_LAYERS, else 0 */
  int32_t stride_layer; /* index from 0 */
  const rn_layer *layers;
  int32_t hidden_count;  /* hidden layers of the head, 0 to 16 */
  int32_t window;        /* side of the patch that the head reads; 0 is 1 */
  const int32_t *hidden; /* their widths; each has a bias and the activation */
  rn_stem_pool stem_pool;
} rn_description;
/* No network yet: every member but size is 0 or its enum's first value. */
#define RN_DESCRIPTION_INIT                                                                        \
  {                                                                                                \
    sizeof(rn_description), NULL, RN_STEM_DEFAULT, RN_BLOCK_BASIC, RN_SHORTCUT_DEFAULT,            \
        RN_STRIDE_DEFAULT, RN_ZEROS_AFTER, 0, 0, 0, 0, NULL, 0, RN_AFFINE_BN, 0, 0, 0, NULL, 0, 0, \
        NULL, RN_STEM_POOL_DEFAULT                                                                 \
  }

/* ---- Models -------------------------------------------------------------------------------- */

typedef struct rn_model rn_model;

/* Makes a model with fresh weights from a preset: "resnet18", "resnet34", "resnet50", "resnet101",
 * "resnet152", "plain18", "plain34" (ImageNet) and "resnetN", "plainN" with N = 6n+2 (CIFAR: 20,
 * 32, 44, 56, 110, 1202, ...). A name that both families have is the ImageNet network; write
 * "cifar-resnet50" or set options->family for the other. The networks that the paper compares with
 * are "vgg16", "vgg19", "vgg16-bn", "vgg19-bn" (ImageNet), "highway19", "highway32" and "fitnet19"
 * (CIFAR); of these only classes and input_channels can be changed. options: NULL for the preset as
 * it is. RN_NOT_FOUND if there is no such preset, RN_INVALID_ARGUMENT if it cannot be so changed. */
rn_status rn_model_create(const char *preset, const rn_model_options *options, rn_model **model);

/* Makes a model with fresh weights from a description. */
rn_status rn_model_create_described(const rn_description *description, rn_model **model);

/* Makes a copy of a model with another classifier, to be trained on other classes: the last layer is
 * drawn anew for `classes` classes; all other tensors and the normalisation are the same, bit for bit.
 * It has no class names, and of the metadata all but those that are libresnet's own
 * (rn_model_set_metadata). `model` stays as it is, and may be an opened one. */
rn_status rn_model_replace_classifier(rn_model *model, int32_t classes, uint64_t seed,
                                      rn_model **replaced);

/* Frees a model. A trainer that uses it keeps it alive until the trainer is freed too. */
rn_status rn_model_free(rn_model *model);

/* Writes a model to an HDF5 file: architecture, weights, BN statistics, input normalisation and
 * class names (docs/FORMAT.md). A file of that name is replaced only once the new one is complete
 * and on disk. RN_INVALID_ARGUMENT if the path has the extension of another program's files, such as
 * .pth or .onnx, for which rn_model_export is. */
rn_status rn_model_save(rn_model *model, const char *path);

/* Reads a model that rn_model_save wrote; weights of other programs are for rn_model_import. A damaged
 * file is refused, with the name of the damaged part. A file need not be trusted to be loaded: whatever
 * is in it, it is refused, or is a model whose answers are those of its weights. RN_NOT_FOUND,
 * RN_IO_ERROR, RN_BAD_FORMAT. */
rn_status rn_model_load(const char *path, rn_model **model);

/* Opens such a file to run the model: its weights stay there until an image needs them. The first
 * answer takes the shortest way from the file to the scores and keeps no weights, so that a program
 * that wants one answer has it soonest. The second takes longer than those that follow: it packs all
 * weights as the kernels read them and keeps them, once, while rn_model_load has them twice. All
 * functions take such a model, but those that change weights, train or save: RN_INVALID_ARGUMENT.
 * Damage to the file's structure is refused here, as by rn_model_load; damage to a tensor when it is
 * read, by the function that reads it: RN_BAD_FORMAT, or RN_IO_ERROR if the file became shorter. It
 * stays open until the model is freed. It may be replaced or removed meanwhile; what is in it must
 * stay as it is. Of a checkpoint, what only training needs is neither read nor verified. A file that has
 * no checksum for each tensor, which rn_model_save never writes, is loaded instead. */
rn_status rn_model_open(const char *path, rn_model **model);

typedef struct rn_model_info {
  size_t size; /* sizeof(rn_model_info) */
  int32_t classes;
  int32_t input_channels;
  int32_t input_height, input_width; /* the published size: 32 or 224; 1 for vectors */
  int32_t weighted_layers;           /* 20 for ResNet-20: projections and gates are not counted */
  int32_t tensors;                   /* parameters and BN statistics, see rn_model_tensor_info */
  int64_t parameters;                /* learned values */
  int64_t multiply_adds;             /* of one image of that size */
  int32_t layers;                    /* see rn_model_layer_name */
} rn_model_info;
#define RN_MODEL_INFO_INIT \
  { sizeof(rn_model_info), 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Fills in what is to be known of a model. */
rn_status rn_model_get_info(rn_model *model, rn_model_info *info);

/* Writes a table (layer, output size, parameters, multiply-adds) for images of height x width (0,
 * 0: the published size) as a string. *needed (may be NULL) is its length with the final 0;
 * RN_BUFFER_TOO_SMALL, with *needed set, if capacity is less. text may be NULL to learn *needed
 * alone. */
rn_status rn_model_summary(rn_model *model, int32_t height, int32_t width, char *text,
                           size_t capacity, size_t *needed);
/* Writes the name of the network, such as "resnet20", as rn_model_summary does. */
rn_status rn_model_name(rn_model *model, char *text, size_t capacity, size_t *needed);

/* ---- Weights of other programs -------------------------------------------------------------- */

/* docs/EXCHANGE.md has the names that are known, and what is refused. */
typedef enum rn_format {
  RN_FORMAT_AUTO = 0,          /* that of the path's extension */
  RN_FORMAT_SAFETENSORS = 1,   /* .safetensors, with torchvision's names */
  RN_FORMAT_TORCH = 2,         /* .pth, .pt: a state dict, as torch.save writes it */
  RN_FORMAT_ONNX = 3,          /* .onnx: the network as a graph, with its weights */
  RN_FORMAT_KERAS = 4,         /* .h5: weights as Keras 2 has them; also read: its whole models */
  RN_FORMAT_KERAS_WEIGHTS = 5, /* .weights.h5: weights of Keras 3 */
  RN_FORMAT_CAFFE = 6          /* .caffemodel.h5: a snapshot of Caffe's */
} rn_format;
/* What the model does to its images before the imported network sees them. */
typedef enum rn_preprocessing {
  RN_PREPROCESSING_NONE = 0,  /* nothing: it takes what the file's network takes */
  RN_PREPROCESSING_TORCH = 1, /* takes RGB from 0 to 255: less ImageNet's mean, by its deviation */
  RN_PREPROCESSING_CAFFE = 2  /* takes RGB from 0 to 255, for a network of BGR less a mean */
} rn_preprocessing;

typedef struct rn_import_options {
  size_t size;     /* sizeof(rn_import_options) */
  int32_t partial; /* 1: import what fits and report the rest; 0: refuse what does not fit whole */
  rn_preprocessing preprocessing;
  /* What tensors do not say. A graph (ONNX) does: RN_INVALID_ARGUMENT if one says another thing. */
  rn_stride_on stride_on; /* RN_STRIDE_DEFAULT: as the format's files have it; PyTorch's 3x3 */
  int32_t zero_channels;  /* an rn_zero_channels; RN_DEFAULT: as the ports with the file's names */
  int32_t plain;          /* 1: without projections it is a plain network; 0: one of shortcut A */
  rn_stem_pool stem_pool; /* RN_STEM_POOL_DEFAULT: ceil for Caffe's tensors, else padded */
} rn_import_options;
#define RN_IMPORT_OPTIONS_INIT                                                             \
  {                                                                                        \
    sizeof(rn_import_options), 0, RN_PREPROCESSING_NONE, RN_STRIDE_DEFAULT, RN_DEFAULT, 0, \
        RN_STEM_POOL_DEFAULT                                                               \
  }

/* Makes a model from a file of another program, or from its bytes. The format is found from the
 * contents, the network from the tensors' names and shapes. options: NULL for the defaults. The file
 * need not be trusted. An ONNX file may have its values in others of its folder (external data), which
 * bytes cannot. RN_BAD_FORMAT, naming the tensor, for what is not understood,
 * RN_SHAPE_MISMATCH if tensors are missing, too many or of other shapes, RN_INVALID_ARGUMENT if
 * preprocessing is asked for of a network that has its own, or not 3 channels, or an option
 * contradicts a graph, RN_NOT_FINITE, RN_NOT_FOUND, RN_IO_ERROR. */
rn_status rn_model_import(const char *path, const rn_import_options *options, rn_model **model);
rn_status rn_model_import_bytes(const void *bytes, size_t count, const rn_import_options *options,
                                rn_model **model);

/* Sets the tensors of a model to those of such a file; if partial is 1, those that fit. On failure
 * the model is as it was, and its report says what is in the way. */
rn_status rn_model_import_weights(rn_model *model, const char *path, int32_t partial);
rn_status rn_model_import_weights_bytes(rn_model *model, const void *bytes, size_t count,
                                        int32_t partial);

/* What the last import into a model did, or what was in its way. */
typedef struct rn_import_report {
  size_t size;      /* sizeof(rn_import_report) */
  rn_format format; /* RN_FORMAT_AUTO: there was no import */
  int32_t imported; /* tensors that were set; 0 if it was refused */
  int32_t notes;    /* see rn_model_import_note */
} rn_import_report;
#define RN_IMPORT_REPORT_INIT \
  { sizeof(rn_import_report), RN_FORMAT_AUTO, 0, 0 }
/* The report of the last import into this model. */
rn_status rn_model_get_import_report(rn_model *model, rn_import_report *report);

typedef enum rn_note {
  RN_NOTE_IGNORED = 0,    /* in the file, understood, and of no use here */
  RN_NOTE_UNEXPECTED = 1, /* in the file, but no tensor of the model */
  RN_NOTE_MISMATCHED = 2, /* in both, but of another shape, or not finite */
  RN_NOTE_MISSING = 3     /* a tensor of the model that the file lacks: it stays as it was */
} rn_note;
typedef struct rn_import_note {
  size_t size; /* sizeof(rn_import_note) */
  rn_note kind;
  const char *name;   /* the file's own; the model's, if it is missing */
  const char *reason; /* "" if the kind says all */
} rn_import_note;
#define RN_IMPORT_NOTE_INIT \
  { sizeof(rn_import_note), RN_NOTE_IGNORED, NULL, NULL }
/* One note of the report, from 0. Its strings live until the next import into the model, or as long
 * as it. */
rn_status rn_model_import_note(rn_model *model, int32_t index, rn_import_note *note);

/* Writes the weights of a model to a file for another program, whole or not at all. Normalisation
 * and class names are written where the format has a place for them, which state dicts have not.
 * RN_INVALID_ARGUMENT if the format cannot hold the model. */
rn_status rn_model_export(rn_model *model, const char *path, rn_format format);

/* ---- Tensors: weights and BN statistics ---------------------------------------------------- */

typedef struct rn_tensor_info {
  size_t size;       /* sizeof(rn_tensor_info) */
  const char *name;  /* e.g. "layer1.0.conv1.weight"; lives as long as the model */
  int32_t trainable; /* 0 for running_mean and running_var */
  int32_t rank;      /* 1, 2 or 4 */
  int64_t shape[4];  /* out, in, height, width; unused entries are 1 */
  int64_t count;     /* elements */
} rn_tensor_info;
#define RN_TENSOR_INFO_INIT \
  { sizeof(rn_tensor_info), NULL, 0, 0, {0, 0, 0, 0}, 0 }

/* The tensors of a model in the order of a torchvision state_dict; index from 0. */
rn_status rn_model_tensor_info(rn_model *model, int32_t index, rn_tensor_info *info);
/* Copies a tensor out. capacity and count are in elements. */
rn_status rn_model_get_tensor(rn_model *model, const char *name, float *values, size_t capacity);
/* Replaces a tensor's values; count must be exactly its size, all values finite, and running variances not
 * negative. */
rn_status rn_model_set_tensor(rn_model *model, const char *name, const float *values, size_t count);

/* ---- Input normalisation, class names, metadata -------------------------------------------- */

/* Every image given to the model is read as (pixel - mean) * scale. mean: NULL for 0; else
 * mean_count values, one per channel (height = width = 0) or one per channel and pixel of height x
 * width images. scale: NULL for 1; else one value per channel. Models start with neither. */
rn_status rn_model_set_normalization(rn_model *model, const float *mean, size_t mean_count,
                                     int32_t height, int32_t width, const float *scale,
                                     size_t scale_count);
/* Reads them back. Counts are 0 where there is none. mean and scale may be NULL to learn the
 * counts alone. */
rn_status rn_model_get_normalization(rn_model *model, float *mean, size_t mean_capacity,
                                     size_t *mean_count, int32_t *height, int32_t *width,
                                     float *scale, size_t scale_capacity, size_t *scale_count);

/* names: one string per class; count must be the number of classes, or 0 to remove them. */
rn_status rn_model_set_class_names(rn_model *model, const char *const *names, int32_t count);
/* Writes the name of class `index` ("" if the classes have no names), as rn_model_summary does. */
rn_status rn_model_class_name(rn_model *model, int32_t index, char *text, size_t capacity,
                              size_t *needed);

/* What else is to be kept with a model, in its file, by name: such as its author, its licence or how it
 * was trained. A name has 1 to 255 bytes, a value at most 32,768; a model has at most 256 of them. Setting
 * a name anew replaces its value; NULL removes it. Names that begin with "resnet." are libresnet's own. */
rn_status rn_model_set_metadata(rn_model *model, const char *name, const char *value);
/* Writes a value, as rn_model_summary does; RN_NOT_FOUND if there is none of that name. */
rn_status rn_model_metadata(rn_model *model, const char *name, char *text, size_t capacity,
                            size_t *needed);
/* How many there are. */
rn_status rn_model_metadata_count(rn_model *model, int32_t *count);
/* Writes the name of one of them, in alphabetical order from 0, as rn_model_summary does. */
rn_status rn_model_metadata_name(rn_model *model, int32_t index, char *text, size_t capacity,
                                 size_t *needed);

/* ---- Running ------------------------------------------------------------------------------- */

typedef enum rn_pixel_type { RN_FLOAT32 = 0, RN_UINT8 = 1 } rn_pixel_type;

/* A batch of images: count x channels x height x width pixels, row-major and without gaps. Any
 * height and width that the network can take (at least 1 pixel is left before the last pooling).
 * Pixels must be finite. */
typedef struct rn_images {
  size_t size; /* sizeof(rn_images) */
  rn_pixel_type type;
  const void *pixels;
  int64_t count;
  int32_t channels, height, width;
} rn_images;
#define RN_IMAGES_F32(pixels, n, c, h, w) RN_IMAGES_(RN_FLOAT32, pixels, n, c, h, w)
#define RN_IMAGES_U8(pixels, n, c, h, w) RN_IMAGES_(RN_UINT8, pixels, n, c, h, w)
#define RN_IMAGES_(type, pixels, n, c, h, w) \
  { sizeof(rn_images), (type), (pixels), (int64_t)(n), (int32_t)(c), (int32_t)(h), (int32_t)(w) }

/* Runs the network in inference mode (BN uses its running statistics). scores receives count x
 * classes values: logits before the softmax, or probabilities after it. capacity is in elements. */
rn_status rn_model_logits(rn_model *model, const rn_images *images, float *scores, size_t capacity);
rn_status rn_model_probabilities(rn_model *model, const rn_images *images, float *probabilities,
                                 size_t capacity);
/* The index of each image's highest score (the first of equals). capacity is in elements. */
rn_status rn_model_predict(rn_model *model, const rn_images *images, int32_t *labels,
                           size_t capacity);

/* ---- Features -------------------------------------------------------------------------------- */

/* Writes the name of layer `index` (0 ... layers-1 of rn_model_info, in the order in which they are
 * computed: "input", "conv1", "bn1", "relu", ... "fc"), as rn_model_summary does. */
rn_status rn_model_layer_name(rn_model *model, int32_t index, char *text, size_t capacity,
                              size_t *needed);

/* What a layer makes of one image. */
typedef struct rn_feature_shape {
  size_t size;           /* sizeof(rn_feature_shape) */
  int32_t rank;          /* 3: channels x height x width maps; 1, from "avgpool" on: a vector */
  int32_t channels;      /* or the vector's values */
  int32_t height, width; /* 1 and 1 for a vector */
  int64_t count;         /* values: the product */
} rn_feature_shape;
#define RN_FEATURE_SHAPE_INIT \
  { sizeof(rn_feature_shape), 0, 0, 0, 0, 0 }

/* The shape of a layer's output for an image of height x width. RN_NOT_FOUND for a layer that
 * rn_model_features does not know, RN_SHAPE_MISMATCH for images that it cannot take. */
rn_status rn_model_feature_shape(rn_model *model, const char *layer, int32_t height, int32_t width,
                                 rn_feature_shape *shape);

/* Runs the network in inference mode up to a layer, and no further: a name such as "layer1.0.bn2" or
 * "avgpool" (the pooled features, which the classifier reads), or that of a stage or block, such as
 * "layer3" or "layer3.1": its output, after the last ReLU. features receives images->count times
 * shape.count values, N x C x H x W or N x C. capacity is in elements. */
rn_status rn_model_features(rn_model *model, const rn_images *images, const char *layer,
                            float *features, size_t capacity);

/* ---- Image files --------------------------------------------------------------------------- */

/* An image of bytes, of any size, with 1 channel (grey) or 3 (RGB): what files are read into. It
 * never changes. To classify a file: rn_image_read, rn_image_centre, rn_image_pixels (RN_PLANAR),
 * RN_IMAGES_U8, rn_model_probabilities. */
typedef struct rn_image rn_image;

/* How images are resampled: antialiased, the same bytes as Pillow's. */
typedef enum rn_filter { RN_BILINEAR = 0, RN_BICUBIC = 1 } rn_filter;

/* Reads a JPEG or PNG file, told by its content: 8 bits a channel, turned upright by EXIF's
 * orientation; CMYK becomes RGB, and transparency is dropped: as Pillow's exif_transpose and
 * convert("RGB") or ("L") do it. channels: 1 or 3, to which colours are converted. pixel_limit: the
 * most pixels that the file may have, which is compared with what its header says before anything
 * is allocated; 0 for 2^26. RN_NOT_FOUND, RN_IO_ERROR; RN_BAD_FORMAT if the file is something else,
 * truncated, damaged or too large, and says which. */
rn_status rn_image_read(const char *path, int32_t channels, int64_t pixel_limit, rn_image **image);
/* The same from memory. */
rn_status rn_image_decode(const void *bytes, size_t count, int32_t channels, int64_t pixel_limit,
                          rn_image **image);
/* Copies height x width x channels interleaved pixels into an image. */
rn_status rn_image_create(const uint8_t *pixels, int32_t height, int32_t width, int32_t channels,
                          rn_image **image);
/* Frees an image. */
rn_status rn_image_free(rn_image *image);

typedef struct rn_image_info {
  size_t size; /* sizeof(rn_image_info) */
  int32_t channels, height, width;
} rn_image_info;
#define RN_IMAGE_INFO_INIT \
  { sizeof(rn_image_info), 0, 0, 0 }

/* Fills in the size of an image. */
rn_status rn_image_get_info(rn_image *image, rn_image_info *info);

/* The image at another size. */
rn_status rn_image_resize(rn_image *image, int32_t height, int32_t width, rn_filter filter,
                          rn_image **resized);
/* The same for planes of floats, planes x height x width values; capacity is in
 * elements. Sums are in double precision: the same floats as Pillow's in mode F. */
rn_status rn_resize_planes(const float *pixels, int32_t planes, int32_t height, int32_t width,
                           int32_t new_height, int32_t new_width, rn_filter filter, float *resized,
                           size_t capacity);
/* A part of the image, from row `top` and column `left` on. */
rn_status rn_image_crop(rn_image *image, int32_t top, int32_t left, int32_t height, int32_t width,
                        rn_image **part);
/* The testing view: the image resized so that its shorter side is `resize` (0: not resized), and of
 * that the crop x crop pixels in the middle. The usual numbers are 256 and 224. */
rn_status rn_image_centre(rn_image *image, int32_t resize, int32_t crop, rn_filter filter,
                          rn_image **view);

typedef enum rn_layout {
  RN_PLANAR = 0,     /* channels x height x width, as rn_images has them */
  RN_INTERLEAVED = 1 /* height x width x channels */
} rn_layout;

/* Copies the pixels; capacity is in bytes. */
rn_status rn_image_pixels(rn_image *image, rn_layout layout, uint8_t *pixels, size_t capacity);

/* ---- Datasets ------------------------------------------------------------------------------ */

typedef struct rn_dataset rn_dataset;

/* CIFAR-10 binary files in `directory`: data_batch_1.bin ... data_batch_5.bin (training, train !=
 * 0) or test_batch.bin, and batches.meta.txt for the class names if it is there. */
rn_status rn_dataset_open_cifar10(const char *directory, int32_t train, rn_dataset **dataset);
/* CIFAR-100 binary files in `directory`: train.bin (train != 0) or test.bin, labelled with the 100
 * fine classes or with the 20 coarse ones (coarse != 0), and fine_label_names.txt or
 * coarse_label_names.txt for the class names if it is there. */
rn_status rn_dataset_open_cifar100(const char *directory, int32_t train, int32_t coarse,
                                   rn_dataset **dataset);
/* IDX files, the format of MNIST, of unsigned bytes and not compressed. `images` is the path of one
 * that is count x rows x columns (grey) or count x channels x rows x columns, `labels` that of one
 * with as many labels in 0 ... classes-1. classes 0 stands for the largest label + 1. */
rn_status rn_dataset_open_idx(const char *images, const char *labels, int32_t classes,
                              rn_dataset **dataset);
/* What an HDF5 file calls its datasets, all in the root group. */
typedef struct rn_hdf5_options {
  size_t size;        /* sizeof(rn_hdf5_options) */
  const char *images; /* NULL: "images". uint8 or float32, of four dimensions; of three if grey */
  const char *labels; /* NULL: "labels". Integers from 0, one an image */
  const char *class_names; /* NULL: "class_names". Strings; need not be there */
  rn_layout layout;        /* of each image, if they have four dimensions */
  int32_t classes;         /* 0: as many as there are names, or else the largest label + 1 */
} rn_hdf5_options;
#define RN_HDF5_OPTIONS_INIT \
  { sizeof(rn_hdf5_options), NULL, NULL, NULL, RN_PLANAR, 0 }

/* Labelled images in an HDF5 file, which are read as they are needed: the file may be larger than
 * memory, and must stay as it is until the dataset is freed. Datasets may be compressed by gzip. Images
 * are read one by one, so a file is read fastest whose chunks hold one. options: NULL for
 * RN_HDF5_OPTIONS_INIT. RN_NOT_FOUND without such a file or dataset, RN_BAD_FORMAT for one of another
 * form: a link to another file, a filter other than gzip, shuffle and Fletcher-32, chunks of more than
 * 256 MiB, or a shape of which too little is stored. As with models, a file need not be trusted. */
rn_status rn_dataset_open_hdf5(const char *path, const rn_hdf5_options *options,
                               rn_dataset **dataset);

/* What happens where an image file is missing, damaged, or something else than an image. */
typedef enum rn_damage {
  RN_DAMAGE_FATAL = 0, /* reading it fails, and the message names it */
  RN_DAMAGE_SKIP = 1 /* it is left out, and named by rn_dataset_damaged_path. Training takes another
                          image of the same dataset instead, drawn from (seed, epoch, index); an
                          evaluation counts the others alone, for which every file is decoded once
                          more before the first. rn_dataset_read fails as with RN_DAMAGE_FATAL */
} rn_damage;

/* How training varies the images of a dataset of files, which are else seen like this: the shorter
 * side resized to `resize`, the middle cropped. All is drawn from (seed, epoch, index). */
typedef enum rn_variation {
  RN_VARIATION_NONE = 0,
  /* The shorter side resized to a length drawn from least_side to most_side, the crop anywhere in it:
   * as the paper has it. */
  RN_VARIATION_SCALED = 1,
  /* A rectangle anywhere, with a share of the area and an aspect ratio (width / height) that are
   * drawn, resized to the crop: torchvision's RandomResizedCrop. */
  RN_VARIATION_AREA = 2
} rn_variation;

typedef struct rn_image_options {
  size_t size;      /* sizeof(rn_image_options) */
  int32_t channels; /* 3 (RGB) or 1 (grey), to which files are converted */
  int32_t crop;     /* height and width of what models are given */
  int32_t resize;   /* the shorter side of which the middle is cropped; 0 for the image's own */
  rn_filter filter;
  rn_damage damage;
  int64_t pixel_limit; /* more pixels are damage; 0 for 2^26 */
  int32_t
      scaled_decoding; /* non-zero: where images are varied, JPEG files may be decoded at 1/2, 1/4
                              or 1/8 of their size if that is still as large as needed; faster, and
                              pixels differ a little */
  rn_variation variation;
  /* Of RN_VARIATION_SCALED. Both 0: from resize to resize * 480 / 256, rounded, which is 256 to 480 as
   * published if resize is 256; the same if it is 0. */
  int32_t least_side, most_side;
  double least_area, most_area, least_aspect, most_aspect; /* of RN_VARIATION_AREA */
  int32_t mirror;                                          /* non-zero: half of the images */
  /* The colours, as Krizhevsky 2012: to all pixels of an image is added the sum of the eigenvectors of
   * the covariance of RGB over the training set, each times its eigenvalue (pixels from 0 to 1) and a
   * number from the normal distribution with this deviation. 0: not. */
  double colour_deviation;
  double eigenvalues[3];
  double eigenvectors[9]; /* three, one after the other */
} rn_image_options;
/* The testing view of the paper: 224 x 224 of a shorter side of 256, in RGB. Damage is fatal. */
#define RN_IMAGE_OPTIONS_INIT RN_IMAGE_OPTIONS_(RN_VARIATION_NONE, 0)
/* And training as published (section 3.4): a shorter side of 256 to 480 if resize stays 256, mirror,
 * colours of ImageNet. */
#define RN_IMAGE_OPTIONS_PUBLISHED RN_IMAGE_OPTIONS_(RN_VARIATION_SCALED, 0.1)
/* And training by the later common recipe: 8 to 100 % of the area, aspects of 3/4 to 4/3, mirror. */
#define RN_IMAGE_OPTIONS_COMMON RN_IMAGE_OPTIONS_(RN_VARIATION_AREA, 0)
#define RN_IMAGE_OPTIONS_(variation, deviation)                                                   \
  {                                                                                               \
    sizeof(rn_image_options), 3, 224, 256, RN_BILINEAR, RN_DAMAGE_FATAL, 0, 1, (variation), 0, 0, \
        0.08, 1, 3.0 / 4, 4.0 / 3, 1, (deviation), {0.2175, 0.0188, 0.0045}, {                    \
      -0.5675, -0.5808, -0.5836, 0.7192, -0.0045, -0.6948, 0.4009, -0.8140, 0.4203                \
    }                                                                                             \
  }

/* The images of folder/CLASS/, files *.jpg, *.jpeg and *.png. Classes are the names of the folders in
 * the order of their bytes. No file is opened: they are decoded when they are read, several at once.
 * options: NULL for RN_IMAGE_OPTIONS_INIT. RN_NOT_FOUND if there is no such folder, no class in it, or
 * no image in a class. */
rn_status rn_dataset_open_folder(const char *folder, const rn_image_options *options,
                                 rn_dataset **dataset);
/* The images that a text file lists, one a line: a path, a space and a label in 0 ... classes-1. Paths
 * that are not absolute begin where the list is. classes 0 stands for the largest label + 1. */
rn_status rn_dataset_open_list(const char *list, int32_t classes, const rn_image_options *options,
                               rn_dataset **dataset);
/* The same from arrays. */
rn_status rn_dataset_open_files(const char *const *paths, const int32_t *labels, int64_t count,
                                int32_t classes, const rn_image_options *options,
                                rn_dataset **dataset);
/* Decodes every file of a dataset of files, so that all damaged ones are known. */
rn_status rn_dataset_verify(rn_dataset *dataset);
/* How many damaged files of a dataset are known, in the order in which they were found; and the path
 * and the reason of one of them, written as rn_model_summary does. 0 for a dataset that is not of
 * files. A part of a dataset (rn_dataset_split) names those of the whole. */
rn_status rn_dataset_damaged_count(rn_dataset *dataset, int64_t *count);
rn_status rn_dataset_damaged_path(rn_dataset *dataset, int64_t index, char *text, size_t capacity,
                                  size_t *needed);
rn_status rn_dataset_damaged_reason(rn_dataset *dataset, int64_t index, char *text, size_t capacity,
                                    size_t *needed);
/* Copies images and labels (images->count labels in 0 ... classes-1) into a dataset. */
rn_status rn_dataset_create(const rn_images *images, const int32_t *labels, int32_t classes,
                            rn_dataset **dataset);
/* Cuts a dataset in two at random: images to train on, and `count` images to evaluate on (1 to one
 * less than there are). CIFAR-10's 50,000 are cut into 45,000 and 5,000 in the paper. Which image
 * goes where depends on the number of images, count and seed alone; each part keeps the order of the
 * whole. The images are shared, not copied: the three datasets may be used at once, by several
 * threads, and freed in any order. */
rn_status rn_dataset_split(rn_dataset *dataset, int64_t count, uint64_t seed, rn_dataset **training,
                           rn_dataset **validation);
/* Frees a dataset. */
rn_status rn_dataset_free(rn_dataset *dataset);

typedef struct rn_dataset_info {
  size_t size; /* sizeof(rn_dataset_info) */
  int64_t count;
  int32_t channels, height, width, classes;
} rn_dataset_info;
#define RN_DATASET_INFO_INIT \
  { sizeof(rn_dataset_info), 0, 0, 0, 0, 0 }

/* Fills in the sizes of a dataset. */
rn_status rn_dataset_get_info(rn_dataset *dataset, rn_dataset_info *info);
/* Copies images first ... first+count-1 as float32 in raw pixel units, and their labels. Either
 * pointer may be NULL. Capacities are in elements. */
rn_status rn_dataset_read(rn_dataset *dataset, int64_t first, int64_t count, float *pixels,
                          size_t pixel_capacity, int32_t *labels, size_t label_capacity);
/* The same as training on a dataset of files reads them, varied as its options say, by the seed and in
 * the epoch (from 0); for a training loop of your own. Other datasets are read as they are. */
rn_status rn_dataset_read_varied(rn_dataset *dataset, int64_t first, int64_t count, uint64_t seed,
                                 int32_t epoch, float *pixels, size_t pixel_capacity,
                                 int32_t *labels, size_t label_capacity);

/* Writes the name of class `index` ("" if the classes have no names), as rn_model_summary does. */
rn_status rn_dataset_class_name(rn_dataset *dataset, int32_t index, char *text, size_t capacity,
                                size_t *needed);

/* What is to be known of a training set's pixels, in the unit of the pixels. Pointers and capacities
 * (in elements) are the caller's, who sets them before the call; NULL where values are not wanted. */
typedef struct rn_calibration {
  size_t size;                       /* sizeof(rn_calibration) */
  double *mean, *standard_deviation; /* of each channel */
  size_t channel_capacity;           /* of each of the two */
  float *per_pixel_mean;             /* channels x height x width values */
  size_t pixel_capacity;
  int64_t count;      /* images that it was computed from */
  int32_t has_colour; /* non-zero for images of 3 channels: the next are filled in, for
                         rn_image_options */
  double eigenvalues[3];
  double eigenvectors[9];
} rn_calibration;
#define RN_CALIBRATION_INIT                                          \
  {                                                                  \
    sizeof(rn_calibration), NULL, NULL, 0, NULL, 0, 0, 0, {0}, { 0 } \
  }

/* Computes it from `images` images (0: all), drawn by the seed, without random variation. */
rn_status rn_dataset_calibrate(rn_dataset *dataset, int64_t images, uint64_t seed,
                               rn_calibration *calibration);

typedef struct rn_metrics {
  size_t size;          /* sizeof(rn_metrics) */
  double loss;          /* mean cross-entropy, nats */
  double accuracy;      /* top-1, 0 to 1 */
  double top5_accuracy; /* the label is among the five highest scores */
  int64_t count;        /* images */
} rn_metrics;
#define RN_METRICS_INIT \
  { sizeof(rn_metrics), 0, 0, 0, 0 }

/* Mean loss and accuracy of a model on a dataset, in inference mode, single view. Here and wherever a
 * model meets a dataset, labels are matched by name if both have class names: the dataset may have
 * some of the model's classes, in any order; RN_INVALID_ARGUMENT if it has others. Where one side has
 * no names, label i is class i. */
rn_status rn_model_evaluate(rn_model *model, rn_dataset *dataset, rn_metrics *metrics);
/* The same, and which classes were taken for which: confusion receives classes x classes counts of
 * images in the order of the model's classes, row-major, one row per true class and one column per
 * predicted one. capacity is in elements. */
rn_status rn_model_evaluate_by_class(rn_model *model, rn_dataset *dataset, rn_metrics *metrics,
                                     int64_t *confusion, size_t capacity);

/* Each class's recall (the share of its images that were recognised) and precision (the share of the
 * images taken for it that are of it), of a confusion matrix of `classes` x `classes` counts. NaN where
 * there is no such image. Both receive `classes` values; either may be NULL. */
rn_status rn_class_figures(const int64_t *confusion, int32_t classes, double *recall,
                           double *precision);

/* Which views of an image are scored when a model is tested. */
typedef enum rn_views {
  RN_VIEWS_SINGLE = 0,  /* the images as they are (the paper on CIFAR-10) */
  RN_VIEWS_CENTRE = 1,  /* the crop x crop pixels in the middle */
  RN_VIEWS_10_CROP = 2, /* those in the four corners and in the middle, and their mirror images */
  /* The whole image at several sizes: the network is then fully convolutional, as the average over
   * all positions precedes the classifier. */
  RN_VIEWS_MULTI_SCALE = 3
} rn_views;
/* What is averaged over the views. */
typedef enum rn_average {
  RN_AVERAGE_DEFAULT = 0,       /* scores for RN_VIEWS_MULTI_SCALE (the paper), or probabilities */
  RN_AVERAGE_PROBABILITIES = 1, /* the softmax of each view's scores (Krizhevsky et al., 2012) */
  RN_AVERAGE_SCORES = 2         /* the scores, of which the softmax is taken afterwards */
} rn_average;

/* The paper's protocols for testing. Start from RN_TEST_OPTIONS_INIT, a single view. */
typedef struct rn_test_options {
  size_t size; /* sizeof(rn_test_options) */
  rn_views views;
  int32_t
      resize;   /* CENTRE, 10_CROP: to what the image's shorter side is resized first; 0: the image
                     as it is */
  int32_t crop; /* CENTRE, 10_CROP: height and width of a view */
  const int32_t *scales; /* MULTI_SCALE: what the shorter side is resized to in turn; NULL (and 0)
                            for 224, 256, 384, 480, 640 */
  int32_t scale_count;
  int32_t mirror; /* MULTI_SCALE: non-zero to score the mirror image too, at each size */
  rn_average average;
  rn_filter filter; /* how images are resized */
} rn_test_options;
#define RN_TEST_OPTIONS_INIT                                                            \
  {                                                                                     \
    sizeof(rn_test_options), RN_VIEWS_SINGLE, 256, 224, NULL, 0, 0, RN_AVERAGE_DEFAULT, \
        RN_BILINEAR                                                                     \
  }

/* As rn_model_evaluate and rn_model_evaluate_by_class, by the averages over several views of each
 * image, which may be of any size: a dataset that reads image files gives them whole. A mean per pixel
 * must be of the views' size; but whole images that are resized get its mean per channel. The loss is
 * that of the averaged probabilities, or of the softmax of the averaged scores. confusion may be NULL
 * (and capacity 0). */
rn_status rn_model_test(rn_model *model, rn_dataset *dataset, const rn_test_options *options,
                        rn_metrics *metrics, int64_t *confusion, size_t capacity);
/* The averages of the probabilities over the views of each image, or the softmax of the averages of
 * the scores: images->count x classes values. capacity is in elements. */
rn_status rn_model_view_probabilities(rn_model *model, const rn_images *images,
                                      const rn_test_options *options, float *probabilities,
                                      size_t capacity);

/* The standard deviation of the output of every convolution after BN, before the nonlinearity or the
 * addition (the paper's responses, Figure 7), over all images, channels and positions of a dataset, in
 * inference mode. deviations receives *count values, in the order of the layers, projection shortcuts
 * included; it may be NULL to learn *count alone. capacity is in elements. */
rn_status rn_model_responses(rn_model *model, rn_dataset *dataset, double *deviations,
                             size_t capacity, size_t *count);
/* Writes the name of the BN layer of response `index`, such as "layer1.0.bn2", as rn_model_summary
 * does. */
rn_status rn_model_response_layer(rn_model *model, int32_t index, char *text, size_t capacity,
                                  size_t *needed);

/* Replaces BN's running statistics by exact ones, over `images` training images (0: all) in batches
 * of batch_size (0: all images up to 128, or else the largest of the numbers from 64 to 128 that leave
 * the fewest out), in an order that the seed gives: means and unbiased variances over all values that
 * a channel takes, each batch normalised by its own statistics as in training, without augmentation.
 * To be called once after training; it takes the memory of a training step. RN_NOT_FINITE if a
 * statistic is not finite; on any error the model is as it was. */
rn_status rn_model_recompute_statistics(rn_model *model, rn_dataset *dataset, int32_t batch_size,
                                        int64_t images, uint64_t seed);

/* ---- Memory -------------------------------------------------------------------------------- */

/* The memory that a model takes to run or to train, in bytes, with the instruction set in use and
 * the threads and algorithms that are set. Images, labels and scores are the caller's and not counted,
 * nor what a system rounds up. */
typedef struct rn_memory {
  size_t size;        /* sizeof(rn_memory) */
  int64_t parameters; /* the model's tensors, which are there already; 0 to run an opened model */
  int64_t packed_weights; /* the weights once more, as the kernels read them; 0 for training, which
                             packs them layer by layer, in the workspace */
  int64_t gradients;      /* of all trainable tensors; 0 for inference */
  int64_t momentum;       /* a trainer's, there once the trainer is; 0 for inference */
  int64_t workspace;      /* activations, their gradients when training, scratch of each thread */
  int64_t total;          /* the sum */
} rn_memory;
#define RN_MEMORY_INIT \
  { sizeof(rn_memory), 0, 0, 0, 0, 0, 0 }

/* What rn_model_logits takes for `count` images of height x width, and the model keeps for its next
 * call. Nothing is allocated. RN_SHAPE_MISMATCH for images that the network cannot take. */
rn_status rn_model_inference_memory(rn_model *model, int64_t count, int32_t height, int32_t width,
                                    rn_memory *memory);
/* What rn_trainer_step takes for batches of `batch` images of height x width, and the trainer keeps
 * for its next step. Nothing is allocated. RN_SHAPE_MISMATCH or RN_INVALID_ARGUMENT for batches
 * that the network cannot be trained on. */
rn_status rn_model_training_memory(rn_model *model, int64_t batch, int32_t height, int32_t width,
                                   rn_memory *memory);

/* ---- Training ------------------------------------------------------------------------------ */

typedef struct rn_trainer rn_trainer;

/* SGD with momentum in the paper's form: v = momentum*v + rate*(gradient + weight_decay*w), w -= v.
 * Members mean what they say: start from RN_TRAINER_OPTIONS_INIT, the paper's values. */
typedef struct rn_trainer_options {
  size_t size; /* sizeof(rn_trainer_options) */
  float learning_rate;
  float momentum;
  float weight_decay;
  int32_t spare_bn_and_biases; /* non-zero: weight decay on convolution and FC weights only */
} rn_trainer_options;
#define RN_TRAINER_OPTIONS_INIT \
  { sizeof(rn_trainer_options), 0.1f, 0.9f, 1e-4f, 0 }

/* A trainer for a model, with zero momentum. options: NULL for the paper's. */
rn_status rn_trainer_create(rn_model *model, const rn_trainer_options *options,
                            rn_trainer **trainer);
/* Frees a trainer; its model stays. */
rn_status rn_trainer_free(rn_trainer *trainer);
/* The learning rate of the next steps. Finite, not negative. */
rn_status rn_trainer_set_learning_rate(rn_trainer *trainer, float rate);
rn_status rn_trainer_get_learning_rate(rn_trainer *trainer, float *rate);
/* Freezes the layers, blocks and stages of those names, such as "conv1", "bn1" and "layer1", and no
 * others: count 0 trains all again. Frozen tensors are left as they are, without decay, and their
 * momentum rests. Frozen BN takes its running statistics, and keeps them, as PyTorch's does in evaluation
 * mode. What frozen layers alone come before is not computed backward: freezing from the input on saves
 * time and memory. RN_NOT_FOUND for a name that no layer with parameters has or begins with;
 * RN_INVALID_ARGUMENT if nothing would be left to train. */
rn_status rn_trainer_freeze(rn_trainer *trainer, const char *const *names, int32_t count);
/* Writes a checkpoint: the model, the momentum and all else that training needs to go on with the same bits
 * as if it had not been interrupted, on any number of threads. To be called between trainings, after one
 * that a callback or an error ended, or from the progress callback. It is written as by rn_model_save, and is a model
 * file, too. */
rn_status rn_trainer_save(rn_trainer *trainer, const char *path);
/* *model and *trainer: new ones from a checkpoint; free both. If a training was under way when it was
 * written, rn_trainer_fit goes on with it by the option `resume`. As rn_model_load; RN_BAD_FORMAT for a
 * model file that is no checkpoint. */
rn_status rn_trainer_load(const char *path, rn_model **model, rn_trainer **trainer);
/* Steps taken so far. */
rn_status rn_trainer_iterations(rn_trainer *trainer, int64_t *iterations);

/* One SGD step on a batch with its labels (images->count of them). *loss: mean cross-entropy of
 * the batch before the step. RN_NOT_FINITE if a pixel or the loss is not finite,
 * RN_INVALID_ARGUMENT if a label is out of range or the batch is so small that BN would see one
 * value per channel; the model then stays as it was. */
rn_status rn_trainer_step(rn_trainer *trainer, const rn_images *images, const int32_t *labels,
                          double *loss);

typedef struct rn_progress {
  size_t size; /* of this struct in the library; members beyond what you know may follow */
  int32_t epoch, epochs;    /* epoch from 1 */
  int64_t step, steps;      /* within the epoch, from 1 */
  int64_t iteration;        /* steps of the trainer so far */
  double loss;              /* mean over the epoch so far */
  double accuracy;          /* of the training images as they were trained on, epoch so far */
  double images_per_second; /* over the epoch so far */
  float learning_rate;
  int32_t epoch_ended; /* non-zero in the call that ends an epoch: validation is filled in */
  int32_t has_validation;
  double validation_loss, validation_accuracy;
} rn_progress;
/* Called on the thread that called rn_trainer_fit, after every step, and once more at the end of
 * each epoch with epoch_ended set. Return non-zero to stop: rn_trainer_fit then returns
 * RN_CANCELLED with the model as it stands. The callback may save, query or run the model, write a
 * checkpoint, read the datasets, while the library's threads read ahead from them, and set the trainer's learning rate;
 * training with the trainer is RN_BUSY. It must return: neither longjmp nor a C++ exception may leave
 * it. */
typedef int (*rn_progress_callback)(const rn_progress *progress, void *user);

/* Of the training that is under way, was stopped, or is in the trainer's checkpoint: hands the callback, for
 * each epoch that has ended, what that of rn_trainer_fit was handed with epoch_ended set. No call if no
 * training was begun, or it has ended. RN_CANCELLED if the callback returns non-zero. */
rn_status rn_trainer_history(rn_trainer *trainer, rn_progress_callback callback, void *user);

typedef enum rn_normalize {
  RN_NORMALIZE_AUTO = 0,    /* per-pixel mean and unit scale of the training set, unless the model
                            has a normalisation already */
  RN_NORMALIZE_KEEP = 1,    /* the model's own, as it stands */
  RN_NORMALIZE_CHANNELS = 2 /* mean and standard deviation of each channel over the training set,
                               unless the model has a normalisation already */
} rn_normalize;

typedef struct rn_fit_options {
  size_t size; /* sizeof(rn_fit_options) */
  int32_t epochs;
  int32_t batch_size;
  int32_t pad;    /* augmentation: pixels of zero padding a side for a random crop; 0 for none.
                     Datasets of files vary as rn_image_options says, and take neither this nor: */
  int32_t mirror; /* augmentation: non-zero to mirror half of the images */
  rn_normalize normalize;
  const int64_t *milestones; /* steps of this call after which the rate is multiplied by gamma,
                                increasing */
  int32_t milestone_count;
  float gamma;
  uint64_t seed;                 /* of order and augmentation */
  rn_progress_callback progress; /* NULL for none */
  void *user;                    /* handed to the callback */
  /* A rate at first, instead of the trainer's (the paper's ResNet-110: 0.01), until the training error
   * of the last 100 steps is below warm_up_error (0.8). Both 0: no warm-up. */
  float warm_up_rate, warm_up_error;
  /* Epochs in a row whose validation error is not below the lowest so far by plateau_threshold, after
   * which the rate is multiplied by gamma. Both 0: never; else there must be validation data. */
  int32_t plateau_patience;
  float plateau_threshold;
  /* Steps to take in all, instead of `epochs`: as the paper counts. The last epoch may end early, and
   * is evaluated and reported like the others. 0: whole epochs. */
  int64_t iterations;
  /* Threads that read (and decode and augment) images ahead of training: 0 to 256; RN_DEFAULT for as
   * many as compute (rn_set_threads), but none if one does. They have a low priority (nice 10). What is
   * learned is the same with any number; without any, the calling thread reads. */
  int32_t workers;
  int32_t prefetch; /* batches read ahead, 1 to 64; each takes the memory of its float32 images */
  /* Non-zero: goes on with the training that was stopped in this trainer's last call, or in which its
   * checkpoint was written. All that the result depends on must be as it was: only epochs, iterations,
   * workers, prefetch and the callback may be others. RN_INVALID_ARGUMENT, with what differs: an option;
   * what can be told of the datasets at once, which is how many images there are, how training varies
   * them, labels, names of files, and a sample of images in memory; weights, normalisation, class names,
   * frozen layers or a learning rate that were changed meanwhile. A training that has ended cannot be resumed: to train more, fit
   * again, for the epochs beyond it. Momentum goes on; what counts steps, such as milestones, begins
   * anew. */
  int32_t resume;
  /* The batch that the learning rate is meant for: a batch k times as large takes a rate k times as high
   * (Goyal et al. 2017), reached evenly over the first scaling_steps steps. Both 0: the rate is taken as
   * it is. */
  int64_t scaling_steps;
  int32_t scaled_batch;
} rn_fit_options;
/* 1 epoch, batches of 128, no augmentation, gamma 0.1, no warm-up, no scaling, no drops on plateaus, 2
 * batches read ahead. */
#define RN_FIT_OPTIONS_INIT                                                                      \
  {                                                                                              \
    sizeof(rn_fit_options), 1, 128, 0, 0, RN_NORMALIZE_AUTO, NULL, 0, 0.1f, 0, NULL, NULL, 0, 0, \
        0, 0, 0, RN_DEFAULT, 2, 0, 0, 0                                                          \
  }

/* Trains for options->epochs epochs, each a seeded shuffle of the dataset in full batches (images
 * that fill no batch wait for a later shuffle), or for options->iterations steps. validation: NULL,
 * or a dataset to evaluate after each epoch. If the model has no class names it takes the dataset's;
 * labels of both datasets are matched with its names as by rn_model_evaluate.
 * options: NULL for RN_FIT_OPTIONS_INIT. RN_NOT_FINITE if the loss of a step, or of the validation
 * dataset, is not finite. What reading an image gave is returned by the step that needs the image,
 * which is then not taken. */
rn_status rn_trainer_fit(rn_trainer *trainer, rn_dataset *dataset, rn_dataset *validation,
                         const rn_fit_options *options);

/* ---- Many processes ------------------------------------------------------------------------- */

typedef enum rn_sum_type { RN_SUM_FLOAT = 0, RN_SUM_DOUBLE = 1 } rn_sum_type;

/* What the processes of a distributed training, its *ranks*, talk through. libresnet-mpi fills it in from
 * an MPI communicator (resnet_mpi.h); any other library that sums over processes can.
 *
 * All ranks call the same functions in the same order, with as many values. They are called on the thread
 * that calls the trainer, and find its mode of floating-point arithmetic. They return 0, or anything else if
 * they failed: the call of the trainer then returns RN_COMMUNICATION, and nothing but `wait` is called any
 * more. They must return: neither longjmp nor a C++ exception may leave them. */
typedef struct rn_communicator {
  size_t size;   /* sizeof(rn_communicator) */
  int32_t rank;  /* this process's number, from 0 */
  int32_t ranks; /* how many there are, 1 to 2^20 */
  void *user;    /* handed to the functions */
  /* Starts to add up values over all ranks, element by element and in place, without waiting for others.
   * All ranks must receive the same bits. The memory is the communicator's until `wait` returns. *sum is
   * what is then handed to that. */
  int (*start_sum)(void *user, void *values, size_t count, rn_sum_type type, void **sum);
  /* Waits until a sum is there. Called once for every sum that was started, on all ranks in the same order,
   * though perhaps not in that of starting. When it has returned, with whatever status, nothing touches the
   * sum's memory any more. */
  int (*wait)(void *user, void *sum);
  /* Gives all ranks the bytes that `root` has. */
  int (*broadcast)(void *user, void *bytes, size_t count, int32_t root);
  /* Returns when all ranks have called it. */
  int (*barrier)(void *user);
  /* Why the last call failed, valid until the next one. May be NULL. */
  const char *(*error)(void *user);
} rn_communicator;
#define RN_COMMUNICATOR_INIT \
  { sizeof(rn_communicator), 0, 1, NULL, NULL, NULL, NULL, NULL, NULL }

typedef struct rn_distributed_options {
  size_t size; /* sizeof(rn_distributed_options) */
  /* Non-zero: BN takes mean and variance of the batch over all ranks, as one process with the whole batch
   * does. 0: each rank normalises by the statistics of its own share, and running statistics take the mean
   * over the ranks. */
  int32_t synchronize_bn;
  /* Steps after which the ranks compare checksums of weights, statistics and momentum; a difference is
   * RN_COMMUNICATION on all. 0: never. */
  int32_t check_interval;
  /* Gradients are summed in pieces of about so many bytes, at least 1. */
  int64_t bucket_bytes;
} rn_distributed_options;
#define RN_DISTRIBUTED_OPTIONS_INIT \
  { sizeof(rn_distributed_options), 0, 100, 4194304 }

/* Trains from now on together with other processes, each with a trainer of the same network, options and
 * steps taken. All ranks call this, and every further call that trains, in the same order. They take the
 * weights, running statistics and momentum of rank 0. communicator: copied; what its functions need must
 * live as long as the trainer, or until it has another one. NULL: no ranks any more. options: NULL for
 * RN_DISTRIBUTED_OPTIONS_INIT.
 *
 * To rn_trainer_step each rank gives its own share of a batch, all as many images: the step is that
 * of the mean loss over all, which *loss is, too. To rn_trainer_fit all give the same datasets and
 * options. options->batch_size is that of all ranks, of which each reads and trains on its share,
 * which must come out even; each evaluates its share of the validation data; and what is reported is
 * of all. A checkpoint is as good as another rank's, and is resumed on any number of ranks. With
 * synchronised BN any number learns what one does, up to rounding; with BN of each rank's own share
 * another number is another training.
 *
 * Gradients are summed in buckets while the backward pass goes on, each as soon as its layers are
 * done. A rank on which one of these calls fails stops the others at their next step: theirs return
 * RN_CANCELLED if it was cancelled, else RN_COMMUNICATION, and all models are as the last complete
 * step left them. Only a handle that is dead or busy cannot tell them. After a lost connection this
 * must be called anew.
 *
 * RN_COMMUNICATION if the ranks' trainers or options differ; RN_INVALID_ARGUMENT for a rank, a number
 * or a missing function that cannot be. */
rn_status rn_trainer_distribute(rn_trainer *trainer, const rn_communicator *communicator,
                                const rn_distributed_options *options);

/* ---- Recipes ------------------------------------------------------------------------------- */

/* Fills in how the paper trains, by the name of a recipe:
 *   "cifar"            CIFAR-10 (section 4.2): 64,000 steps of 128 images, rate 0.1, divided by 10 after
 *                      32,000 and 48,000, crops and mirror images, 5,000 training images held out
 *   "cifar-resnet110"  the same with rate 0.01 until the training error is below 80%
 *   "imagenet"         ImageNet (section 3.4): up to 600,000 steps of 256 images, rate 0.1, divided by 10
 *                      when the validation error has not fallen by 0.001 in 5 epochs, images varied as
 *                      published
 *   "imagenet-common"  as in later work: 90 epochs of ImageNet, rate divided by 10 every 30, other crops,
 *                      normalised by the mean and deviation of each channel
 * Members that a recipe does not speak of, such as the seed and the callback, get the values of the
 * RN_..._INIT macros, so set them afterwards. images: for training images in files. *validation_images:
 * how many to hold out (rn_dataset_split). Any of the four may be NULL. The milestones are in memory
 * that is never freed. RN_NOT_FOUND, with the names that there are, for another one. */
rn_status rn_recipe_get(const char *name, rn_trainer_options *trainer, rn_fit_options *fit,
                        rn_image_options *images, int64_t *validation_images);
/* Writes what a recipe is in some lines of text, as rn_model_summary does. */
rn_status rn_recipe_describe(const char *name, char *text, size_t capacity, size_t *needed);

#ifdef __cplusplus
}
#endif

#endif
