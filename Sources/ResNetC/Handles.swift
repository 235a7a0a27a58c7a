import CKernels
import CResNet
import Glibc
import ResNet

/// What a handle stands for. It lives as long as its handle, and as long as it is in use.
class Resource {
  /// Other resources that are used whenever this one is.
  var parts: [Resource] { [] }

  /// The thread that is using it, `depth` calls deep: a progress callback may call in again.
  /// Guarded by the registry's lock.
  fileprivate var user = pthread_t()
  fileprivate var depth = 0

  fileprivate func isUsed(byOtherThan thread: pthread_t) -> Bool {
    depth > 0 && pthread_equal(user, thread) == 0
  }
}

/// Gives out a handle that owns `resource`.
func makeHandle(_ resource: Resource) throws -> OpaquePointer {
  try Registry.locked { try $0.insert(resource) }
}

/// Runs `body` with what `handle` stands for, which no other thread can use meanwhile.
func using<Wanted: Resource>(
  _ handle: OpaquePointer?, as _: Wanted.Type = Wanted.self, _ body: (Wanted) throws -> Void
) throws {
  let thread = pthread_self()
  let resource: Wanted = try Registry.locked { registry in
    let resource: Wanted = try registry.find(handle)
    let all = [resource] + resource.parts
    guard !all.contains(where: { $0.isUsed(byOtherThan: thread) }) else {
      throw Failure(RN_BUSY, "the \(Kind.of(Wanted.self)) is in use by another thread")
    }
    for used in all {
      used.user = thread
      used.depth += 1
    }
    return resource
  }
  defer {
    Registry.locked { _ in
      for used in [resource] + resource.parts { used.depth -= 1 }
    }
  }
  try body(resource)
}

/// Ends `handle`. Its resource goes once the calls that use it have returned. Null does nothing.
func freeHandle<Wanted: Resource>(_ handle: OpaquePointer?, as _: Wanted.Type) throws {
  guard handle != nil else { return }
  // Kept until the lock is released: taking a model down takes a while.
  let resource: Wanted = try Registry.locked { registry in
    let resource: Wanted = try registry.find(handle)
    guard !resource.isUsed(byOtherThan: pthread_self()) else {
      throw Failure(
        RN_BUSY, "the \(Kind.of(Wanted.self)) cannot be freed: it is in use by another thread")
    }
    registry.remove(handle)
    return resource
  }
  withExtendedLifetime(resource) {}
}

/// The kinds of handles, in the words of the header.
private enum Kind: UInt {
  case model = 1
  case trainer
  case dataset
  case image

  /// As messages name it.
  var withArticle: String { self == .image ? "an image" : "a \(self)" }

  static func of(_ type: Resource.Type) -> Kind {
    if type == ModelResource.self { return .model }
    if type == ImageResource.self { return .image }
    return type == TrainerResource.self ? .trainer : .dataset
  }
}

/// The value of a handle. It is never dereferenced: it names a slot of the registry and how often
/// the slot had been used when the handle was made, so that a freed one is told from its successor.
/// The mark in its upper bits makes it an address that no object can have.
private struct Token {
  static let mark: UInt = 0x524E
  static let indexLimit = 1 << 20
  static let generationLimit = 1 << 24

  let kind: Kind
  let index: Int
  let generation: Int

  init(kind: Kind, index: Int, generation: Int) {
    self.kind = kind
    self.index = index
    self.generation = generation
  }

  init?(_ handle: OpaquePointer) {
    let bits = UInt(bitPattern: handle)
    guard bits >> 48 == Token.mark, let kind = Kind(rawValue: bits >> 44 & 0xF) else { return nil }
    self.kind = kind
    generation = Int(bits >> 20 & 0xFF_FFFF)
    index = Int(bits & 0xF_FFFF)
  }

  var handle: OpaquePointer? {
    OpaquePointer(
      bitPattern: Token.mark << 48 | kind.rawValue << 44 | UInt(generation) << 20 | UInt(index))
  }
}

/// All handles of the process.
private final class Registry: @unchecked Sendable {
  private struct Slot {
    var generation = 0
    var resource: Resource?
  }

  private var slots: [Slot] = []
  private var freeSlots: [Int] = []

  private static let shared: Registry = {
    rk_in_forked_child(RK_CHILD_HANDLES) { Registry.shared.forgetOtherThreads() }
    // The first computation chooses them; a child of a fork in that moment would wait for it for ever.
    _ = try? Kernels.selected()
    return Registry()
  }()

  /// The registry is made, too, while a fork waits.
  static func locked<Result>(_ body: (Registry) throws -> Result) rethrows -> Result {
    rk_lock(RK_LOCK_HANDLES)
    defer { rk_unlock(RK_LOCK_HANDLES) }
    return try body(shared)
  }

  /// What a thread was using that a forked child does not have stays in use, even if a new thread gets the
  /// name of that one.
  private func forgetOtherThreads() {
    let thread = pthread_self()
    for resource in slots.lazy.compactMap(\.resource) {
      for used in [resource] + resource.parts where used.isUsed(byOtherThan: thread) {
        used.user = pthread_t()
      }
    }
  }

  func insert(_ resource: Resource) throws -> OpaquePointer {
    if freeSlots.isEmpty, slots.count < Token.indexLimit {
      freeSlots.append(slots.count)
      slots.append(Slot())
    }
    guard let index = freeSlots.popLast() else {
      throw Failure(RN_OUT_OF_MEMORY, "\(Token.indexLimit) handles exist already; free some")
    }
    slots[index].resource = resource
    let token = Token(
      kind: .of(type(of: resource)), index: index, generation: slots[index].generation)
    guard let handle = token.handle else {
      throw Failure(RN_OUT_OF_MEMORY, "this platform's pointers cannot hold a handle")
    }
    return handle
  }

  func find<Wanted: Resource>(_ handle: OpaquePointer?) throws -> Wanted {
    let wanted = Kind.of(Wanted.self)
    func invalid(_ what: String) -> Failure {
      Failure(RN_INVALID_HANDLE, "expected \(wanted.withArticle), got \(what)")
    }
    guard let handle else { throw invalid("a null handle") }
    guard let token = Token(handle), token.index < slots.count,
      token.generation <= slots[token.index].generation
    else { throw invalid("\(handle), which is no handle of this library") }
    guard token.kind == wanted else { throw invalid(token.kind.withArticle) }
    let slot = slots[token.index]
    guard token.generation == slot.generation, let resource = slot.resource as? Wanted else {
      throw invalid("\(token.kind.withArticle) that was freed")
    }
    return resource
  }

  /// Empties the slot of a handle that `find` has found.
  func remove(_ handle: OpaquePointer?) {
    guard let index = handle.flatMap(Token.init)?.index else { return }
    slots[index].resource = nil
    slots[index].generation += 1
    // A slot whose generations are used up stays empty, so that no handle value comes twice.
    if slots[index].generation < Token.generationLimit { freeSlots.append(index) }
  }
}
