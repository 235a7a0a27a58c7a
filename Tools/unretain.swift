// Makes the functions of an object file droppable: usage: unretain OBJECT RESULT
//
// Swift marks every public function that it compiles to be retained (SHF_GNU_RETAIN), so a linker that
// drops unused sections keeps all of them. That is meant for libraries whose callers are not known; but
// of the standard library linked into libresnet the callers are all there. This clears the mark from
// sections named .text.*, each of which holds one function: nothing finds those but by reference. Metadata
// keeps its mark, as the Swift runtime looks it up by section.

import Glibc

/// The fields of a 64-bit ELF file that matter here: offset in their structure.
enum ELF {
  static let sectionTable = 40
  static let sectionSize = 64
  static let nameSectionIndex = 62
  enum Section {
    static let flags = 8
    static let offset = 24
    static let size = 32
    static let link = 40
  }
  static let retain: UInt64 = 0x20_0000
}

struct Failure: Error {
  let message: String
}

struct Object {
  var bytes: [UInt8]

  init(_ bytes: [UInt8]) throws {
    // "\u{7f}ELF", 64 bits, little-endian, with section headers of the size known here.
    guard bytes.count >= 64, bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]),
      bytes[58] == ELF.sectionSize, bytes[59] == 0
    else {
      throw Failure(message: "not a little-endian 64-bit ELF object")
    }
    self.bytes = bytes
  }

  func integer<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) throws -> Value {
    guard offset >= 0, offset <= bytes.count - MemoryLayout<Value>.size else {
      throw Failure(message: "truncated: nothing at byte \(offset)")
    }
    return bytes.withUnsafeBytes {
      Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type))
    }
  }

  /// Where the header of section `index` lies.
  func header(_ index: Int) throws -> Int {
    try Int(integer(at: ELF.sectionTable, as: UInt64.self)) + index * ELF.sectionSize
  }

  /// Clears the mark and returns of how many functions, of how many bytes.
  mutating func unretain() throws -> (functions: Int, size: UInt64) {
    // Numbers that do not fit the file's header are in that of section 0.
    var count = Int(try integer(at: 60, as: UInt16.self))
    if count == 0 { count = Int(try integer(at: header(0) + ELF.Section.size, as: UInt64.self)) }
    var names = Int(try integer(at: ELF.nameSectionIndex, as: UInt16.self))
    if names == 0xffff {
      names = Int(try integer(at: header(0) + ELF.Section.link, as: UInt32.self))
    }
    let strings = Int(try integer(at: header(names) + ELF.Section.offset, as: UInt64.self))
    let prefix = Array(".text.".utf8)
    var cleared = (functions: 0, size: UInt64(0))
    for index in 0..<count {
      let section = try header(index)
      let flags = try integer(at: section + ELF.Section.flags, as: UInt64.self)
      let name = strings + Int(try integer(at: section, as: UInt32.self))
      guard flags & ELF.retain != 0, name + prefix.count <= bytes.count,
        bytes[name..<name + prefix.count].elementsEqual(prefix)
      else { continue }
      withUnsafeBytes(of: (flags & ~ELF.retain).littleEndian) {
        bytes.replaceSubrange(
          section + ELF.Section.flags..<section + ELF.Section.flags + 8, with: $0)
      }
      cleared.functions += 1
      cleared.size += try integer(at: section + ELF.Section.size, as: UInt64.self)
    }
    return cleared
  }
}

func read(_ path: String) throws -> [UInt8] {
  guard let file = fopen(path, "rb") else {
    throw Failure(message: String(cString: strerror(errno)))
  }
  defer { fclose(file) }
  fseek(file, 0, SEEK_END)
  let size = ftell(file)
  rewind(file)
  return try [UInt8](unsafeUninitializedCapacity: max(size, 0)) { buffer, count in
    count = fread(buffer.baseAddress, 1, buffer.count, file)
    guard count == size else { throw Failure(message: "could not be read") }
  }
}

func save(_ bytes: [UInt8], to path: String) throws {
  guard let file = fopen(path, "wb") else {
    throw Failure(message: String(cString: strerror(errno)))
  }
  let written = fwrite(bytes, 1, bytes.count, file)
  guard fclose(file) == 0, written == bytes.count else {
    throw Failure(message: "could not be written")
  }
}

func fail(_ message: String) -> Never {
  let line = Array("unretain: \(message)\n".utf8)
  _ = write(STDERR_FILENO, line, line.count)
  exit(1)
}

let arguments = CommandLine.arguments
guard arguments.count == 3 else { fail("usage: unretain OBJECT RESULT") }
var path = arguments[1]
do {
  var object = try Object(read(path))
  let cleared = try object.unretain()
  path = arguments[2]
  try save(object.bytes, to: path)
  print("\(arguments[1]): \(cleared.functions) functions of \(cleared.size) bytes may be dropped")
} catch {
  fail("\(path): \((error as? Failure)?.message ?? "\(error)")")
}
