import CHDF5
import Foundation
import Testing

@testable import ResNet

extension StorageTests {
  /// Files that are sound HDF5, checksums and all, but not what they should be.
  @Suite struct Foreign {
    /// Saves a model, lets `edit` change its root group with HDF5, and returns how loading fails.
    private func refusal(
      _ location: SourceLocation = #_sourceLocation, _ edit: (hid_t) throws -> Void
    ) throws -> ResNetError? {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        try fullModel().save(to: path)
        try change(path, edit)
        return failure(location) { _ = try Model.load(from: path) }
      }
    }

    /// Calls `edit` with the file open for writing in the version of the format that we write, and
    /// makes the checksums right again.
    private func change(_ path: String, _ edit: (hid_t) throws -> Void) throws {
      let access = H5Pcreate(rh_file_access())
      H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110)
      defer { H5Pclose(access) }
      let file = H5Fopen(path, 1, access)
      try #require(file >= 0)
      try edit(file)
      #expect(H5Fclose(file) >= 0)
      try reseal(path)
    }

    private func expectRefusal(
      _ parts: String..., location: SourceLocation = #_sourceLocation,
      edit: (hid_t) throws -> Void
    ) throws {
      let error = try refusal(location, edit)
      #expect(error?.kind == .badFormat, sourceLocation: location)
      for part in parts {
        #expect(
          error?.message.contains(part) == true,
          "\"\(error?.message ?? "")\" does not mention \(part)", sourceLocation: location)
      }
    }

    /// Replaces an attribute by `count` values of `type` taken from `data` (nil: a scalar).
    private func replaceAttribute(
      _ file: hid_t, _ object: String, _ name: String, _ type: hid_t,
      _ data: some Collection<UInt8>,
      count: Int? = nil
    ) {
      let group = H5Oopen(file, object, rh_default())
      if H5Aexists(group, name) > 0 { H5Adelete(group, name) }
      let space = count.map { H5Screate_simple(1, [hsize_t($0)], nil) } ?? H5Screate(H5S_SCALAR)
      let attribute = H5Acreate2(group, name, type, space, rh_default(), rh_default())
      H5Awrite(attribute, type, Array(data))
      H5Aclose(attribute)
      H5Sclose(space)
      H5Oclose(group)
    }

    private func integers(_ values: Int64...) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

    private func setText(_ file: hid_t, _ object: String, _ name: String, _ text: [UInt8]) {
      let type = H5Tcopy(rh_c_string())
      H5Tset_size(type, text.count)
      H5Tset_strpad(type, H5T_STR_NULLPAD)
      replaceAttribute(file, object, name, type, text)
      H5Tclose(type)
    }

    /// Replaces a dataset; `options` may change how it is stored.
    private func replaceDataset(
      _ file: hid_t, _ name: String, _ shape: [hsize_t], type: hid_t = rh_float32_in_file(),
      values: [Float]? = nil, options: ((hid_t) -> Void)? = nil
    ) {
      if H5Lexists(file, name, rh_default()) > 0 { H5Ldelete(file, name, rh_default()) }
      let list = H5Pcreate(rh_dataset_create())
      if let options {
        options(list)
      } else {
        H5Pset_chunk(list, Int32(shape.count), shape)
        H5Pset_fletcher32(list)
      }
      let space = H5Screate_simple(Int32(shape.count), shape, nil)
      let dataset = H5Dcreate2(file, name, type, space, rh_default(), list, rh_default())
      #expect(dataset >= 0)
      if let values {
        H5Dwrite(
          dataset, rh_float32_in_memory(), rh_whole_space(), rh_whole_space(), rh_default(), values)
      }
      H5Dclose(dataset)
      H5Sclose(space)
      H5Pclose(list)
    }

    // MARK: - Not a model

    @Test(arguments: ["", "This is no HDF5 file.", String(repeating: "\u{0}", count: 5000)])
    func noHDF5(_ text: String) throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        try put(Array(text.utf8), at: path)
        let error = failure { _ = try Model.load(from: path) }
        #expect(error?.kind == .badFormat)
        #expect(error?.message.contains("is not an HDF5 file") == true)
        #expect(error?.message.contains(path) == true)
      }
    }

    @Test func otherHDF5() throws {
      try withDirectory { directory in
        let path = directory + "/other.h5"
        let access = H5Pcreate(rh_file_access())
        H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110)
        let file = H5Fcreate(path, 2, rh_default(), access)
        H5Gclose(H5Gcreate2(file, "parameters", rh_default(), rh_default(), rh_default()))
        H5Fclose(file)
        H5Pclose(access)
        let error = failure { _ = try Model.load(from: path) }
        #expect(error?.kind == .badFormat)
        #expect(error?.message.contains("not a model of libresnet") == true)
      }
    }

    @Test func otherFormatName() throws {
      try expectRefusal("not a model of libresnet") {
        setText($0, "/", "format", Array("libresnet checkpoint".utf8))
      }
    }

    @Test func networkOfANewerFormat() throws {
      for (attribute, value) in [("shortcut", "gate"), ("stem", "none"), ("stem", "vector")] {
        try expectRefusal("network that format version 1 does not have") {
          setText($0, "/network", attribute, Array(value.utf8))
        }
      }
    }

    @Test func newerFormat() throws {
      try expectRefusal("format version 3", "libresnet \(libraryVersion)", "update libresnet") {
        replaceAttribute($0, "/", "format_version", rh_int64_in_file(), integers(3))
      }
    }

    @Test(arguments: [Int64(0), -1, .min])
    func impossibleFormatVersion(_ version: Int64) throws {
      try expectRefusal("format version \(version)") {
        replaceAttribute($0, "/", "format_version", rh_int64_in_file(), integers(version))
      }
    }

    /// What HDF5 writes by default, too.
    @Test func olderHDF5() throws {
      try withDirectory { directory in
        let path = directory + "/other.h5"
        let file = H5Fcreate(path, 2, rh_default(), rh_default())
        H5Gclose(H5Gcreate2(file, "parameters", rh_default(), rh_default(), rh_default()))
        H5Fclose(file)
        let error = failure { _ = try Model.load(from: path) }
        #expect(error?.kind == .badFormat)
        #expect(error?.message.contains("not a model of libresnet") == true)
      }
    }

    // MARK: - Attributes

    @Test(arguments: ["name", "input_channels", "stem", "stage_blocks", "classes"])
    func missingAttribute(_ name: String) throws {
      try expectRefusal("/network has no attribute \(name)") { file in
        H5Adelete_by_name(file, "/network", name, rh_default())
      }
    }

    @Test func attributesOfOtherTypes() throws {
      try expectRefusal("classes of /network", "64-bit integer") {
        replaceAttribute($0, "/network", "classes", rh_float32_in_file(), [0, 0, 0, 0])
      }
      try expectRefusal("classes of /network", "64-bit integer") {
        replaceAttribute($0, "/network", "classes", rh_int64_in_file(), integers(2, 2), count: 2)
      }
      try expectRefusal("stem of /network", "fixed-length") {
        replaceAttribute($0, "/network", "stem", rh_int64_in_file(), integers(1))
      }
      try expectRefusal("stem of /network", "fixed-length") { file in
        let variable = H5Tcopy(rh_c_string())
        H5Tset_size(variable, -1)  // H5T_VARIABLE
        let group = H5Gopen2(file, "/network", rh_default())
        H5Adelete(group, "stem")
        let space = H5Screate(H5S_SCALAR)
        let attribute = H5Acreate2(group, "stem", variable, space, rh_default(), rh_default())
        "cifar".withCString { text in
          var pointer: UnsafePointer<CChar>? = text
          H5Awrite(attribute, variable, &pointer)
        }
        H5Aclose(attribute)
        H5Sclose(space)
        H5Tclose(variable)
        H5Gclose(group)
      }
      try expectRefusal("stage_widths of /network", "64-bit") {
        replaceAttribute($0, "/network", "stage_widths", rh_int64_in_file(), integers(3))
      }
      try expectRefusal("is not a list of 1 to 2048") {
        replaceAttribute(
          $0, "/network", "stage_widths", rh_int64_in_file(),
          [UInt8](repeating: 0, count: 5000 * 8), count: 5000)
      }
    }

    @Test func stagesOfDifferentNumbers() throws {
      try expectRefusal("1, 2 and 1 stages") {
        replaceAttribute(
          $0, "/network", "stage_widths", rh_int64_in_file(), integers(3, 3), count: 2)
      }
    }

    @Test func unknownChoice() throws {
      try expectRefusal("shortcut of /network is \"D\"", "\"A\", \"B\", \"C\", \"none\"") {
        setText($0, "/network", "shortcut", Array("D".utf8))
      }
    }

    @Test func textThatIsNotUTF8() throws {
      try expectRefusal("name of /network", "UTF-8") {
        setText($0, "/network", "name", [0x61, 0xC3, 0x28])
      }
    }

    /// Networks that cannot be, or that ask for more memory than there is in the world.
    @Test(arguments: [Int64.min, -1, 0, 1 << 20, 1 << 40, .max])
    func impossibleNetworks(_ value: Int64) throws {
      for name in ["input_channels", "stem_width", "classes"] {
        try expectRefusal {
          replaceAttribute($0, "/network", name, rh_int64_in_file(), integers(value))
        }
      }
      for name in ["stage_blocks", "stage_widths", "stage_strides"] {
        try expectRefusal {
          replaceAttribute($0, "/network", name, rh_int64_in_file(), integers(value), count: 1)
        }
      }
    }

    /// The largest network that can be described, in a file of a few kilobytes.
    @Test func networkLargerThanTheFile() throws {
      try expectRefusal("/parameters/conv1.weight", "expected float32 of shape [8192, 2, 3, 3]") {
        replaceAttribute($0, "/network", "stem_width", rh_int64_in_file(), integers(8192))
        replaceAttribute(
          $0, "/network", "stage_widths", rh_int64_in_file(), integers(8192), count: 1)
      }
    }

    // MARK: - Members

    @Test(arguments: ["/network", "/parameters", "/normalization"])
    func missingGroup(_ name: String) throws {
      try expectRefusal("group \(name) is missing") { H5Ldelete($0, name, rh_default()) }
    }

    @Test func missingTensor() throws {
      try expectRefusal("dataset /parameters/layer1.0.bn1.running_var is missing") {
        H5Ldelete($0, "/parameters/layer1.0.bn1.running_var", rh_default())
      }
    }

    @Test func unknownTensor() throws {
      try expectRefusal("/parameters/layer9.0.conv1.weight is no tensor") {
        replaceDataset($0, "/parameters/layer9.0.conv1.weight", [1], values: [1])
      }
    }

    @Test func unknownNormalization() throws {
      try expectRefusal("/normalization/std is no part") {
        H5Ldelete($0, "/normalization/mean", rh_default())
        replaceDataset($0, "/normalization/std", [2], values: [1, 1])
      }
    }

    @Test func linksToElsewhere() throws {
      try expectRefusal("/parameters/fc.bias is a link") {
        H5Ldelete($0, "/parameters/fc.bias", rh_default())
        H5Lcreate_external(
          "/etc/hostname", "/x", $0, "/parameters/fc.bias", rh_default(), rh_default())
      }
      try expectRefusal("/normalization/scale is a link") {
        H5Ldelete($0, "/normalization/scale", rh_default())
        H5Lcreate_soft(
          "/parameters/fc.bias", $0, "/normalization/scale", rh_default(), rh_default())
      }
      try expectRefusal("/network is a link") {
        H5Lmove($0, "/network", $0, "/elsewhere", rh_default(), rh_default())
        H5Lcreate_soft("/elsewhere", $0, "/network", rh_default(), rh_default())
      }
    }

    @Test func groupsAndDatasetsSwapped() throws {
      try expectRefusal("/parameters/fc.bias", "is damaged or is not a dataset") {
        H5Ldelete($0, "/parameters/fc.bias", rh_default())
        H5Gclose(
          H5Gcreate2($0, "/parameters/fc.bias", rh_default(), rh_default(), rh_default()))
      }
      try expectRefusal("/normalization is damaged or is not a group") {
        H5Ldelete($0, "/normalization", rh_default())
        replaceDataset($0, "/normalization", [1], values: [1])
      }
    }

    // MARK: - Datasets

    @Test func otherShapes() throws {
      try expectRefusal("/parameters/fc.bias has shape [3], expected float32 of shape [2]") {
        replaceDataset($0, "/parameters/fc.bias", [3], values: [1, 2, 3])
      }
      try expectRefusal("/normalization/mean has shape [2, 3]") {
        let values = [Float](repeating: 0, count: 6)
        replaceDataset($0, "/normalization/mean", [2, 3], values: values)
      }
      try expectRefusal("/normalization/scale has shape [3]") {
        replaceDataset($0, "/normalization/scale", [3], values: [0, 0, 0])
      }
      try expectRefusal("/class_names") {
        replaceDataset($0, "/class_names", [2], values: [1, 2])
      }
    }

    @Test func otherTypes() throws {
      try expectRefusal("/parameters/fc.bias has another type than float32") {
        replaceDataset($0, "/parameters/fc.bias", [2], type: rh_int64_in_file(), values: [1, 2])
      }
    }

    @Test func claimsOfData() throws {
      // Never written: HDF5 would read zeros.
      try expectRefusal("/parameters/fc.bias", "is not stored in full") {
        replaceDataset($0, "/parameters/fc.bias", [2])
      }
      try expectRefusal("/normalization/mean") {
        replaceDataset($0, "/normalization/mean", [2, 1 << 20, 1 << 20]) { list in
          H5Pset_chunk(list, 3, [2, 1 << 10, 1 << 10])
          H5Pset_fletcher32(list)
        }
      }
      try expectRefusal("/normalization/mean", "is not stored in full") {
        replaceDataset($0, "/normalization/mean", [2, 1 << 14, 1 << 14])
      }
    }

    @Test func otherStorage() throws {
      try expectRefusal("/parameters/fc.bias", "is not stored as one chunk") {
        replaceDataset($0, "/parameters/fc.bias", [2], values: [1, 2]) { _ in }
      }
      try expectRefusal("/parameters/fc.bias", "is not stored as one chunk") {
        replaceDataset($0, "/parameters/fc.bias", [2], values: [1, 2]) { list in
          H5Pset_chunk(list, 1, [1])
          H5Pset_fletcher32(list)
        }
      }
      try expectRefusal("/parameters/fc.bias", "must have the Fletcher-32 filter") {
        replaceDataset($0, "/parameters/fc.bias", [2], values: [1, 2]) { list in
          H5Pset_chunk(list, 1, [2])
        }
      }
      try expectRefusal("/parameters/fc.bias", "must have the Fletcher-32 filter, and no other") {
        replaceDataset($0, "/parameters/fc.bias", [2], values: [1, 2]) { list in
          H5Pset_chunk(list, 1, [2])
          H5Pset_shuffle(list)
          H5Pset_fletcher32(list)
        }
      }
      try expectRefusal("/parameters/fc.bias", "is not stored as one chunk") {
        replaceDataset($0, "/parameters/fc.bias", [2]) { list in
          H5Pset_external(list, "/etc/hostname", 0, 8)
        }
      }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func valuesThatAreNotFinite(_ value: Float) throws {
      try expectRefusal("/parameters/fc.bias holds a value that is not finite") {
        replaceDataset($0, "/parameters/fc.bias", [2], values: [1, value])
      }
      try expectRefusal("/normalization/scale holds a value that is not finite") {
        replaceDataset($0, "/normalization/scale", [2], values: [1, value])
      }
    }

    /// The same edits with values that are right: what the tests above refuse is only the wrong.
    @Test func soundEditsAreRead() throws {
      try withDirectory { directory in
        let path = directory + "/model.h5"
        let model = try fullModel()
        try model.save(to: path)
        try change(path) { file in
          replaceDataset(file, "/parameters/fc.bias", [2], values: [1, 2])
          setText(file, "/network", "name", Array("renamed".utf8))
          replaceDataset(file, "/notes", [1], values: [1])
          for number in 0..<20 {
            replaceAttribute(file, "/", "note \(number)", rh_int64_in_file(), integers(1))
          }
        }
        let loaded = try Model.load(from: path)
        #expect(loaded.network.name == "renamed")
        #expect(try loaded.tensor(named: "fc.bias") == [1, 2])
        #expect(
          try bits(loaded.tensor(named: "fc.weight")) == bits(model.tensor(named: "fc.weight")))
      }
    }
  }
}
