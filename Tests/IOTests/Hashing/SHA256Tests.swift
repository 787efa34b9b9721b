import TestSupport
import Testing

@testable import WeirIO

@Suite struct SHA256Tests {
  private func hash(_ bytes: [UInt8], in parts: Int = .max, isPlain: Bool = false) -> String {
    var hash = SHA256(isPlain: isPlain)
    for start in stride(from: 0, to: bytes.count, by: max(1, min(parts, bytes.count))) {
      let end = min(bytes.count, start + min(parts, bytes.count))
      bytes[start..<end].withUnsafeBytes { hash.add($0) }
    }
    return hash.digits()
  }

  @Test(arguments: [true, false])
  func `The published vectors are met`(isPlain: Bool) {
    let vectors = [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
        "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
      ),
      (
        String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
      ),
    ]
    for (text, expected) in vectors { #expect(hash(Array(text.utf8), isPlain: isPlain) == expected) }
  }

  @Test func `Bytes in parts of any size have the hash of the whole, with and without the processor's instructions`() {
    var random = SplitMix64(seed: 71)
    for count in [1, 55, 56, 63, 64, 65, 127, 128, 1000, 4097] {
      let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let whole = hash(bytes)
      #expect(hash(bytes, isPlain: true) == whole)
      for parts in [1, 7, 64, 100] { #expect(hash(bytes, in: parts) == whole) }
    }
  }

  @Test func `A file is hashed as it is, unless that is interrupted`() throws {
    try withTemporaryDirectory { folder in
      let bytes = [UInt8](repeating: 3, count: (1 << 20) + 17)
      try writeFile("\(folder)/file", bytes)
      #expect(try FileDigest.sha256(of: "\(folder)/file") == hash(bytes))
      #expect(try FileDigest.sha256(of: "\(folder)/file", isInterrupted: { true }) == nil)
    }
  }
}
