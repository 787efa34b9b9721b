import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A terminal that a test reads: what a program writes to `name` arrives at `descriptor`.
enum Terminal {
  static func open() throws -> (descriptor: Int32, name: String) {
    // Looked up by name, as not every platform's module shows them.
    typealias Open = @convention(c) (Int32) -> Int32
    typealias Name = @convention(c) (Int32) -> UnsafeMutablePointer<CChar>?
    let open = unsafeBitCast(try function("posix_openpt"), to: Open.self)
    let grant = unsafeBitCast(try function("grantpt"), to: Open.self)
    let unlock = unsafeBitCast(try function("unlockpt"), to: Open.self)
    let name = unsafeBitCast(try function("ptsname"), to: Name.self)
    let descriptor = open(O_RDWR | O_NOCTTY)
    guard descriptor >= 0, grant(descriptor) == 0, unlock(descriptor) == 0, let path = name(descriptor) else {
      throw FixtureError("posix_openpt", "/dev/ptmx")
    }
    return (descriptor, String(cString: path))
  }

  private static func function(_ name: String) throws -> UnsafeMutableRawPointer {
    try #require(dlsym(dlopen(nil, RTLD_NOW), name))
  }
}
