// The header and its macros in C++.
#include <resnet.h>

#include <type_traits>

static_assert(std::is_standard_layout<rn_fit_options>::value, "a C struct");

int main() {
  float pixels[4] = {0, 1, 2, 3};
  unsigned char bytes[4] = {0, 1, 2, 3};
  long count = 1;
  int side = 2;
  rn_images floats = RN_IMAGES_F32(pixels, count, 1, side, side);
  rn_images u8 = RN_IMAGES_U8(bytes, count, 1, side, side);
  rn_model_options model_options = RN_MODEL_OPTIONS_INIT;
  rn_description description = RN_DESCRIPTION_INIT;
  rn_model_info model_info = RN_MODEL_INFO_INIT;
  rn_tensor_info tensor_info = RN_TENSOR_INFO_INIT;
  rn_dataset_info dataset_info = RN_DATASET_INFO_INIT;
  rn_metrics metrics = RN_METRICS_INIT;
  rn_memory memory = RN_MEMORY_INIT;
  rn_trainer_options trainer_options = RN_TRAINER_OPTIONS_INIT;
  rn_fit_options fit_options = RN_FIT_OPTIONS_INIT;
  bool sizes = floats.size == sizeof floats && u8.size == sizeof u8 &&
               model_options.size == sizeof model_options &&
               description.size == sizeof description && model_info.size == sizeof model_info &&
               tensor_info.size == sizeof tensor_info && dataset_info.size == sizeof dataset_info &&
               metrics.size == sizeof metrics && memory.size == sizeof memory &&
               trainer_options.size == sizeof trainer_options &&
               fit_options.size == sizeof fit_options && fit_options.batch_size == 128 &&
               fit_options.gamma == 0.1f && floats.height == 2;
  return sizes && rn_version()[0] == '1' ? 0 : 1;
}
