import Foundation
import Testing

@testable import ResNet

/// The reader of HDF5 files.
@Suite enum HDF5Tests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("hdf5")

  /// Files with all that is read, in several versions of the format; see make_hdf5.py there.
  static let wholes = ["earliest.h5", "v110.h5", "latest.h5"]
  /// A few kilobytes with one of each structure.
  static let smalls = ["small-earliest.h5", "small-latest.h5"]

  static func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
  }

  /// A file of the folder; the operating system's own view of it, not one in memory.
  static func open(_ name: String) throws -> HDF5File {
    try HDF5File(.file(ModelFile.open(folder.appendingPathComponent(name).path)))
  }

  static func group(_ path: String..., in file: HDF5File) throws -> HDF5Group {
    var group = try file.root
    for name in path { group = try HDF5Group(group.member(name)) }
    return group
  }

  /// Whatever the bytes are, this returns: what is refused, or nil if not even the root is read.
  static func survey(_ bytes: [UInt8], verifyingChecksums: Bool = true) -> HDF5Survey? {
    bytes.withUnsafeBytes { try? HDF5Survey(of: $0, verifyingChecksums: verifyingChecksums) }
  }

  static func expected(_ count: Int) -> [Double] { (0..<count).map { Double(7 * $0 % 101) } }

  /// The values of a dataset of numbers.
  static func numbers(_ dataset: HDF5Dataset, _ rows: Range<Int>? = nil) throws -> [Double] {
    let rows = rows ?? 0..<dataset.rows
    var memory = [UInt8](
      repeating: 0xAA, count: dataset.rows == 0 ? 0 : dataset.byteCount / dataset.rows * rows.count)
    let cache = HDF5ChunkCache()
    try memory.withUnsafeMutableBytes { bytes in
      try dataset.read(rows, into: bytes, cache: cache)
    }
    return memory.withUnsafeBytes { bytes in
      HDF5Numbers.integers(in: bytes, dataset.type)?.map(Double.init)
        ?? HDF5Numbers.floats(in: bytes, dataset.type) ?? []
    }
  }
}

extension HDF5Tests {
  @Suite struct Reading {
    @Test(arguments: wholes + smalls + ["model-1.h5", "model-2.h5"])
    func everythingIsRead(_ name: String) throws {
      let survey = try HDF5Survey(open(name))
      #expect(survey.refusals == [])
      #expect(survey.values > 20)
      if wholes.contains(name) {
        #expect(survey.groups == 160 && survey.linksElsewhere == 2)
        #expect(survey.datasets == 43)
      }
    }

    @Test(arguments: wholes)
    func numbersOfAllKinds(_ name: String) throws {
      let types = try group("types", in: open(name))
      let kinds = ["u1", "i1", "u2", "i2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]
      var found = 0
      for order in ["little", "big"] {
        for kind in kinds {
          guard let object = try? types.member("\(order)-\(kind)") else { continue }
          let dataset = try HDF5Dataset(object)
          #expect(dataset.shape == [3, 5])
          #expect(dataset.type.isBigEndian == (order == "big"))
          #expect(
            dataset.type.description.hasSuffix(
              "\(kind.first == "f" ? "float" : kind.first == "i" ? "int" : "uint")"
                + "\(8 * (Int(kind.suffix(1)) ?? 0))"))
          #expect(try numbers(dataset) == expected(15))
          found += 1
        }
      }
      #expect(found == 13)
      let named = try HDF5Group(types.member("named"))
      #expect(try numbers(HDF5Dataset(named.member("values"))) == expected(6))
      #expect(try numbers(HDF5Dataset(types.member("enumeration"))) == expected(4))
      let scalar = try HDF5Dataset(types.member("scalar"))
      #expect(scalar.shape == [] && scalar.count == 1)
      #expect(try numbers(scalar) == [2.5])
      for name in ["empty", "none"] {
        #expect(try HDF5Dataset(types.member(name)).count == 0)
      }
      let compound = try HDF5Dataset(types.member("compound"))
      #expect(compound.type.kind == .other("compounds"))
    }

