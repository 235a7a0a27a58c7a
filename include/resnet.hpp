// resnet.hpp - the C API of resnet.h for C++17 and later: handles that free themselves, statuses that
// are exceptions, and spans instead of pointers with capacities. Header only; link with libresnet.
//
//   auto model = resnet::model::open("resnet50.h5");
//   auto view = resnet::image::read("cat.jpg").centre(256, 224);
//   auto pixels = view.pixels();
//   auto scores = model.probabilities(resnet::images(pixels, 1, 3, 224, 224));
//
// Every function of resnet.h is here under its name without the prefix, and what is said there holds:
// shapes, layout, units, threads. Option structs are those of resnet.h, with their defaults filled in:
//
//   resnet::fit_options options;
//   options.epochs = 20;
//   resnet::trainer(model).fit(dataset, nullptr, options);
//
// Whatever fails throws resnet::error, and std::bad_alloc if a vector cannot be had. Objects are moved,
// not copied. One that was moved from holds no handle, and using it throws. So does a string with a zero byte
// in it, which the C library would take for the end.
#ifndef RESNET_HPP
#define RESNET_HPP

#include <resnet.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace resnet {

// ---- Errors ---------------------------------------------------------------------------------------

// What a function of the library reported: what() tells what was given, what was expected and what to
// do.
class error : public std::runtime_error {
 public:
  error(rn_status status, const std::string &message)
      : std::runtime_error(message), status_(status) {}
  rn_status status() const noexcept { return status_; }

 private:
  rn_status status_;
};

namespace detail {
// A callback that watches this thread's long calls, and what it threw: no exception may pass through the
// library.
struct watch {
  std::function<bool(const rn_step &)> callback;
  std::exception_ptr thrown;
  watch *outer;
};
inline thread_local watch *watching = nullptr;

// Runs a callback: non-zero if it says so, or throws.
template <class Callback>
int contained(std::exception_ptr &thrown, Callback callback) noexcept {
  try {
    return callback() ? 1 : 0;
  } catch (...) {
    thrown = std::current_exception();
    return 1;
  }
}
}  // namespace detail

// Throws unless the status, of a call that this thread has just made, is RN_OK: resnet::error, or what
// the step_watcher threw that stopped the call.
inline void check(rn_status status) {
  if (status == RN_OK) return;
  if (status == RN_CANCELLED && detail::watching && detail::watching->thrown)
    std::rethrow_exception(std::exchange(detail::watching->thrown, nullptr));
  const std::string message = rn_last_error();
  throw error(status, message.empty() ? rn_status_string(status) : message);
}

// ---- Spans ----------------------------------------------------------------------------------------

// Values that lie one after the other and belong to somebody else, who keeps them for as long: std::span's
// subset for C++17. Any container with data() and size() converts to it, std::span included; a temporary one
// only to a span of constants, for the expression that it is in.
template <class T>
class span {
 public:
  constexpr span() noexcept : data_(nullptr), size_(0) {}
  constexpr span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
  template <std::size_t N>
  constexpr span(T (&array)[N]) noexcept : data_(array), size_(N) {}
  template <class Container, class Values = decltype(std::declval<Container &>().data()),
            class Constants = decltype(std::declval<const std::decay_t<Container> &>().data()),
            class = std::enable_if_t<
                std::is_convertible<std::remove_pointer_t<Values> (*)[], T (*)[]>::value &&
                // Views, whose values do not end with them, give constants the same ones.
                (std::is_const<T>::value || std::is_lvalue_reference<Container>::value ||
                 std::is_same<Values, Constants>::value)>>
  constexpr span(Container &&container) noexcept
      : data_(container.data()), size_(container.size()) {}

  constexpr T *data() const noexcept { return data_; }
  constexpr std::size_t size() const noexcept { return size_; }
  constexpr bool empty() const noexcept { return size_ == 0; }
  constexpr T *begin() const noexcept { return data_; }
  constexpr T *end() const noexcept { return data_ + size_; }
  constexpr T &operator[](std::size_t index) const noexcept { return data_[index]; }

 private:
  T *data_;
  std::size_t size_;
};

// ---- Options, with the defaults of resnet.h -------------------------------------------------------

