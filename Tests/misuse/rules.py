"""What is a good value for each parameter and member of the API, and what is a bad one.

Whatever the header declares must have a rule here, by its own name, by its type and name, or by
its type: the generator stops at what has none. An expectation is one of

    FAIL     any status but RN_OK            PASS     RN_OK
    ARG      RN_INVALID_ARGUMENT             ANY      either
    HANDLE   RN_INVALID_HANDLE               SMALL    RN_BUFFER_TOO_SMALL

What would be a lie about memory, such as a count beyond the end of an array that is read, no
library can notice, and it is not tried.
"""

from __future__ import annotations

from typing import NamedTuple


class Value(NamedTuple):
    """A C expression, what is expected of a call with it, and statements before the call."""

    text: str
    expectation: str
    setup: str = ""


def fail(*texts: str, setup: str = "") -> list[Value]:
    """Those values, with which a call must fail."""
    return [Value(text, "FAIL", setup) for text in texts]


def passes(*texts: str, setup: str = "") -> list[Value]:
    """Those with which it must not."""
    return [Value(text, "PASS", setup) for text in texts]


def either(*texts: str, setup: str = "") -> list[Value]:
    """Those with which it may do either."""
    return [Value(text, "ANY", setup) for text in texts]


NEGATIVE = ("-1", "INT32_MIN")
NOT_POSITIVE = ("0", *NEGATIVE)
NEVER = (*NOT_POSITIVE, "INT32_MAX")
NEGATIVE_64 = ("-1", "INT64_MIN")
NEVER_64 = ("0", *NEGATIVE_64, "INT64_MAX")
ODD = either("-1", "2", "INT32_MIN", "INT32_MAX")
SEEDS = passes("0", "1", "UINT64_MAX")
NOT_FINITE = ("NAN", "INFINITY", "-INFINITY")
RATES = fail(*NOT_FINITE, "-1") + either("0", "1e-44f", "FLT_MAX")
ENUM = ("-1", "1000", "INT32_MIN", "INT32_MAX")

# ---- Good values ---------------------------------------------------------------------------------

# Of a parameter of one function, or of all functions. Pointers to buffers, structs and handles have
# theirs by their types.
GOOD = {
    "allowed": "1",
    "batch": "2",
    "batch_size": "4",
    "bytes": "fixture.file",
    "capacity": "AREA / sizeof(double)",
    "channels": "3",
    "classes": "2",
    "coarse": "0",
    "count": "2",
    "crop": "4",
    "directory": '"cifar10"',
    "epoch": "1",
    "filter": "RN_BILINEAR",
    "first": "1",
    "folder": '"folder"',
    "height": "8",
    "images": "0",
    "index": "0",
    "label_capacity": "AREA / sizeof(double)",
    "layer": '"avgpool"',
    "layout": "RN_PLANAR",
    "left": "1",
    "list": '"list.txt"',
    "mean_capacity": "AREA / sizeof(double)",
    "mean_count": "1",
    "name": '"fc.bias"',
    "names": "fixture.names",
    "new_height": "4",
    "new_width": "6",
    "partial": "0",
    "paths": "fixture.paths",
    "pixel_capacity": "AREA / sizeof(double)",
    "pixel_limit": "0",
    "planes": "1",
    "preset": '"resnet8"',
    "rate": "0.1f",
    "resize": "0",
    "scale_capacity": "AREA / sizeof(double)",
    "scale_count": "1",
    "seed": "3",
    "status": "RN_OK",
    "threads": "1",
    "user": "NULL",
    "top": "1",
    "train": "0",
    "width": "8",
    "rn_dataset_damaged_path.dataset": "fixture.damaged",
    "rn_dataset_damaged_reason.dataset": "fixture.damaged",
    "rn_dataset_open_cifar100.directory": '"cifar100"',
    "rn_dataset_open_hdf5.path": '"data.h5"',
    "rn_dataset_open_idx.images": '"images.idx"',
    "rn_dataset_open_idx.labels": '"labels.idx"',
    "rn_image_crop.height": "4",
    "rn_image_crop.width": "4",
    "rn_image_decode.count": "fixture.file_size",
    "rn_image_read.path": '"image.png"',
    "rn_model_get_tensor.name": '"fc.bias"',
    "rn_model_export.format": "RN_FORMAT_AUTO",
    "rn_model_export.path": '"exported.pth"',
    "rn_model_import_note.model": "fixture.imported",
    "rn_model_import.path": '"weights.safetensors"',
    "rn_model_import_bytes.bytes": "fixture.weights",
    "rn_model_import_bytes.count": "fixture.weights_size",
    "rn_model_import_weights.path": '"weights.safetensors"',
    "rn_model_import_weights_bytes.bytes": "fixture.weights",
    "rn_model_import_weights_bytes.count": "fixture.weights_size",
    "rn_model_load.path": '"model.h5"',
    "rn_model_open.path": '"model.h5"',
    "rn_model_metadata.name": '"author"',
    "rn_model_save.path": '"saved.h5"',
    "rn_model_set_metadata.value": '"MIT"',
    "rn_model_set_normalization.height": "0",
    "rn_model_set_normalization.width": "0",
    "rn_recipe_describe.name": '"cifar"',
    "rn_recipe_get.name": '"imagenet"',
    "rn_set_log.callback": "listen",
    "rn_set_log.level": "RN_LOG_DEBUG",
    "rn_set_step_callback.callback": "step_on",
    "rn_trainer_fit.validation": "fixture.dataset",
    "rn_trainer_history.callback": "stop_soon",
    "rn_trainer_load.path": '"checkpoint.h5"',
    "rn_trainer_save.path": '"saved.h5"',
    "rn_trainer_freeze.count": "1",
    "rn_trainer_freeze.names": "fixture.layers",
}