    @Test(arguments: wholes)
    func text(_ name: String) throws {
      let types = try group("types", in: open(name))
      #expect(
        try HDF5Dataset(types.member("fixed")).readStrings() == ["ant", "bee", "", "cicada"])
      #expect(
        try HDF5Dataset(types.member("variable")).readStrings()
          == ["ant", "dädä", "", String(repeating: "x", count: 300)])
      let error = failure { _ = try HDF5Dataset(types.member("scalar")).readStrings() }
      #expect(error?.message == "/types/scalar: it has float32, not strings")
    }

    /// Whole, and every range of rows.
    @Test(arguments: wholes)
    func allWaysOfStoring(_ name: String) throws {
      let layouts = try group("layouts", in: open(name))
      var found = 0
      try layouts.forEachLink { link throws(ResNetError) in
        let dataset = try HDF5Dataset(layouts.member(link.name))
        guard dataset.shape == [10, 12, 3] else { return }
        found += 1
        for first in 0..<10 {
          for last in first...10 {
            let read = try? numbers(dataset, first..<last)
            #expect(
              read == Array(expected(360)[first * 36..<last * 36]),
              "\(link.name) \(first)..<\(last)")
          }
        }
      }
      #expect(found == 17)
    }

    @Test(arguments: wholes)
    func whatWasNeverWritten(_ name: String) throws {
      let layouts = try group("layouts", in: open(name))
      let sparse = try numbers(HDF5Dataset(layouts.member("sparse")))
      #expect(
        sparse == (0..<48).map { (2...3).contains($0 / 8) && (3...5).contains($0 % 8) ? 5 : -9 })
      #expect(try numbers(HDF5Dataset(layouts.member("unwritten"))) == [1.5, 1.5, 1.5, 1.5])
      let pages = try numbers(HDF5Dataset(layouts.member("pages")))
      #expect(pages == (0..<3000).map { $0 == 1500 ? 4 : 0 })
      let grown = try numbers(HDF5Dataset(layouts.member("grown-pages")))
      #expect(
        grown.count == 200_000
          && grown.enumerated().allSatisfy {
            $0.element == ($0.offset == 140_000 ? 6 : 0)
          })
    }

    @Test func everyIndexOfChunksIsAmongThem() throws {
      var kinds: Set<String> = []
      for name in wholes {
        let layouts = try group("layouts", in: open(name))
        try layouts.forEachLink { link throws(ResNetError) in
          let object = try layouts.member(link.name)
          guard let message = try object.message(.layout) else { return }
          switch try HDF5Layout(message, in: object.file) {
          case .compact: kinds.insert("compact")
          case .contiguous: kinds.insert("contiguous")
          case .chunked(let chunked):
            switch chunked.index {
            case .tree1: kinds.insert("tree1")
            case .single: kinds.insert("single")
            case .implicit: kinds.insert("implicit")
            case .fixedArray: kinds.insert("fixed array")
            case .extensibleArray: kinds.insert("extensible array")
            case .tree2: kinds.insert("tree2")
            }
          }
        }
      }
      #expect(kinds.count == 8)
    }

    @Test(arguments: wholes)
    func attributes(_ name: String) throws {
      let file = try open(name)
      let few = try group("attributes", "few", in: file).object
      func text(_ name: String) throws -> [String] {
        let attribute = try #require(try few.attribute(name))
        var reader = try HDF5Strings(attribute.type, in: file)
        return try reader.strings(in: attribute.bytes)
      }
      #expect(try text("text") == ["dädä"])
      #expect(try text("fixed") == ["ant"])
      #expect(try text("texts") == ["ant", "bee"])
      #expect(try few.attribute("empty")?.count == 0)
      #expect(try few.attribute("none") == nil)
      let numbers = try #require(try few.attribute("numbers"))
      #expect(
        numbers.bytes.withUnsafeBytes { HDF5Numbers.integers(in: $0, numbers.type) } == [1, -2, 3])

      let many = try group("attributes", "many", in: file).object
      for index in 0..<40 {
        let attribute = try #require(try many.attribute("number \(index)"))
        #expect(
          attribute.bytes.withUnsafeBytes { HDF5Numbers.integers(in: $0, attribute.type) }
            == [Int64(index)])
      }
      if name != "earliest.h5" {
        let large = try #require(try many.attribute("large"))
        #expect(
          large.bytes.withUnsafeBytes { HDF5Numbers.integers(in: $0, large.type) }
            == (0..<20_000).map(Int64.init))
      }
    }

    @Test(arguments: wholes)
    func membersAndLinks(_ name: String) throws {
      let file = try open(name)
      let many = try group("groups", "many", in: file)
      #expect(Set(try many.members(limit: 150).keys) == Set((0..<150).map { "member \($0)" }))
      let crowd = failure { _ = try many.members(limit: 149) }
      #expect(crowd?.message == "/groups/many has more than 149 members")

      let links = try group("groups", "links", in: file)
      #expect(try links.member("hard").address == many.object.address)
      #expect(try links.member("loop").address == links.object.address)
      for name in ["soft", "external"] {
        let error = failure { _ = try links.member(name) }
        #expect(error?.kind == .badFormat)
        #expect(error?.message == "/groups/links/\(name) is a link to elsewhere")
      }
      let missing = failure { _ = try links.member("none") }
      #expect(missing?.kind == .notFound)
      let noGroup = failure { _ = try group("types", "scalar", in: file) }
      #expect(noGroup?.message == "/types/scalar is damaged or is not a group")
      let noDataset = failure { _ = try HDF5Dataset(many.object) }
      #expect(noDataset?.message == "/groups/many is damaged or is not a dataset")
    }

    /// Saved when libhdf5 wrote the library's files.
    @Test func modelsOfEarlierReleases() throws {
      for (name, gate) in [("model-1.h5", false), ("model-2.h5", true)] {
        let path = folder.appendingPathComponent(name).path
        let model = try Model.load(from: path)
        let opened = try Model.open(path)
        #expect((model.network.shortcut == .gate) == gate)
        var index = 0
        for tensor in model.layout.tensors {
          let values = (index..<index + tensor.count).map { Float(7 * $0 % 101) / 101 }
          index += tensor.count
          let read = try model.tensor(named: tensor.name)
          #expect(zip(read, values).allSatisfy { abs($0 - $1) < 1e-6 }, "\(tensor.name)")
          #expect(try opened.tensor(named: tensor.name) == read)
        }
        #expect(model.classNames == (gate ? [] : ["cat", "Hündin", "鳥"]))
      }
    }

    @Test func checksumsOfThePublishedAlgorithms() {
      func lookup(_ text: String) -> UInt32 { HDF5Checksums.lookup3(Array(text.utf8)[...]) }
      // From lookup3.c, for a first value of 0.
      #expect(lookup("") == 0xDEAD_BEEF)
      #expect(lookup("Four score and seven years ago") == 0x1777_0551)
      func fletcher(_ text: String) -> UInt32 {
        Array(text.utf8).withUnsafeBytes { HDF5Checksums.fletcher32($0) }
      }
      // Of big-endian words: "ab" and "cd", by hand; an odd byte is the upper half of a word.
      #expect(fletcher("abcd") == (0x6162 + 0x6162 + 0x6364 - 0xFFFF) << 16 | (0x6162 + 0x6364))
      #expect(fletcher("a") == 0x6100_6100)
      #expect(fletcher("") == 0)
    }

    private func failure(_ body: () throws -> Void) -> ResNetError? {
      StorageTests.failure { try body() }
    }
  }
}