struct model_options : rn_model_options {
  model_options() : rn_model_options RN_MODEL_OPTIONS_INIT {}
};
struct description : rn_description {
  description() : rn_description RN_DESCRIPTION_INIT {}
};
struct import_options : rn_import_options {
  import_options() : rn_import_options RN_IMPORT_OPTIONS_INIT {}
};
struct hdf5_options : rn_hdf5_options {
  hdf5_options() : rn_hdf5_options RN_HDF5_OPTIONS_INIT {}
};
struct image_options : rn_image_options {
  image_options() : rn_image_options RN_IMAGE_OPTIONS_INIT {}
  image_options(const rn_image_options &options) : rn_image_options(options) {}
  // RN_IMAGE_OPTIONS_PUBLISHED and RN_IMAGE_OPTIONS_COMMON.
  static image_options published() {
    return image_options(rn_image_options RN_IMAGE_OPTIONS_PUBLISHED);
  }
  static image_options common() { return image_options(rn_image_options RN_IMAGE_OPTIONS_COMMON); }
};
struct test_options : rn_test_options {
  test_options() : rn_test_options RN_TEST_OPTIONS_INIT {}
};
struct trainer_options : rn_trainer_options {
  trainer_options() : rn_trainer_options RN_TRAINER_OPTIONS_INIT {}
};
struct fit_options : rn_fit_options {
  fit_options() : rn_fit_options RN_FIT_OPTIONS_INIT {}
};
struct communicator : rn_communicator {
  communicator() : rn_communicator RN_COMMUNICATOR_INIT {}
};
struct distributed_options : rn_distributed_options {
  distributed_options() : rn_distributed_options RN_DISTRIBUTED_OPTIONS_INIT {}
};

// ---- What both sides of the C API need ------------------------------------------------------------

namespace detail {

// The count of elements as the C API counts them.
template <class Count>
inline Count narrow(std::size_t count, const char *what) {
  if (count > static_cast<std::size_t>(std::numeric_limits<Count>::max()))
    throw error(RN_INVALID_ARGUMENT, std::string(what) + " are more than the library counts");
  return static_cast<Count>(count);
}

// height x width x ... elements, of sizes that the library has already accepted or will refuse.
template <class... Sizes>
inline std::size_t product(Sizes... sizes) {
  std::size_t total = 1;
  for (const std::int64_t size : {static_cast<std::int64_t>(sizes)...}) {
    if (size < 0) throw error(RN_INVALID_ARGUMENT, "a size is " + std::to_string(size));
    const auto factor = static_cast<std::size_t>(size);
    if (factor != 0 && total > std::numeric_limits<std::size_t>::max() / factor)
      throw error(RN_INVALID_ARGUMENT, "sizes whose product has more than 64 bits");
    total *= factor;
  }
  return total;
}

// The string that a function writes as rn_model_summary does.
template <class Write>
std::string text(Write write) {
  std::size_t needed = 0;
  check(write(nullptr, 0, &needed));
  std::string result(needed, '\0');
  check(write(&result[0], needed, &needed));
  result.resize(needed - 1);
  return result;
}

// The characters of a string for the C library, which would take a zero byte for its end.
inline const char *terminated(const std::string &string) {
  const auto zero = string.find('\0');
  if (zero != std::string::npos)
    throw error(RN_INVALID_ARGUMENT,
                "\"" + string.substr(0, zero) + "\" is followed by a zero byte, at " +
                    std::to_string(zero) + " of " + std::to_string(string.size()) +
                    "; expected a string without one");
  return string.c_str();
}

inline std::vector<const char *> pointers(const std::vector<std::string> &strings) {
  std::vector<const char *> result;
  result.reserve(strings.size());
  for (const std::string &string : strings) result.push_back(terminated(string));
  return result;
}

inline void check_labels(const rn_images &images, span<const std::int32_t> labels) {
  if (images.count < 0 || labels.size() != static_cast<std::size_t>(images.count))
    throw error(RN_SHAPE_MISMATCH, std::to_string(labels.size()) + " labels were given for " +
                                       std::to_string(images.count) + " images");
}

// Owns a handle.
template <class Handle, rn_status (*free)(Handle *)>
class owner {
 public:
  explicit owner(Handle *handle) noexcept : handle_(handle) {}
  owner(owner &&other) noexcept : handle_(other.release()) {}
  owner &operator=(owner &&other) noexcept {
    if (this == &other) return *this;
    owner old(std::move(*this));
    handle_ = other.release();
    return *this;
  }
  ~owner() {
    // Only a handle that another thread is using cannot be freed: then it is kept, as in C.
    static_cast<void>(free(handle_));
  }

  // The handle, for functions of resnet.h; it stays this object's.
  Handle *get() const noexcept { return handle_; }
  // The handle, which is the caller's from now on.
  Handle *release() noexcept { return std::exchange(handle_, nullptr); }

 private:
  Handle *handle_;
};

// The handle that a function makes.
template <class Handle, class Make>
Handle *make(Make function) {
  Handle *handle = nullptr;
  check(function(&handle));
  return handle;
}

}  // namespace detail

// ---- The library and the machine ------------------------------------------------------------------

inline const char *version() noexcept { return rn_version(); }

inline void set_threads(std::int32_t threads) { check(rn_set_threads(threads)); }
inline std::int32_t get_threads() {
  std::int32_t threads = 0;
  check(rn_get_threads(&threads));
  return threads;
}

inline void set_winograd(bool allowed) { check(rn_set_winograd(allowed)); }
inline bool get_winograd() {
  std::int32_t allowed = 0;
  check(rn_get_winograd(&allowed));
  return allowed != 0;
}

inline const char *get_isa() {
  const char *isa = nullptr;
  check(rn_get_isa(&isa));
  return isa;
}

