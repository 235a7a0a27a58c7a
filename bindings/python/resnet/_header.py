"""How resnet.h looks to ctypes.

Structs and functions stand in the order of the header. A test compiles the header and compares
every size, offset and constant with what is here.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_size_t, c_uint64
from ctypes import c_void_p as handle
from typing import Any, ClassVar

DEFAULT = -1

FAMILIES = {"imagenet": 1, "cifar": 2}
STEMS = {"imagenet": 1, "cifar": 2, "vector": 3, "none": 4}
STEM_POOLS = {"padded": 1, "ceil": 2}
BLOCKS = {"basic": 1, "bottleneck": 2, "layers": 3}
SHORTCUTS = {"A": 1, "B": 2, "C": 3, "none": 4, "gate": 5}
AFFINES = {"bn": 0, "bias": 1, "bias_and_bn": 2}
STRIDES_ON = {"1x1": 1, "3x3": 2}
ZERO_CHANNELS = {"after": 0, "split": 1}
NORMALIZE = {"auto": 0, "keep": 1, "channels": 2}
FILTERS = {"bilinear": 0, "bicubic": 1}
PLANAR, INTERLEAVED = 0, 1
LAYOUTS = {"NCHW": PLANAR, "NHWC": INTERLEAVED}
VIEWS = {"single": 0, "centre": 1, "10-crop": 2, "multi-scale": 3}
AVERAGES = {"probabilities": 1, "scores": 2}
DAMAGE = {"fatal": 0, "skip": 1}
VARIATIONS = {"none": 0, "scaled": 1, "area": 2}
FORMATS = {
    "safetensors": 1,
    "torch": 2,
    "onnx": 3,
    "keras": 4,
    "keras-weights": 5,
    "caffe": 6,
}
PREPROCESSING = {"none": 0, "torch": 1, "caffe": 2}
SUM_TYPES = {"float": 0, "double": 1}
NOTES = {"ignored": 0, "unexpected": 1, "mismatched": 2, "missing": 3}
FLOAT32, UINT8 = 0, 1
LOG_LEVELS = {"warning": 1, "info": 2, "debug": 3}


class Sized(ctypes.Structure):
    """A struct that begins with its own size, which it sets by itself."""

    _fields_: ClassVar[Any] = [("size", c_size_t)]

    def __init__(self, **members: Any) -> None:  # noqa: ANN401 (whatever ctypes converts)
        """Sets the members named, and zeroes the others."""
        super().__init__(size=ctypes.sizeof(type(self)), **members)


class Step(Sized):
    """`rn_step`."""

    _fields_: ClassVar[Any] = [("what", c_char_p), ("done", c_int64), ("total", c_int64)]


StepCallback = ctypes.CFUNCTYPE(c_int, POINTER(Step), ctypes.c_void_p)
LogCallback = ctypes.CFUNCTYPE(None, c_int, c_char_p, ctypes.c_void_p)


class ModelOptions(Sized):
    """`rn_model_options`."""

    _fields_: ClassVar[Any] = [
        ("family", c_int),
        ("stem", c_int),
        ("shortcut", c_int),
        ("stride_on", c_int),
        ("zero_channels", c_int),
        ("classes", c_int32),
        ("input_channels", c_int32),
        ("base_width", c_int32),
        ("seed", c_uint64),
        ("stem_pool", c_int),
    ]


class Stage(ctypes.Structure):
    """`rn_stage`."""

    _fields_: ClassVar[Any] = [
        ("blocks", c_int32),
        ("width", c_int32),
        ("stride", c_int32),
        ("max_pool", c_int32),
    ]


class Layer(ctypes.Structure):
    """`rn_layer`."""

    _fields_: ClassVar[Any] = [("kernel", c_int32), ("width_multiple", c_int32)]


class Description(Sized):
    """`rn_description`."""

    _fields_: ClassVar[Any] = [
        ("name", c_char_p),
        ("stem", c_int),
        ("block", c_int),
        ("shortcut", c_int),
        ("stride_on", c_int),
        ("zero_channels", c_int),
        ("input_channels", c_int32),
        ("stem_width", c_int32),
        ("classes", c_int32),
        ("stage_count", c_int32),
        ("stages", POINTER(Stage)),
        ("seed", c_uint64),
        ("affine", c_int),
        ("maxout", c_int32),
        ("layer_count", c_int32),
        ("stride_layer", c_int32),
        ("layers", POINTER(Layer)),
        ("hidden_count", c_int32),
        ("window", c_int32),
        ("hidden", POINTER(c_int32)),
        ("stem_pool", c_int),
    ]


class ModelInfo(Sized):
    """`rn_model_info`."""

    _fields_: ClassVar[Any] = [
        ("classes", c_int32),
        ("input_channels", c_int32),
        ("input_height", c_int32),
        ("input_width", c_int32),
        ("weighted_layers", c_int32),
        ("tensors", c_int32),
        ("parameters", c_int64),
        ("multiply_adds", c_int64),
        ("layers", c_int32),
    ]


class ImportOptions(Sized):
    """`rn_import_options`."""

    _fields_: ClassVar[Any] = [
        ("partial", c_int32),
        ("preprocessing", c_int),
        ("stride_on", c_int),
        ("zero_channels", c_int32),
        ("plain", c_int32),
        ("stem_pool", c_int),
    ]


class ImportReport(Sized):
    """`rn_import_report`."""

    _fields_: ClassVar[Any] = [("format", c_int), ("imported", c_int32), ("notes", c_int32)]


class ImportNote(Sized):
    """`rn_import_note`."""

    _fields_: ClassVar[Any] = [("kind", c_int), ("name", c_char_p), ("reason", c_char_p)]


class TensorInfo(Sized):
    """`rn_tensor_info`."""

    _fields_: ClassVar[Any] = [
        ("name", c_char_p),
        ("trainable", c_int32),
        ("rank", c_int32),
        ("shape", c_int64 * 4),
        ("count", c_int64),
    ]


class Images(Sized):
    """`rn_images`."""

    _fields_: ClassVar[Any] = [
        ("type", c_int),
        ("pixels", ctypes.c_void_p),
        ("count", c_int64),
        ("channels", c_int32),
        ("height", c_int32),
        ("width", c_int32),
    ]


class FeatureShape(Sized):
    """`rn_feature_shape`."""

    _fields_: ClassVar[Any] = [
        ("rank", c_int32),
        ("channels", c_int32),
        ("height", c_int32),
        ("width", c_int32),
        ("count", c_int64),
    ]


class HDF5Options(Sized):
    """`rn_hdf5_options`."""

    _fields_: ClassVar[Any] = [
        ("images", c_char_p),
        ("labels", c_char_p),
        ("class_names", c_char_p),
        ("layout", c_int),
        ("classes", c_int32),
    ]


class ImageInfo(Sized):
    """`rn_image_info`."""

    _fields_: ClassVar[Any] = [("channels", c_int32), ("height", c_int32), ("width", c_int32)]


class ImageOptions(Sized):
    """`rn_image_options`."""

    _fields_: ClassVar[Any] = [
        ("channels", c_int32),
        ("crop", c_int32),
        ("resize", c_int32),
        ("filter", c_int),
        ("damage", c_int),
        ("pixel_limit", c_int64),
        ("scaled_decoding", c_int32),
        ("variation", c_int),
        ("least_side", c_int32),
        ("most_side", c_int32),
        ("least_area", c_double),
        ("most_area", c_double),
        ("least_aspect", c_double),
        ("most_aspect", c_double),
        ("mirror", c_int32),
        ("colour_deviation", c_double),
        ("eigenvalues", c_double * 3),
        ("eigenvectors", c_double * 9),
    ]


class Calibration(Sized):
    """`rn_calibration`."""

    _fields_: ClassVar[Any] = [
        ("mean", POINTER(c_double)),
        ("standard_deviation", POINTER(c_double)),
        ("channel_capacity", c_size_t),
        ("per_pixel_mean", POINTER(c_float)),
        ("pixel_capacity", c_size_t),
        ("count", c_int64),
        ("has_colour", c_int32),
        ("eigenvalues", c_double * 3),
        ("eigenvectors", c_double * 9),
    ]


class DatasetInfo(Sized):
    """`rn_dataset_info`."""

    _fields_: ClassVar[Any] = [
        ("count", c_int64),
        ("channels", c_int32),
        ("height", c_int32),
        ("width", c_int32),
        ("classes", c_int32),
    ]


class Metrics(Sized):
    """`rn_metrics`."""

    _fields_: ClassVar[Any] = [
        ("loss", c_double),
        ("accuracy", c_double),
        ("top5_accuracy", c_double),
        ("count", c_int64),
    ]


class Memory(Sized):
    """`rn_memory`."""

    _fields_: ClassVar[Any] = [
        ("parameters", c_int64),
        ("packed_weights", c_int64),
        ("gradients", c_int64),
        ("momentum", c_int64),
        ("workspace", c_int64),
        ("total", c_int64),
    ]


class TrainerOptions(Sized):
    """`rn_trainer_options`."""

    _fields_: ClassVar[Any] = [
        ("learning_rate", c_float),
        ("momentum", c_float),
        ("weight_decay", c_float),
        ("spare_bn_and_biases", c_int32),
    ]


class Progress(Sized):
    """`rn_progress`."""

    _fields_: ClassVar[Any] = [
        ("epoch", c_int32),
        ("epochs", c_int32),
        ("step", c_int64),
        ("steps", c_int64),
        ("iteration", c_int64),
        ("loss", c_double),
        ("accuracy", c_double),
        ("images_per_second", c_double),
        ("learning_rate", c_float),
        ("epoch_ended", c_int32),
        ("has_validation", c_int32),
        ("validation_loss", c_double),
        ("validation_accuracy", c_double),
    ]


ProgressCallback = ctypes.CFUNCTYPE(c_int, POINTER(Progress), ctypes.c_void_p)


class FitOptions(Sized):
    """`rn_fit_options`."""

    _fields_: ClassVar[Any] = [
        ("epochs", c_int32),
        ("batch_size", c_int32),
        ("pad", c_int32),
        ("mirror", c_int32),
        ("normalize", c_int),
        ("milestones", POINTER(c_int64)),
        ("milestone_count", c_int32),
        ("gamma", c_float),
        ("seed", c_uint64),
        ("progress", ProgressCallback),
        ("user", ctypes.c_void_p),
        ("warm_up_rate", c_float),
        ("warm_up_error", c_float),
        ("plateau_patience", c_int32),
        ("plateau_threshold", c_float),
        ("iterations", c_int64),
        ("workers", c_int32),
        ("prefetch", c_int32),
        ("resume", c_int32),
        ("scaling_steps", c_int64),
        ("scaled_batch", c_int32),
    ]


StartSumCallback = ctypes.CFUNCTYPE(
    c_int, ctypes.c_void_p, ctypes.c_void_p, c_size_t, c_int, POINTER(ctypes.c_void_p)
)
WaitCallback = ctypes.CFUNCTYPE(c_int, ctypes.c_void_p, ctypes.c_void_p)
BroadcastCallback = ctypes.CFUNCTYPE(c_int, ctypes.c_void_p, ctypes.c_void_p, c_size_t, c_int32)
BarrierCallback = ctypes.CFUNCTYPE(c_int, ctypes.c_void_p)
ErrorCallback = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)


class Communicator(Sized):
    """`rn_communicator`."""

    _fields_: ClassVar[Any] = [
        ("rank", c_int32),
        ("ranks", c_int32),
        ("user", ctypes.c_void_p),
        ("start_sum", StartSumCallback),
        ("wait", WaitCallback),
        ("broadcast", BroadcastCallback),
        ("barrier", BarrierCallback),
        ("error", ErrorCallback),
    ]


class DistributedOptions(Sized):
    """`rn_distributed_options`."""

    _fields_: ClassVar[Any] = [
        ("synchronize_bn", c_int32),
        ("check_interval", c_int32),
        ("bucket_bytes", c_int64),
    ]


class TestOptions(Sized):
    """`rn_test_options`."""

    _fields_: ClassVar[Any] = [
        ("views", c_int),
        ("resize", c_int32),
        ("crop", c_int32),
        ("scales", POINTER(c_int32)),
        ("scale_count", c_int32),
        ("mirror", c_int32),
        ("average", c_int),
        ("filter", c_int),
    ]


_floats = POINTER(c_float)
_bytes = POINTER(ctypes.c_uint8)
_labels = POINTER(c_int32)
_sizes = POINTER(c_size_t)
_new = POINTER(handle)

# Functions that return a string, and those that return a status, which is checked on every call.
TEXT_FUNCTIONS: dict[str, list[Any]] = {
    "rn_status_string": [c_int],
    "rn_last_error": [],
    "rn_version": [],
}
STATUS_FUNCTIONS: dict[str, list[Any]] = {
    "rn_set_threads": [c_int32],
    "rn_get_threads": [POINTER(c_int32)],
    "rn_set_winograd": [c_int32],
    "rn_get_winograd": [POINTER(c_int32)],
    "rn_get_isa": [POINTER(c_char_p)],
    "rn_set_step_callback": [StepCallback, ctypes.c_void_p],
    "rn_set_log": [c_int, LogCallback, ctypes.c_void_p],
    "rn_model_create": [c_char_p, POINTER(ModelOptions), _new],
    "rn_model_create_described": [POINTER(Description), _new],
    "rn_model_replace_classifier": [handle, c_int32, c_uint64, _new],
    "rn_model_free": [handle],
    "rn_model_save": [handle, c_char_p],
    "rn_model_load": [c_char_p, _new],
    "rn_model_open": [c_char_p, _new],
    "rn_model_get_info": [handle, POINTER(ModelInfo)],
    "rn_model_summary": [handle, c_int32, c_int32, c_char_p, c_size_t, _sizes],
    "rn_model_name": [handle, c_char_p, c_size_t, _sizes],
    "rn_model_import": [c_char_p, POINTER(ImportOptions), _new],
    "rn_model_import_bytes": [ctypes.c_void_p, c_size_t, POINTER(ImportOptions), _new],
    "rn_model_import_weights": [handle, c_char_p, c_int32],
    "rn_model_import_weights_bytes": [handle, ctypes.c_void_p, c_size_t, c_int32],
    "rn_model_get_import_report": [handle, POINTER(ImportReport)],
    "rn_model_import_note": [handle, c_int32, POINTER(ImportNote)],
    "rn_model_export": [handle, c_char_p, c_int],
    "rn_model_tensor_info": [handle, c_int32, POINTER(TensorInfo)],
    "rn_model_get_tensor": [handle, c_char_p, _floats, c_size_t],
    "rn_model_set_tensor": [handle, c_char_p, _floats, c_size_t],
    "rn_model_set_normalization": [handle, _floats, c_size_t, c_int32, c_int32, _floats, c_size_t],
    "rn_model_get_normalization": [
        *(handle, _floats, c_size_t, _sizes, POINTER(c_int32), POINTER(c_int32)),
        *(_floats, c_size_t, _sizes),
    ],
    "rn_model_set_class_names": [handle, POINTER(c_char_p), c_int32],
    "rn_model_class_name": [handle, c_int32, c_char_p, c_size_t, _sizes],
    "rn_model_set_metadata": [handle, c_char_p, c_char_p],
    "rn_model_metadata": [handle, c_char_p, c_char_p, c_size_t, _sizes],
    "rn_model_metadata_count": [handle, POINTER(c_int32)],
    "rn_model_metadata_name": [handle, c_int32, c_char_p, c_size_t, _sizes],
    "rn_model_logits": [handle, POINTER(Images), _floats, c_size_t],
    "rn_model_probabilities": [handle, POINTER(Images), _floats, c_size_t],
    "rn_model_predict": [handle, POINTER(Images), _labels, c_size_t],
    "rn_model_layer_name": [handle, c_int32, c_char_p, c_size_t, _sizes],
    "rn_model_feature_shape": [handle, c_char_p, c_int32, c_int32, POINTER(FeatureShape)],
    "rn_model_features": [handle, POINTER(Images), c_char_p, _floats, c_size_t],
    "rn_image_read": [c_char_p, c_int32, c_int64, _new],
    "rn_image_decode": [ctypes.c_void_p, c_size_t, c_int32, c_int64, _new],
    "rn_image_create": [_bytes, c_int32, c_int32, c_int32, _new],
    "rn_image_free": [handle],
    "rn_image_get_info": [handle, POINTER(ImageInfo)],
    "rn_image_resize": [handle, c_int32, c_int32, c_int, _new],
    "rn_resize_planes": [_floats, *(c_int32,) * 5, c_int, _floats, c_size_t],
    "rn_image_crop": [handle, c_int32, c_int32, c_int32, c_int32, _new],
    "rn_image_centre": [handle, c_int32, c_int32, c_int, _new],
    "rn_image_pixels": [handle, c_int, _bytes, c_size_t],
    "rn_dataset_open_cifar10": [c_char_p, c_int32, _new],
    "rn_dataset_open_cifar100": [c_char_p, c_int32, c_int32, _new],
    "rn_dataset_open_idx": [c_char_p, c_char_p, c_int32, _new],
    "rn_dataset_open_hdf5": [c_char_p, POINTER(HDF5Options), _new],
    "rn_dataset_open_folder": [c_char_p, POINTER(ImageOptions), _new],
    "rn_dataset_open_list": [c_char_p, c_int32, POINTER(ImageOptions), _new],
    "rn_dataset_open_files": [
        *(POINTER(c_char_p), _labels, c_int64, c_int32, POINTER(ImageOptions), _new),
    ],
    "rn_dataset_verify": [handle],
    "rn_dataset_damaged_count": [handle, POINTER(c_int64)],
    "rn_dataset_damaged_path": [handle, c_int64, c_char_p, c_size_t, _sizes],
    "rn_dataset_damaged_reason": [handle, c_int64, c_char_p, c_size_t, _sizes],
    "rn_dataset_class_name": [handle, c_int32, c_char_p, c_size_t, _sizes],
    "rn_dataset_calibrate": [handle, c_int64, c_uint64, POINTER(Calibration)],
    "rn_dataset_create": [POINTER(Images), _labels, c_int32, _new],
    "rn_dataset_split": [handle, c_int64, c_uint64, _new, _new],
    "rn_dataset_free": [handle],
    "rn_dataset_get_info": [handle, POINTER(DatasetInfo)],
    "rn_dataset_read_varied": [
        *(handle, c_int64, c_int64, c_uint64, c_int32, _floats, c_size_t, _labels, c_size_t),
    ],
    "rn_dataset_read": [handle, c_int64, c_int64, _floats, c_size_t, _labels, c_size_t],
    "rn_model_evaluate": [handle, handle, POINTER(Metrics)],
    "rn_class_figures": [POINTER(c_int64), c_int32, POINTER(c_double), POINTER(c_double)],
    "rn_model_test": [
        *(handle, handle, POINTER(TestOptions), POINTER(Metrics), POINTER(c_int64), c_size_t),
    ],
    "rn_model_view_probabilities": [
        *(handle, POINTER(Images), POINTER(TestOptions), _floats, c_size_t),
    ],
    "rn_model_responses": [handle, handle, POINTER(c_double), c_size_t, _sizes],
    "rn_model_response_layer": [handle, c_int32, c_char_p, c_size_t, _sizes],
    "rn_model_recompute_statistics": [handle, handle, c_int32, c_int64, c_uint64],
    "rn_model_evaluate_by_class": [handle, handle, POINTER(Metrics), POINTER(c_int64), c_size_t],
    "rn_model_inference_memory": [handle, c_int64, c_int32, c_int32, POINTER(Memory)],
    "rn_model_training_memory": [handle, c_int64, c_int32, c_int32, POINTER(Memory)],
    "rn_trainer_create": [handle, POINTER(TrainerOptions), _new],
    "rn_trainer_free": [handle],
    "rn_trainer_set_learning_rate": [handle, c_float],
    "rn_trainer_get_learning_rate": [handle, POINTER(c_float)],
    "rn_trainer_freeze": [handle, POINTER(c_char_p), c_int32],
    "rn_trainer_save": [handle, c_char_p],
    "rn_trainer_load": [c_char_p, _new, _new],
    "rn_trainer_iterations": [handle, POINTER(c_int64)],
    "rn_trainer_history": [handle, ProgressCallback, ctypes.c_void_p],
    "rn_trainer_step": [handle, POINTER(Images), _labels, POINTER(c_double)],
    "rn_trainer_fit": [handle, handle, handle, POINTER(FitOptions)],
    "rn_trainer_distribute": [handle, POINTER(Communicator), POINTER(DistributedOptions)],
    "rn_recipe_get": [
        c_char_p,
        POINTER(TrainerOptions),
        POINTER(FitOptions),
        POINTER(ImageOptions),
        POINTER(c_int64),
    ],
    "rn_recipe_describe": [c_char_p, c_char_p, c_size_t, _sizes],
}

# Those that call back: between steps, or with something for the log.
# Those that look up names other than files'.
NAME_FUNCTIONS = (
    "rn_model_create",
    "rn_model_get_tensor",
    "rn_model_set_tensor",
    "rn_model_feature_shape",
    "rn_model_features",
    "rn_trainer_freeze",
    "rn_recipe_get",
    "rn_recipe_describe",
)

LONG_FUNCTIONS = (
    "rn_model_logits",
    "rn_model_probabilities",
    "rn_model_predict",
    "rn_model_features",
    "rn_model_view_probabilities",
    "rn_model_responses",
    "rn_model_evaluate",
    "rn_model_evaluate_by_class",
    "rn_model_test",
    "rn_model_recompute_statistics",
    "rn_dataset_calibrate",
    "rn_dataset_verify",
    "rn_trainer_fit",
    "rn_trainer_history",
    "rn_trainer_step",
    "rn_trainer_distribute",
    "rn_model_load",
    "rn_model_open",
    "rn_model_save",
    "rn_set_log",
)