# How a struct begins, if not with RN_..._INIT, and what is set in it besides.
BEGINNINGS = {
    "rn_images": "RN_IMAGES_F32(area(AREAS - 1), 4, 1, 8, 8)",
    "rn_stage": "{1, 8, 1, 0}",
    "rn_layer": "{3, 1}",
    "rn_progress": "{0}",
    "rn_step": "{0}",
}
MEMBERS = {
    "rn_model_options": {"classes": "2", "input_channels": "1", "base_width": "4"},
    "rn_description": {
        "stem": "RN_STEM_CIFAR",
        "shortcut": "RN_SHORTCUT_B",
        "input_channels": "1",
        "stem_width": "4",
        "classes": "2",
        "stage_count": "1",
        "stages": "&fixture.stage.known",
        "layers": "&fixture.layer.known",
        "hidden": "fixture.numbers",
    },
    "rn_image_options": {"crop": "8", "resize": "10", "least_side": "10", "most_side": "12"},
    "rn_test_options": {
        "views": "RN_VIEWS_MULTI_SCALE",
        "scales": "fixture.numbers",
        "scale_count": "1",
        "crop": "4",
        "resize": "0",
    },
    "rn_fit_options": {
        "batch_size": "4",
        "milestones": "fixture.longs",
        "milestone_count": "1",
        "progress": "stop_soon",
    },
    "rn_communicator": {
        "start_sum": "alone_start",
        "wait": "alone_wait",
        "broadcast": "alone_broadcast",
        "barrier": "alone",
        "error": "no_reason",
    },
    "rn_calibration": {
        "mean": "(double *)area(AREAS - 2)",
        "standard_deviation": "(double *)area(AREAS - 3)",
        "channel_capacity": "1",
        "per_pixel_mean": "(float *)area(AREAS - 4)",
        "pixel_capacity": "64",
    },
}

# Parameters and members that may be null.
OPTIONAL = {
    "rn_class_figures.precision",
    "rn_class_figures.recall",
    "rn_dataset_open_files.options",
    "rn_dataset_open_folder.options",
    "rn_dataset_open_hdf5.options",
    "rn_dataset_open_list.options",
    "rn_dataset_read.labels",
    "rn_dataset_read.pixels",
    "rn_dataset_read_varied.labels",
    "rn_dataset_read_varied.pixels",
    "rn_model_create.options",
    "rn_model_import.options",
    "rn_model_import_bytes.options",
    "rn_model_get_normalization.mean",
    "rn_model_get_normalization.scale",
    "rn_model_responses.deviations",
    "rn_model_set_metadata.value",
    "rn_model_test.confusion",
    "rn_recipe_get.fit",
    "rn_recipe_get.images",
    "rn_recipe_get.trainer",
    "rn_recipe_get.validation_images",
    "rn_trainer_create.options",
    "rn_trainer_distribute.communicator",
    "rn_trainer_distribute.options",
    "rn_trainer_fit.validation",
    "text",
    "needed",
    "rn_set_log.user",
    "rn_set_step_callback.user",
    "rn_trainer_history.user",
    "rn_communicator.user",
    "rn_calibration.mean",
    "rn_calibration.per_pixel_mean",
    "rn_calibration.standard_deviation",
    "rn_description.hidden",
    "rn_description.layers",
    "rn_description.name",
    "rn_hdf5_options.class_names",
    "rn_hdf5_options.images",
    "rn_hdf5_options.labels",
}
# Null is refused or not, as other things are.
NULL_ANY = {"rn_trainer_fit.options", "rn_fit_options.progress", "rn_fit_options.user"}