// While it lives, this is called between the steps of this thread's long calls (null: nothing is); true
// stops them, and they throw RN_CANCELLED. What it throws leaves them. It lives in a block, and an inner one takes an outer
// one's place for as long.
class step_watcher {
 public:
  using callback = std::function<bool(const rn_step &)>;

  explicit step_watcher(callback watch) : watch_{std::move(watch), nullptr, detail::watching} {
    check(rn_set_step_callback(watch_.callback ? call : nullptr, &watch_));
    detail::watching = &watch_;
  }
  step_watcher(const step_watcher &) = delete;
  step_watcher &operator=(const step_watcher &) = delete;
  static void *operator new(std::size_t) = delete;
  static void *operator new[](std::size_t) = delete;
  ~step_watcher() {
    detail::watching = watch_.outer;
    const bool watches = watch_.outer && watch_.outer->callback;
    static_cast<void>(rn_set_step_callback(watches ? call : nullptr, watch_.outer));
  }

 private:
  static int call(const rn_step *step, void *user) {
    auto *watch = static_cast<detail::watch *>(user);
    watch->thrown = nullptr;  // of a call that was made without this header
    return detail::contained(watch->thrown, [&] { return watch->callback(*step); });
  }

  detail::watch watch_;
};

// Null for no log. What the callback throws is dropped. It is kept until another one is set, also while
// the process ends.
using log_callback = std::function<void(rn_log_level, const char *)>;
inline void set_log(rn_log_level level, log_callback callback) {
  static std::mutex mutex;
  static log_callback *current = nullptr;
  const std::lock_guard<std::mutex> lock(mutex);
  check(rn_set_log(level, nullptr, nullptr));  // and from here on the old one is not in use
  delete std::exchange(current, nullptr);
  if (!callback) return;
  current = new log_callback(std::move(callback));
  check(rn_set_log(
      level,
      [](rn_log_level at, const char *message, void *user) {
        try {
          (*static_cast<log_callback *>(user))(at, message);
        } catch (...) {
        }
      },
      current));
}

// ---- Images ---------------------------------------------------------------------------------------

// A batch of images that belongs to somebody else: count x channels x height x width pixels.
struct images : rn_images {
  // From n x c x h x w values.
  images(span<const float> values, std::int64_t n, std::int32_t c, std::int32_t h, std::int32_t w)
      : images(RN_FLOAT32, values.data(), values.size(), n, c, h, w) {}
  images(span<const std::uint8_t> values, std::int64_t n, std::int32_t c, std::int32_t h,
         std::int32_t w)
      : images(RN_UINT8, values.data(), values.size(), n, c, h, w) {}

 private:
  images(rn_pixel_type pixel_type, const void *values, std::size_t have, std::int64_t n,
         std::int32_t c, std::int32_t h, std::int32_t w)
      : rn_images{sizeof(rn_images), pixel_type, values, n, c, h, w} {
    const std::size_t expected = detail::product(n, c, h, w);
    if (have != expected)
      throw error(RN_SHAPE_MISMATCH, std::to_string(have) + " pixels were given for " +
                                         std::to_string(n) + " x " + std::to_string(c) + " x " +
                                         std::to_string(h) + " x " + std::to_string(w) +
                                         " images, which have " + std::to_string(expected));
  }
};

// What a file of an image is read into.
class image : public detail::owner<rn_image, rn_image_free> {
 public:
  using owner::owner;

  static image read(const std::string &path, std::int32_t channels = 3,
                    std::int64_t pixel_limit = 0) {
    return image(detail::make<rn_image>([&](rn_image **made) {
      return rn_image_read(detail::terminated(path), channels, pixel_limit, made);
    }));
  }
  static image decode(span<const std::uint8_t> bytes, std::int32_t channels = 3,
                      std::int64_t pixel_limit = 0) {
    return image(detail::make<rn_image>([&](rn_image **made) {
      return rn_image_decode(bytes.data(), bytes.size(), channels, pixel_limit, made);
    }));
  }
  // From height x width x channels interleaved pixels.
  static image create(span<const std::uint8_t> pixels, std::int32_t height, std::int32_t width,
                      std::int32_t channels) {
    if (pixels.size() != detail::product(height, width, channels))
      throw error(RN_SHAPE_MISMATCH, std::to_string(pixels.size()) + " bytes were given for " +
                                         std::to_string(height) + " x " + std::to_string(width) +
                                         " x " + std::to_string(channels) + " pixels");
    return image(detail::make<rn_image>([&](rn_image **made) {
      return rn_image_create(pixels.data(), height, width, channels, made);
    }));
  }

