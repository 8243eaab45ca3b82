"""The host: devices, the training loop, run folders, checkpoints and command lines."""