# ---- Bad values ----------------------------------------------------------------------------------

# Of a parameter of one function, of all functions, or of a member of a struct.
BAD: dict[str, list[Value]] = {
    "allowed": passes("0") + fail("-1", "2", "INT32_MIN", "INT32_MAX"),
    "batch": fail(*NEVER_64),
    "batch_size": fail(*NEVER),
    "channels": fail(*NEVER, "2", "4"),
    "coarse": ODD,
    "crop": fail(*NEVER),
    "epoch": ODD,
    "height": fail(*NEVER),
    "left": fail(*NEGATIVE, "INT32_MAX", "8"),
    "mean_count": fail("0", "2", "SIZE_MAX", "SIZE_MAX / 2"),
    "new_height": fail(*NEVER),
    "new_width": fail(*NEVER),
    "partial": ODD,
    "pixel_limit": fail(*NEGATIVE_64, "INT64_MAX", "1"),
    "planes": fail(*NEVER),
    "rate": RATES,
    "resize": fail(*NEGATIVE, "INT32_MAX"),
    "scale_count": fail("0", "2", "SIZE_MAX", "SIZE_MAX / 2"),
    "seed": SEEDS,
    "status": either(*ENUM),
    "threads": fail(*NEGATIVE) + either("INT32_MAX") + passes("0"),
    "top": fail(*NEGATIVE, "INT32_MAX", "8"),
    "train": ODD,
    "width": fail(*NEVER),
    "int32_t index": fail(*NEGATIVE, "INT32_MAX"),
    "int64_t index": fail(*NEGATIVE_64, "INT64_MAX"),
    "int64_t first": fail(*NEGATIVE_64, "INT64_MAX", "8"),
    "int64_t images": fail(*NEGATIVE_64) + either("INT64_MAX", "1"),
    "rn_class_figures.classes": fail(*NEVER),
    "rn_dataset_create.classes": fail(*NOT_POSITIVE) + passes("INT32_MAX"),
    "rn_dataset_open_files.classes": fail(*NEGATIVE) + passes("0", "INT32_MAX"),
    "rn_dataset_open_files.count": fail(*NEVER_64),
    "rn_dataset_open_idx.classes": fail(*NEGATIVE) + passes("0", "INT32_MAX"),
    "rn_dataset_open_list.classes": fail(*NEGATIVE) + passes("0", "INT32_MAX"),
    "rn_dataset_read.count": fail(*NEGATIVE_64, "INT64_MAX") + passes("0"),
    "rn_dataset_read_varied.count": fail(*NEGATIVE_64, "INT64_MAX") + passes("0"),
    "rn_dataset_split.count": fail(*NEVER_64, "8"),
    "rn_image_create.height": fail(*NOT_POSITIVE),
    "rn_image_create.width": fail(*NOT_POSITIVE),
    "rn_image_decode.count": fail("0", "1", "30", "SIZE_MAX"),
    "rn_model_feature_shape.height": fail(*NEVER),
    "rn_model_import_bytes.count": fail("0", "1", "100"),
    "rn_model_import_weights_bytes.count": fail("0", "1", "100"),
    "rn_model_inference_memory.count": fail(*NEVER_64),
    "rn_model_recompute_statistics.batch_size": fail(*NEGATIVE, "INT32_MAX") + passes("0"),
    "rn_model_replace_classifier.classes": fail(*NEVER),
    "rn_model_set_class_names.count": fail(*NEGATIVE, "1", "3", "INT32_MAX") + passes("0"),
    "rn_model_set_normalization.height": fail(*NEGATIVE, "8", "INT32_MAX"),
    "rn_model_set_normalization.width": fail(*NEGATIVE, "8", "INT32_MAX"),
    "rn_model_set_tensor.count": fail("0", "1", "3", "SIZE_MAX", "SIZE_MAX / 4", "SIZE_MAX / 2"),
    "rn_resize_planes.height": fail(*NOT_POSITIVE),
    "rn_resize_planes.width": fail(*NOT_POSITIVE),
    "rn_set_log.callback": passes("NULL", "listen_and_stop"),
    "rn_set_log.user": passes("(void *)1", "unreadable()"),
    "rn_set_step_callback.callback": passes("NULL", "step_minimum", "step_meddle", "step_free_all"),
    "rn_set_step_callback.user": passes("(void *)1", "unreadable()"),
    "rn_trainer_freeze.count": fail(*NEGATIVE) + passes("0"),
    "rn_trainer_history.callback": either(
        "answer_minimum", "answer_minus_one", "meddle", "free_all"
    ),
    "rn_trainer_history.user": passes("(void *)1", "unreadable()"),
    # Members
    "rn_import_options.partial": ODD,
    "rn_import_options.plain": ODD,
    "rn_import_options.zero_channels": fail("-2", "2", "INT32_MIN", "INT32_MAX"),
    "rn_model_options.classes": fail("0", "-2", "INT32_MIN", "INT32_MAX"),
    "rn_model_options.input_channels": fail("0", "-2", "INT32_MIN", "INT32_MAX"),
    "rn_model_options.base_width": fail("0", "-2", "INT32_MIN", "INT32_MAX"),
    "rn_description.input_channels": fail(*NEVER),
    "rn_description.stem_width": fail(*NEVER),
    "rn_description.classes": fail(*NEVER),
    "rn_description.stage_count": fail(*NOT_POSITIVE),
    "rn_description.maxout": fail(*NEGATIVE, "1", "9", "INT32_MAX"),
    "rn_description.layer_count": fail(*NEGATIVE, "1"),
    "rn_description.stride_layer": fail(
        *NEGATIVE,
        "1",
        "INT32_MAX",
        setup="fixture.description.known.block = RN_BLOCK_LAYERS; "
        "fixture.description.known.layer_count = 1;",
    ),
    "rn_description.hidden_count": fail(*NEGATIVE),
    "rn_description.layers": [
        Value(
            "(const rn_layer *)((char *)area(0) + 1)",
            "ARG",
            "fixture.description.known.block = RN_BLOCK_LAYERS; "
            "fixture.description.known.layer_count = 1;",
        )
    ],
    "rn_description.hidden": [
        Value(
            "(const int32_t *)((char *)area(0) + 1)",
            "ARG",
            "fixture.description.known.hidden_count = 1;",
        )
    ],
    "rn_description.window": fail(*NEGATIVE, "33", "INT32_MAX"),
    "rn_stage.blocks": fail(*NEVER),
    "rn_stage.width": fail(*NEVER),
    "rn_stage.stride": fail(*NEVER, "3"),
    "rn_stage.max_pool": fail(*NEGATIVE, "1", "INT32_MAX"),
    "rn_layer.kernel": fail(*NEVER, "2", "9"),
    "rn_layer.width_multiple": fail(*NEVER, "9"),
    "rn_images.count": fail(*NEVER_64),
    "rn_images.channels": fail(*NOT_POSITIVE),
    "rn_images.height": fail(*NOT_POSITIVE),
    "rn_images.width": fail(*NOT_POSITIVE),
    "rn_hdf5_options.classes": fail(*NEGATIVE, "1") + passes("INT32_MAX"),
    "rn_image_options.channels": fail(*NEVER, "2"),
    "rn_image_options.crop": fail(*NEVER),
    "rn_image_options.resize": fail(*NEGATIVE, "1", "INT32_MAX"),
    "rn_image_options.pixel_limit": fail(*NEGATIVE_64, "INT64_MAX") + passes("1"),
    "rn_image_options.scaled_decoding": ODD,
    "rn_image_options.mirror": ODD,
    "rn_test_options.resize": fail(
        *NEGATIVE, "INT32_MAX", "1", setup="fixture.test_options.known.views = RN_VIEWS_CENTRE;"
    ),
    "rn_test_options.crop": fail(
        *NEVER, setup="fixture.test_options.known.views = RN_VIEWS_10_CROP;"
    ),
    "rn_test_options.scale_count": fail(*NEGATIVE),
    "rn_test_options.mirror": ODD,
    "rn_trainer_options.learning_rate": RATES,
    "rn_trainer_options.momentum": fail(*NOT_FINITE, "-1") + either("0", "1e-44f", "2"),
    "rn_trainer_options.weight_decay": fail(*NOT_FINITE, "-1") + either("0", "1e-44f", "FLT_MAX"),
    "rn_trainer_options.spare_bn_and_biases": ODD,
    "rn_communicator.rank": fail("1", *NEGATIVE, "INT32_MAX"),
    "rn_communicator.ranks": fail("2", *NEVER),
    "rn_communicator.user": passes("(void *)1", "unreadable()"),
    "rn_communicator.start_sum": fail("NULL"),
    "rn_communicator.wait": fail("NULL"),
    "rn_communicator.broadcast": fail("NULL"),
    "rn_communicator.barrier": fail("NULL", "minimum") + either("free_among_ranks"),
    "rn_communicator.error": passes("NULL"),
    "rn_distributed_options.synchronize_bn": ODD,
    "rn_distributed_options.check_interval": fail(*NEGATIVE) + passes("0", "INT32_MAX"),
    "rn_distributed_options.bucket_bytes": fail("0", *NEGATIVE_64) + passes("1", "INT64_MAX"),
    "rn_fit_options.epochs": fail(*NEVER),
    "rn_fit_options.batch_size": fail(*NEVER, "9"),
    "rn_fit_options.pad": fail(*NEGATIVE, "INT32_MAX"),
    "rn_fit_options.mirror": ODD,
    "rn_fit_options.milestone_count": fail(*NEGATIVE),
    "rn_fit_options.gamma": fail(*NOT_FINITE, "-1") + either("0", "1e-44f", "FLT_MAX"),
    "rn_fit_options.warm_up_rate": fail(
        *NOT_FINITE, "-1", setup="fixture.fit_options.known.warm_up_error = 0.8f;"
    ),
    "rn_fit_options.warm_up_error": fail(
        *NOT_FINITE, "-1", setup="fixture.fit_options.known.warm_up_rate = 0.1f;"
    ),
    "rn_fit_options.scaled_batch": fail(*NEGATIVE) + either("1", "INT32_MAX"),
    "rn_fit_options.scaling_steps": fail(*NEGATIVE_64)
    + fail("1")
    + either("INT64_MAX", setup="fixture.fit_options.known.scaled_batch = 8;"),
    "rn_fit_options.plateau_patience": fail(*NEGATIVE) + either("INT32_MAX"),
    "rn_fit_options.plateau_threshold": fail(*NOT_FINITE) + either("-1", "1e-44f"),
    "rn_fit_options.iterations": fail(*NEGATIVE_64, "INT64_MAX"),
    "rn_fit_options.workers": fail("-2", "INT32_MIN", "257", "INT32_MAX"),
    "rn_fit_options.prefetch": fail(*NEVER, "65"),
    "rn_fit_options.resume": either("1", "-1", "INT32_MIN", "INT32_MAX"),
    "rn_fit_options.user": either("(void *)1", "unreadable()"),
    "rn_fit_options.progress": either("answer_minimum", "answer_minus_one", "meddle", "free_all"),
    "rn_calibration.channel_capacity": fail("0"),
    "rn_calibration.pixel_capacity": fail("0", "63"),
    "rn_calibration.count": passes("-1", "INT64_MIN"),
    "rn_calibration.has_colour": passes("-1"),
} | {
    f"rn_image_options.{bound}": values
    for bound, values in {
        "least_side": fail(
            *NEVER, setup="fixture.image_options.known.variation = RN_VARIATION_SCALED;"
        ),
        "most_side": fail(
            *NEVER, setup="fixture.image_options.known.variation = RN_VARIATION_SCALED;"
        ),
        **{
            name: fail(
                *NOT_FINITE,
                "-1",
                "0",
                setup="fixture.image_options.known.variation = RN_VARIATION_AREA;",
            )
            for name in ("least_area", "most_area", "least_aspect", "most_aspect")
        },
        "colour_deviation": fail(
            *NOT_FINITE, setup="fixture.image_options.known.variation = RN_VARIATION_AREA;"
        )
        + either("-1", "1e-320", "DBL_MAX"),
        "eigenvalues": [],
        "eigenvectors": [],
    }.items()
}
# Arrays in structs, one of whose elements is set.
COLOURS = (
    "fixture.image_options.known.variation = RN_VARIATION_AREA; "
    "fixture.image_options.known.colour_deviation = 0.1;"
)
ELEMENTS = {
    "rn_image_options.eigenvalues": fail(*NOT_FINITE, setup=COLOURS)
    + either("-1", "DBL_MAX", setup=COLOURS),
    "rn_image_options.eigenvectors": fail(*NOT_FINITE, setup=COLOURS)
    + either("DBL_MAX", setup=COLOURS),
    "rn_calibration.eigenvalues": passes("NAN"),
    "rn_calibration.eigenvectors": passes("NAN"),
}
# What arrays that are pointed to may hold: statements, and what is expected.
CONTENTS = {
    "rn_description.hidden": [
        Value(f"fixture.description.known.hidden_count = 1; fixture.numbers[0] = {value};", "FAIL")
        for value in NEVER
    ],
    "rn_test_options.scales": [Value(f"fixture.numbers[0] = {value};", "FAIL") for value in NEVER],
    "rn_fit_options.milestones": [
        Value(f"fixture.longs[0] = {value};", "FAIL") for value in NEGATIVE_64
    ],
    "rn_model_set_class_names.names": [
        Value("fixture.names[1] = NULL;", "ARG"),
        Value("fixture.names[1] = NOT_UTF8;", "ARG"),
        Value("fixture.names[0] = megabyte();", "ANY"),
    ],
    "rn_trainer_freeze.names": [
        Value(f"fixture.layers[0] = {value};", "FAIL")
        for value in ("NULL", "NOT_UTF8", '""', "megabyte()")
    ],
    "rn_dataset_open_files.paths": [
        Value(f"fixture.paths[0] = {value};", "ARG") for value in ("NULL", "NOT_UTF8")
    ]
    + [Value(f"fixture.paths[0] = {value};", "ANY") for value in ('""', "megabyte()", "CONTROL")],
    "rn_dataset_open_files.labels": [
        Value(f"((int32_t *)$)[1] = {value};", "FAIL") for value in (*NEGATIVE, "2")
    ],
    "rn_dataset_create.labels": [
        Value(f"((int32_t *)$)[1] = {value};", "FAIL") for value in (*NEGATIVE, "2")
    ],
    "rn_trainer_step.labels": [
        Value(f"((int32_t *)$)[1] = {value};", "FAIL") for value in (*NEGATIVE, "2")
    ],
    "rn_model_set_tensor.values": [
        Value(f"((float *)$)[1] = {value};", "FAIL") for value in NOT_FINITE
    ],
    "rn_model_set_normalization.mean": [
        Value(f"((float *)$)[0] = {value};", "FAIL") for value in NOT_FINITE
    ],
    "rn_model_set_normalization.scale": [
        Value(f"((float *)$)[0] = {value};", "FAIL") for value in NOT_FINITE
    ],
    "rn_class_figures.confusion": [
        Value(f"((int64_t *)$)[1] = {value};", "FAIL") for value in NEGATIVE_64
    ]
    + [Value("((int64_t *)$)[0] = ((int64_t *)$)[1] = INT64_MAX;", "ANY")],
    "rn_images.pixels": [
        Value(f"((float *)area(AREAS - 1))[9] = {value};", "FAIL") for value in NOT_FINITE
    ]
    + [
        Value(f"((float *)area(AREAS - 1))[9] = {value};", "ANY") for value in ("1e-44f", "FLT_MAX")
    ],
}