  rn_image_info get_info() const {
    rn_image_info info = RN_IMAGE_INFO_INIT;
    check(rn_image_get_info(get(), &info));
    return info;
  }
  image resize(std::int32_t height, std::int32_t width, rn_filter filter = RN_BILINEAR) const {
    return image(detail::make<rn_image>(
        [&](rn_image **made) { return rn_image_resize(get(), height, width, filter, made); }));
  }
  image crop(std::int32_t top, std::int32_t left, std::int32_t height, std::int32_t width) const {
    return image(detail::make<rn_image>(
        [&](rn_image **made) { return rn_image_crop(get(), top, left, height, width, made); }));
  }
  image centre(std::int32_t resize = 256, std::int32_t crop = 224,
               rn_filter filter = RN_BILINEAR) const {
    return image(detail::make<rn_image>(
        [&](rn_image **made) { return rn_image_centre(get(), resize, crop, filter, made); }));
  }
  std::vector<std::uint8_t> pixels(rn_layout layout = RN_PLANAR) const {
    const rn_image_info info = get_info();
    std::vector<std::uint8_t> result(detail::product(info.channels, info.height, info.width));
    check(rn_image_pixels(get(), layout, result.data(), result.size()));
    return result;
  }
};

inline std::vector<float> resize_planes(span<const float> pixels, std::int32_t planes,
                                        std::int32_t height, std::int32_t width,
                                        std::int32_t new_height, std::int32_t new_width,
                                        rn_filter filter = RN_BILINEAR) {
  if (pixels.size() != detail::product(planes, height, width))
    throw error(RN_SHAPE_MISMATCH, std::to_string(pixels.size()) + " pixels were given for " +
                                       std::to_string(planes) + " planes of " +
                                       std::to_string(height) + " x " + std::to_string(width));
  std::vector<float> result(detail::product(planes, new_height, new_width));
  check(rn_resize_planes(pixels.data(), planes, height, width, new_height, new_width, filter,
                         result.data(), result.size()));
  return result;
}

// ---- Datasets -------------------------------------------------------------------------------------

// An image file that could not be read.
struct damage {
  std::string path, reason;
};

// Images and labels that were copied out of a dataset.
struct batch {
  std::vector<float> pixels;
  std::vector<std::int32_t> labels;
};

struct calibration {
  std::vector<double> mean, standard_deviation;  // of each channel
  std::vector<float> per_pixel_mean;             // channels x height x width
  std::int64_t count;                            // images that it was computed from
  bool has_colour;                               // the next are filled in
  double eigenvalues[3], eigenvectors[9];
};

class dataset : public detail::owner<rn_dataset, rn_dataset_free> {
 public:
  using owner::owner;

  static dataset open_cifar10(const std::string &directory, bool train) {
    return opened([&](rn_dataset **made) {
      return rn_dataset_open_cifar10(detail::terminated(directory), train, made);
    });
  }
  static dataset open_cifar100(const std::string &directory, bool train, bool coarse = false) {
    return opened([&](rn_dataset **made) {
      return rn_dataset_open_cifar100(detail::terminated(directory), train, coarse, made);
    });
  }
  static dataset open_idx(const std::string &images, const std::string &labels,
                          std::int32_t classes = 0) {
    return opened([&](rn_dataset **made) {
      return rn_dataset_open_idx(detail::terminated(images), detail::terminated(labels), classes,
                                 made);
    });
  }
  static dataset open_hdf5(const std::string &path,
                           const rn_hdf5_options &options = hdf5_options()) {
    return opened([&](rn_dataset **made) {
      return rn_dataset_open_hdf5(detail::terminated(path), &options, made);
    });
  }
  static dataset open_folder(const std::string &folder,
                             const rn_image_options &options = image_options()) {
    return opened([&](rn_dataset **made) {
      return rn_dataset_open_folder(detail::terminated(folder), &options, made);
    });
  }
  static dataset open_list(const std::string &list, std::int32_t classes = 0,
                           const rn_image_options &options = image_options()) {
    return opened([&](rn_dataset **made) {
      return rn_dataset_open_list(detail::terminated(list), classes, &options, made);
    });
  }
  static dataset open_files(const std::vector<std::string> &paths, span<const std::int32_t> labels,
                            std::int32_t classes,
                            const rn_image_options &options = image_options()) {
    if (paths.size() != labels.size())
      throw error(RN_SHAPE_MISMATCH, std::to_string(labels.size()) + " labels were given for " +
                                         std::to_string(paths.size()) + " files");
    const std::vector<const char *> pointers = detail::pointers(paths);
    const auto count = detail::narrow<std::int64_t>(paths.size(), "the files");
    return opened([&](rn_dataset **made) {
      return rn_dataset_open_files(pointers.data(), labels.data(), count, classes, &options, made);
    });
  }
  static dataset create(const rn_images &images, span<const std::int32_t> labels,
                        std::int32_t classes) {
    detail::check_labels(images, labels);
    return opened([&](rn_dataset **made) {
      return rn_dataset_create(&images, labels.data(), classes, made);
    });
  }

  void verify() { check(rn_dataset_verify(get())); }
  std::int64_t damaged_count() const {
    std::int64_t count = 0;
    check(rn_dataset_damaged_count(get(), &count));
    return count;
  }
  // rn_dataset_damaged_path and rn_dataset_damaged_reason of all that are known.
  std::vector<damage> damaged() const {
    std::vector<damage> result;
    const std::int64_t count = damaged_count();
    for (std::int64_t index = 0; index < count; index++) {
      result.push_back({detail::text([&](char *text, std::size_t capacity, std::size_t *needed) {
                          return rn_dataset_damaged_path(get(), index, text, capacity, needed);
                        }),
                        detail::text([&](char *text, std::size_t capacity, std::size_t *needed) {
                          return rn_dataset_damaged_reason(get(), index, text, capacity, needed);
                        })});
    }
    return result;
  }

