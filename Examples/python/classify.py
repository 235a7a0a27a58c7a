"""Classifies images: prints the class that a model finds most probable, and how probable it is.

Usage: classify.py model.h5 image.jpg ...

Images are JPEG and PNG files. An ImageNet model sees the middle of each as the paper does (the
shorter side resized to 256, of that 224 x 224), other models see the image as it is.
"""

from __future__ import annotations

import sys

import resnet


def main() -> int:
    """Classifies the images named on the command line."""
    if len(sys.argv) < 3:  # noqa: PLR2004 (a model and an image)
        print("usage: classify.py MODEL.h5 IMAGE.jpg ...", file=sys.stderr)
        return 1
    what = sys.argv[1]
    try:
        model = resnet.open(what)
        names = model.class_names or [str(index) for index in range(model.classes)]
        for what in sys.argv[2:]:
            image = resnet.read_image(what, channels=model.input_channels)
            if model.input_size == (224, 224):
                image = resnet.centre_crop(image, resize=256, crop=224)
            probabilities = model.probabilities(image[None])[0]
            best = int(probabilities.argmax())
            print(f"{what}: {names[best]} {probabilities[best]:.4f}")
    except (resnet.Error, OSError) as error:
        print(f"classify: {what}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
