"""From nothing to the scores of one image on ONNX Runtime: the peer of start.c.

Usage: start_onnxruntime.py OPTIMISED.onnx IMAGE.f32 SIZE THREADS

Writes the scores as raw floats to standard output, and to standard error the seconds since the
imports: what a program in C would spend, had it no library to load.
"""

import pathlib
import sys
import time

import numpy as np
import onnxruntime

start = time.perf_counter()
model, path, size, threads = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(threads)
options.inter_op_num_threads = 1
# They have been done, and are in the file.
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
pixels = np.frombuffer(pathlib.Path(path).read_bytes(), np.float32)
image = pixels.reshape(1, 3, int(size), int(size))
scores = np.asarray(session.run(None, {"images": image})[0])
sys.stdout.buffer.write(scores.tobytes())
sys.stdout.buffer.flush()
sys.stderr.write(f"{time.perf_counter() - start}\n")