  // Images to train on, and `count` images to evaluate on.
  std::pair<dataset, dataset> split(std::int64_t count, std::uint64_t seed = 0) const {
    rn_dataset *training = nullptr, *validation = nullptr;
    check(rn_dataset_split(get(), count, seed, &training, &validation));
    return {dataset(training), dataset(validation)};
  }

  rn_dataset_info get_info() const {
    rn_dataset_info info = RN_DATASET_INFO_INIT;
    check(rn_dataset_get_info(get(), &info));
    return info;
  }
  std::string class_name(std::int32_t index) const {
    return detail::text([&](char *text, std::size_t capacity, std::size_t *needed) {
      return rn_dataset_class_name(get(), index, text, capacity, needed);
    });
  }
  batch read(std::int64_t first, std::int64_t count) const {
    batch result = room(count);
    check(rn_dataset_read(get(), first, count, result.pixels.data(), result.pixels.size(),
                          result.labels.data(), result.labels.size()));
    return result;
  }
  batch read_varied(std::int64_t first, std::int64_t count, std::uint64_t seed,
                    std::int32_t epoch) const {
    batch result = room(count);
    check(rn_dataset_read_varied(get(), first, count, seed, epoch, result.pixels.data(),
                                 result.pixels.size(), result.labels.data(), result.labels.size()));
    return result;
  }
  // Of `images` images (0: all), drawn by the seed.
  calibration calibrate(std::int64_t images = 0, std::uint64_t seed = 0) const {
    const rn_dataset_info info = get_info();
    calibration result{};
    result.mean.resize(detail::product(info.channels));
    result.standard_deviation.resize(detail::product(info.channels));
    result.per_pixel_mean.resize(detail::product(info.channels, info.height, info.width));
    rn_calibration values = RN_CALIBRATION_INIT;
    values.mean = result.mean.data();
    values.standard_deviation = result.standard_deviation.data();
    values.channel_capacity = result.mean.size();
    values.per_pixel_mean = result.per_pixel_mean.data();
    values.pixel_capacity = result.per_pixel_mean.size();
    check(rn_dataset_calibrate(get(), images, seed, &values));
    result.count = values.count;
    result.has_colour = values.has_colour != 0;
    for (int i = 0; i < 3; i++) result.eigenvalues[i] = values.eigenvalues[i];
    for (int i = 0; i < 9; i++) result.eigenvectors[i] = values.eigenvectors[i];
    return result;
  }

 private:
  template <class Open>
  static dataset opened(Open open) {
    return dataset(detail::make<rn_dataset>(open));
  }
  batch room(std::int64_t count) const {
    const rn_dataset_info info = get_info();
    // What is not there is the library's to refuse: for that no room is needed.
    const std::int64_t images = count < 0 || count > info.count ? 0 : count;
    return {
        std::vector<float>(detail::product(images, info.channels, info.height, info.width)),
        std::vector<std::int32_t>(detail::product(images)),
    };
  }
};

// ---- Models ---------------------------------------------------------------------------------------

struct normalization {
  std::vector<float> mean;     // empty: 0; one value per channel, or per channel and pixel of
  std::int32_t height, width;  // images of this size, or else 0 and 0
  std::vector<float> scale;    // empty: 1; one value per channel
};

struct figures {
  rn_metrics metrics;
  std::vector<std::int64_t> confusion;  // classes x classes, a row per true class
};

struct response {
  std::string layer;
  double deviation;
};

// What the last import into a model did, or what was in its way.
struct import_report {
  struct note {
    rn_note kind;
    std::string name, reason;
  };
  rn_format format;
  std::int32_t imported;  // tensors that were set
  std::vector<note> notes;
};

class model : public detail::owner<rn_model, rn_model_free> {
 public:
  using owner::owner;

