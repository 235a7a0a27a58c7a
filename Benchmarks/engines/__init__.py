"""Whole networks on libresnet and on other engines, measured by turns. See Benchmarks/README.md."""
