// Putting together the batch statistics that convolutions leave behind, slot by slot.
#include "ckernels.h"

// Chan, Golub and LeVeque's update: exact for any sizes, and no squares of large means.
void rk_merge_statistics(const float *statistics, int64_t slots, const int64_t *counts,
                         int64_t padded_channels, int64_t channel, double *mean, double *variance) {
  double count = 0, average = 0, deviation = 0;
  for (int64_t slot = 0; slot < slots; slot++) {
    const float *values = statistics + slot * 2 * padded_channels + channel;
    const double more = (double)counts[slot];
    if (more == 0) continue;
    const double total = count + more, delta = values[0] - average;
    average += delta * more / total;
    deviation += values[padded_channels] + delta * delta * count * more / total;
    count = total;
  }
  *mean = average;
  *variance = count > 0 ? deviation / count : 0;
}