  static model create(const std::string &preset,
                      const rn_model_options &options = model_options()) {
    return model(detail::make<rn_model>([&](rn_model **made) {
      return rn_model_create(detail::terminated(preset), &options, made);
    }));
  }
  static model create_described(const rn_description &description) {
    return model(detail::make<rn_model>(
        [&](rn_model **made) { return rn_model_create_described(&description, made); }));
  }
  static model load(const std::string &path) {
    return model(detail::make<rn_model>(
        [&](rn_model **made) { return rn_model_load(detail::terminated(path), made); }));
  }
  static model open(const std::string &path) {
    return model(detail::make<rn_model>(
        [&](rn_model **made) { return rn_model_open(detail::terminated(path), made); }));
  }
  static model import_from(const std::string &path,
                           const rn_import_options &options = import_options()) {
    return model(detail::make<rn_model>([&](rn_model **made) {
      return rn_model_import(detail::terminated(path), &options, made);
    }));
  }
  static model import_bytes(span<const std::uint8_t> bytes,
                            const rn_import_options &options = import_options()) {
    return model(detail::make<rn_model>([&](rn_model **made) {
      return rn_model_import_bytes(bytes.data(), bytes.size(), &options, made);
    }));
  }
  void import_weights(const std::string &path, bool partial = false) {
    check(rn_model_import_weights(get(), detail::terminated(path), partial));
  }
  void import_weights_bytes(span<const std::uint8_t> bytes, bool partial = false) {
    check(rn_model_import_weights_bytes(get(), bytes.data(), bytes.size(), partial));
  }
  import_report get_import_report() const {
    rn_import_report report = RN_IMPORT_REPORT_INIT;
    check(rn_model_get_import_report(get(), &report));
    import_report result{report.format, report.imported, {}};
    for (std::int32_t index = 0; index < report.notes; index++) {
      rn_import_note note = RN_IMPORT_NOTE_INIT;
      check(rn_model_import_note(get(), index, &note));
      result.notes.push_back({note.kind, note.name, note.reason});
    }
    return result;
  }
  void export_to(const std::string &path, rn_format format = RN_FORMAT_AUTO) const {
    check(rn_model_export(get(), detail::terminated(path), format));
  }
  model replace_classifier(std::int32_t classes, std::uint64_t seed = 0) const {
    return model(detail::make<rn_model>(
        [&](rn_model **made) { return rn_model_replace_classifier(get(), classes, seed, made); }));
  }
  void save(const std::string &path) const {
    check(rn_model_save(get(), detail::terminated(path)));
  }

  rn_model_info get_info() const {
    rn_model_info info = RN_MODEL_INFO_INIT;
    check(rn_model_get_info(get(), &info));
    return info;
  }
  std::string name() const {
    return detail::text([&](char *text, std::size_t capacity, std::size_t *needed) {
      return rn_model_name(get(), text, capacity, needed);
    });
  }
  std::string summary(std::int32_t height = 0, std::int32_t width = 0) const {
    return detail::text([&](char *text, std::size_t capacity, std::size_t *needed) {
      return rn_model_summary(get(), height, width, text, capacity, needed);
    });
  }

  // The name in it lives as long as the model.
  rn_tensor_info tensor_info(std::int32_t index) const {
    rn_tensor_info info = RN_TENSOR_INFO_INIT;
    check(rn_model_tensor_info(get(), index, &info));
    return info;
  }
  std::vector<float> get_tensor(const rn_tensor_info &info) const {
    std::vector<float> values(detail::product(info.count));
    get_tensor(info.name, values);
    return values;
  }
  void get_tensor(const std::string &name, span<float> values) const {
    check(rn_model_get_tensor(get(), detail::terminated(name), values.data(), values.size()));
  }
  void set_tensor(const std::string &name, span<const float> values) {
    check(rn_model_set_tensor(get(), detail::terminated(name), values.data(), values.size()));
  }

  void set_normalization(span<const float> mean, span<const float> scale, std::int32_t height = 0,
                         std::int32_t width = 0) {
    check(rn_model_set_normalization(get(), mean.empty() ? nullptr : mean.data(), mean.size(),
                                     height, width, scale.empty() ? nullptr : scale.data(),
                                     scale.size()));
  }
  normalization get_normalization() const {
    normalization result{};
    std::size_t means = 0, scales = 0;
    check(rn_model_get_normalization(get(), nullptr, 0, &means, &result.height, &result.width,
                                     nullptr, 0, &scales));
    result.mean.resize(means);
    result.scale.resize(scales);
    check(rn_model_get_normalization(get(), result.mean.data(), means, &means, &result.height,
                                     &result.width, result.scale.data(), scales, &scales));
    return result;
  }
  void set_class_names(const std::vector<std::string> &names) {
    const std::vector<const char *> pointers = detail::pointers(names);
    check(rn_model_set_class_names(get(), pointers.data(),
                                   detail::narrow<std::int32_t>(names.size(), "the names")));
  }
  std::string class_name(std::int32_t index) const {
    return detail::text([&](char *text, std::size_t capacity, std::size_t *needed) {
      return rn_model_class_name(get(), index, text, capacity, needed);
    });
  }

  // What else is kept with the model, by name.
  void set_metadata(const std::string &name, const std::string &value) {
    check(rn_model_set_metadata(get(), detail::terminated(name), detail::terminated(value)));
  }
  void remove_metadata(const std::string &name) {
    check(rn_model_set_metadata(get(), detail::terminated(name), nullptr));
  }
  // An error with the status RN_NOT_FOUND if there is none of that name.
  std::string metadata(const std::string &name) const {
    return detail::text([&](char *text, std::size_t capacity, std::size_t *needed) {
      return rn_model_metadata(get(), detail::terminated(name), text, capacity, needed);
    });
  }
  std::vector<std::string> metadata_names() const {
    std::int32_t count = 0;
    check(rn_model_metadata_count(get(), &count));
    std::vector<std::string> names;
    for (std::int32_t index = 0; index < count; index++) {
      names.push_back(detail::text([&](char *text, std::size_t capacity, std::size_t *needed) {
        return rn_model_metadata_name(get(), index, text, capacity, needed);
      }));
    }
    return names;
  }