# Strings that name nothing. That a file has a strange name is no mistake when it is made; nor is it
# one of metadata.
STRINGS = fail('""', "NOT_UTF8", "megabyte()", "CONTROL")
STRING_EXCEPTIONS = {
    "rn_model_set_metadata.name": fail('""', "NOT_UTF8", "megabyte()") + either("CONTROL"),
    "rn_model_set_metadata.value": passes('""')
    + fail("NOT_UTF8", "megabyte()")
    + either("CONTROL"),
    "rn_model_save.path": fail('""', "NOT_UTF8", "megabyte()") + either('"saved" CONTROL'),
    "rn_trainer_save.path": fail('""', "NOT_UTF8", "megabyte()") + either('"saved" CONTROL'),
    "rn_hdf5_options.class_names": fail("NOT_UTF8") + either('""', "megabyte()", "CONTROL"),
}

# Pointers to arrays that are read.
INPUTS = {
    "const float *",
    "const int32_t *",
    "const int64_t *",
    "const uint8_t *",
    "const void *",
}
# Pointers to values that are written.
OUTPUTS = {
    "float *",
    "double *",
    "int32_t *",
    "int64_t *",
    "size_t *",
    "uint8_t *",
    "char *",
    "const char **",
}
BYTES = {"const uint8_t *", "const void *", "uint8_t *", "char *"}
