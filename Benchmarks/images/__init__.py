"""Image files read for training, by libresnet and by others."""