  // images->count x classes values, in a vector or where there is room for them already.
  std::vector<float> logits(const rn_images &images) const {
    std::vector<float> scores(scores_of(images));
    logits(images, scores);
    return scores;
  }
  void logits(const rn_images &images, span<float> scores) const {
    check(rn_model_logits(get(), &images, scores.data(), scores.size()));
  }
  std::vector<float> probabilities(const rn_images &images) const {
    std::vector<float> result(scores_of(images));
    probabilities(images, result);
    return result;
  }
  void probabilities(const rn_images &images, span<float> result) const {
    check(rn_model_probabilities(get(), &images, result.data(), result.size()));
  }
  std::vector<float> view_probabilities(const rn_images &images,
                                        const rn_test_options &options = test_options()) const {
    std::vector<float> result(scores_of(images));
    check(rn_model_view_probabilities(get(), &images, &options, result.data(), result.size()));
    return result;
  }
  std::vector<std::int32_t> predict(const rn_images &images) const {
    std::vector<std::int32_t> labels(detail::product(images.count));
    check(rn_model_predict(get(), &images, labels.data(), labels.size()));
    return labels;
  }

  std::string layer_name(std::int32_t index) const {
    return detail::text([&](char *text, std::size_t capacity, std::size_t *needed) {
      return rn_model_layer_name(get(), index, text, capacity, needed);
    });
  }
  rn_feature_shape feature_shape(const std::string &layer, std::int32_t height,
                                 std::int32_t width) const {
    rn_feature_shape shape = RN_FEATURE_SHAPE_INIT;
    check(rn_model_feature_shape(get(), detail::terminated(layer), height, width, &shape));
    return shape;
  }
  std::vector<float> features(const rn_images &images, const std::string &layer) const {
    const rn_feature_shape shape = feature_shape(layer, images.height, images.width);
    std::vector<float> result(detail::product(images.count, shape.count));
    check(
        rn_model_features(get(), &images, detail::terminated(layer), result.data(), result.size()));
    return result;
  }

  rn_metrics evaluate(const dataset &data) const {
    rn_metrics metrics = RN_METRICS_INIT;
    check(rn_model_evaluate(get(), data.get(), &metrics));
    return metrics;
  }
  figures evaluate_by_class(const dataset &data) const {
    figures result = room_for_figures();
    check(rn_model_evaluate_by_class(get(), data.get(), &result.metrics, result.confusion.data(),
                                     result.confusion.size()));
    return result;
  }
  figures test(const dataset &data, const rn_test_options &options = test_options()) const {
    figures result = room_for_figures();
    check(rn_model_test(get(), data.get(), &options, &result.metrics, result.confusion.data(),
                        result.confusion.size()));
    return result;
  }
  // In the order of the layers, with the names that rn_model_response_layer gives.
  std::vector<response> responses(const dataset &data) const {
    std::size_t count = 0;
    check(rn_model_responses(get(), data.get(), nullptr, 0, &count));
    std::vector<double> deviations(count);
    check(rn_model_responses(get(), data.get(), deviations.data(), count, &count));
    std::vector<response> result;
    for (std::size_t index = 0; index < count; index++) {
      const auto layer = static_cast<std::int32_t>(index);
      result.push_back({detail::text([&](char *text, std::size_t capacity, std::size_t *needed) {
                          return rn_model_response_layer(get(), layer, text, capacity, needed);
                        }),
                        deviations[index]});
    }
    return result;
  }
  void recompute_statistics(const dataset &data, std::int32_t batch_size = 0,
                            std::int64_t images = 0, std::uint64_t seed = 0) {
    check(rn_model_recompute_statistics(get(), data.get(), batch_size, images, seed));
  }

  rn_memory inference_memory(std::int64_t count, std::int32_t height, std::int32_t width) const {
    rn_memory memory = RN_MEMORY_INIT;
    check(rn_model_inference_memory(get(), count, height, width, &memory));
    return memory;
  }
  rn_memory training_memory(std::int64_t batch, std::int32_t height, std::int32_t width) const {
    rn_memory memory = RN_MEMORY_INIT;
    check(rn_model_training_memory(get(), batch, height, width, &memory));
    return memory;
  }

 private:
  std::size_t scores_of(const rn_images &images) const {
    return detail::product(images.count, get_info().classes);
  }
  figures room_for_figures() const {
    const std::int32_t classes = get_info().classes;
    return {RN_METRICS_INIT, std::vector<std::int64_t>(detail::product(classes, classes))};
  }
};

// ---- Training -------------------------------------------------------------------------------------

