"""Residual networks on the CPU: build, train, save and run them with libresnet.

    import resnet

    model = resnet.Model("resnet20", classes=10, seed=0)
    trainer = resnet.Trainer(model, lr=0.1, momentum=0.9, weight_decay=1e-4)
    history = trainer.fit(resnet.CIFAR10("cifar-10-batches-bin"), epochs=3, progress=True)
    model.save("m.h5")
    labels = resnet.load("m.h5").predict(images)

Images are arrays of shape (images, channels, height, width), uint8 or floats, or with
`layout="NHWC"` (images, height, width, channels), or PyTorch's or Pillow's, in whatever unit the
model was trained on: a model carries its own input normalisation. The same inputs, batch, seed and
settings give the same bits, whatever the number of threads.

An object is used by one thread at a time; a second one gets `BusyError`. Python's global lock is
released while the library computes.
"""

from ._errors import (
    BufferTooSmallError,
    BusyError,
    CancelledError,
    CommunicationError,
    Error,
    FormatError,
    InputOutputError,
    InvalidArgumentError,
    InvalidHandleError,
    LibraryError,
    MissingFileError,
    MissingFolderError,
    NotFiniteError,
    NotFoundError,
    OutOfMemoryError,
    PermissionDeniedError,
    ShapeError,
    StateDictError,
    Status,
)
from ._exchange import ImportNote, ImportReport
from ._watching import Progress
from .batches import Batches
from .data import CIFAR10, CIFAR100, IDX, Calibration, DamagedFile, Dataset, HDF5Images
from .image_files import (
    COMMON,
    PUBLISHED,
    Colours,
    ImageFolder,
    ImageList,
    Variation,
)
from .images import centre_crop, read_image, resize
from .machine import (
    get_threads,
    get_winograd,
    instruction_set,
    library_version,
    set_log_level,
    set_threads,
    set_winograd,
)
from .model import Model, import_model, load, open  # noqa: A004
from .recipes import Recipe, recipe
from .results import ClassFigures, Memory, Metrics, Normalization, class_figures
from .trainer import Trainer
from .views import Views

__version__ = "1.0.0"

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "COMMON",
    "IDX",
    "PUBLISHED",
    "Batches",
    "BufferTooSmallError",
    "BusyError",
    "Calibration",
    "CancelledError",
    "ClassFigures",
    "Colours",
    "CommunicationError",
    "DamagedFile",
    "Dataset",
    "Error",
    "FormatError",
    "HDF5Images",
    "ImageFolder",
    "ImageList",
    "ImportNote",
    "ImportReport",
    "InputOutputError",
    "InvalidArgumentError",
    "InvalidHandleError",
    "LibraryError",
    "Memory",
    "Metrics",
    "MissingFileError",
    "MissingFolderError",
    "Model",
    "Normalization",
    "NotFiniteError",
    "NotFoundError",
    "OutOfMemoryError",
    "PermissionDeniedError",
    "Progress",
    "Recipe",
    "ShapeError",
    "StateDictError",
    "Status",
    "Trainer",
    "Variation",
    "Views",
    "centre_crop",
    "class_figures",
    "get_threads",
    "get_winograd",
    "import_model",
    "instruction_set",
    "library_version",
    "load",
    "open",
    "read_image",
    "recipe",
    "resize",
    "set_log_level",
    "set_threads",
    "set_winograd",
]