class trainer : public detail::owner<rn_trainer, rn_trainer_free> {
 public:
  using owner::owner;
  // Called after every step and at the end of every epoch; true stops. What it throws leaves fit.
  using progress = std::function<bool(const rn_progress &)>;

  explicit trainer(model &trained, const rn_trainer_options &options = trainer_options())
      : owner(detail::make<rn_trainer>(
            [&](rn_trainer **made) { return rn_trainer_create(trained.get(), &options, made); })) {}

  void save(const std::string &path) { check(rn_trainer_save(get(), path.c_str())); }
  // The model and its trainer.
  static std::pair<model, trainer> load(const std::string &path) {
    rn_model *loaded = nullptr;
    rn_trainer *made = nullptr;
    check(rn_trainer_load(path.c_str(), &loaded, &made));
    return {model(loaded), trainer(made)};
  }

  void set_learning_rate(float rate) { check(rn_trainer_set_learning_rate(get(), rate)); }
  float get_learning_rate() const {
    float rate = 0;
    check(rn_trainer_get_learning_rate(get(), &rate));
    return rate;
  }
  void freeze(const std::vector<std::string> &names) {
    const std::vector<const char *> pointers = detail::pointers(names);
    check(rn_trainer_freeze(get(), pointers.data(),
                            detail::narrow<std::int32_t>(names.size(), "the names")));
  }
  std::int64_t iterations() const {
    std::int64_t count = 0;
    check(rn_trainer_iterations(get(), &count));
    return count;
  }

  // The reports that ended the epochs so far of the training that can be resumed.
  std::vector<rn_progress> history() const {
    recorder recording;
    const rn_status status = rn_trainer_history(get(), recorder::call, &recording);
    if (recording.thrown) std::rethrow_exception(recording.thrown);
    check(status);
    return recording.epochs;
  }

  // What the communicator's functions need must live as long as the trainer has it; nullptr: none.
  void distribute(const rn_communicator *communicator,
                  const rn_distributed_options &options = distributed_options()) {
    check(rn_trainer_distribute(get(), communicator, &options));
  }

  // The loss of the batch before the step.
  double step(const rn_images &images, span<const std::int32_t> labels) {
    detail::check_labels(images, labels);
    double loss = 0;
    check(rn_trainer_step(get(), &images, labels.data(), &loss));
    return loss;
  }

  // Returns whether training went to its end: false if a callback stopped it. With a callback,
  // those of the options are not used.
  bool fit(const dataset &data, const dataset *validation = nullptr,
           const rn_fit_options &options = fit_options(), const progress &callback = nullptr) {
    rn_fit_options chosen = options;
    listener listening{callback, nullptr};
    if (callback) {
      chosen.progress = listener::call;
      chosen.user = &listening;
    }
    if (detail::watching) detail::watching->thrown = nullptr;
    const rn_status status =
        rn_trainer_fit(get(), data.get(), validation ? validation->get() : nullptr, &chosen);
    if (listening.thrown) std::rethrow_exception(listening.thrown);
    if (status == RN_CANCELLED && !(detail::watching && detail::watching->thrown)) return false;
    check(status);
    return true;
  }

 private:
  struct listener {
    const progress &callback;
    std::exception_ptr thrown;

    static int call(const rn_progress *now, void *user) {
      auto *self = static_cast<listener *>(user);
      return detail::contained(self->thrown, [&] { return self->callback(*now); });
    }
  };
  struct recorder {
    std::vector<rn_progress> epochs;
    std::exception_ptr thrown;

    static int call(const rn_progress *epoch, void *user) {
      auto *self = static_cast<recorder *>(user);
      return detail::contained(self->thrown, [&] {
        self->epochs.push_back(*epoch);
        return false;
      });
    }
  };
};

// ---- Recipes and figures --------------------------------------------------------------------------

// How the paper trains.
struct recipe {
  trainer_options trainer;
  fit_options fit;
  image_options images;            // of training images in files
  std::int64_t validation_images;  // how many to hold out
};

inline recipe recipe_get(const std::string &name) {
  recipe result{};
  check(rn_recipe_get(detail::terminated(name), &result.trainer, &result.fit, &result.images,
                      &result.validation_images));
  return result;
}
inline std::string recipe_describe(const std::string &name) {
  return detail::text([&](char *text, std::size_t capacity, std::size_t *needed) {
    return rn_recipe_describe(detail::terminated(name), text, capacity, needed);
  });
}

struct class_figures_of {
  std::vector<double> recall, precision;
};

inline class_figures_of class_figures(span<const std::int64_t> confusion, std::int32_t classes) {
  if (confusion.size() != detail::product(classes, classes))
    throw error(RN_SHAPE_MISMATCH, std::to_string(confusion.size()) +
                                       " counts were given for a confusion matrix of " +
                                       std::to_string(classes) + " classes");
  class_figures_of result{std::vector<double>(detail::product(classes)),
                          std::vector<double>(detail::product(classes))};
  check(rn_class_figures(confusion.data(), classes, result.recall.data(), result.precision.data()));
  return result;
}

}  // namespace resnet

#endif
