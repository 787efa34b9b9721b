import TestSupport
import Testing

@testable import WeirIO

@Suite struct JournalTests {
  private let records = [
    Journal.Record(kind: 1, payload: Array("what it is".utf8)), Journal.Record(kind: 2, payload: []),
    Journal.Record(kind: 7, payload: Array(0...255)), Journal.Record(kind: 2, payload: [1, 2, 3]),
  ]

  /// The bytes of a journal of some records.
  private func bytes(_ records: [Journal.Record], in folder: String) throws -> [UInt8] {
    let path = "\(folder)/made"
    let journal = try Journal.open(path, isFresh: true).journal
    for record in records { try journal.append(record) }
    return try readFile(path)
  }

  /// What a journal of these bytes is found to hold.
  private func read(_ bytes: [UInt8], in folder: String) throws -> [Journal.Record] {
    try writeFile("\(folder)/read", bytes)
    return try Journal.open("\(folder)/read").records
  }

  @Test func `What was noted is found again, and more can be noted after it`() throws {
    try withTemporaryDirectory { folder in
      let path = "\(folder)/journal"
      #expect(try Journal.open(path).records == [])
      for (number, record) in records.enumerated() {
        let (journal, found) = try Journal.open(path)
        #expect(found == Array(records[..<number]))
        try journal.append(record)
      }
      #expect(try Journal.open(path).records == records)
      #expect(try readFile(path) == bytes(records, in: folder))
      #expect(try Journal.open(path, isFresh: true).records == [])
      #expect(try Journal.open(path).records == [])
    }
  }

  @Test func `A journal that was torn anywhere holds the records before, and goes on after them`() throws {
    try withTemporaryDirectory { folder in
      let whole = try bytes(records, in: folder)
      let ends = try (0...records.count).map { try bytes(Array(records[..<$0]), in: folder).count }
      for length in 0...whole.count {
        let sound = max(0, (ends.lastIndex { $0 <= length } ?? 0))
        #expect(try read(Array(whole[..<length]), in: folder) == Array(records[..<sound]), "\(length) bytes")
        let journal = try Journal.open("\(folder)/read").journal
        for record in records[sound...] { try journal.append(record) }
        #expect(try readFile("\(folder)/read") == whole)
      }
    }
  }

  @Test func `A flipped bit ends the journal before its record`() throws {
    try withTemporaryDirectory { folder in
      let whole = try bytes(records, in: folder)
      let ends = try (0...records.count).map { try bytes(Array(records[..<$0]), in: folder).count }
      for place in whole.indices {
        var flipped = whole
        flipped[place] ^= 1 << UInt8(place % 8)
        let found = try read(flipped, in: folder)
        let sound = ends.lastIndex { $0 <= place } ?? 0
        #expect(found == Array(records[..<sound]), "byte \(place)")
      }
    }
  }

  @Test func `A record that is repeated, out of its place or another journal's ends the journal`() throws {
    try withTemporaryDirectory { folder in
      let whole = try bytes(records, in: folder)
      let ends = try (0...records.count).map { try bytes(Array(records[..<$0]), in: folder).count }
      func part(_ number: Int) -> [UInt8] { Array(whole[ends[number]..<ends[number + 1]]) }
      let head = Array(whole[..<ends[0]])
      #expect(try read(head + part(0) + part(0) + part(1), in: folder) == [records[0]])
      #expect(try read(head + part(0) + part(2), in: folder) == [records[0]])
      #expect(try read(head + part(1) + part(0), in: folder) == [])
      let other = try bytes([Journal.Record(kind: 1, payload: Array("another".utf8)), records[1]], in: folder)
      let foreign = Array(other[(ends[0] + 13 + 7)...])
      #expect(try read(head + part(0) + foreign, in: folder) == [records[0]])
      #expect(try read(whole + foreign, in: folder) == records)
    }
  }

  @Test func `A length beyond the end, and a folder or a link in the journal's place, are no journal`() throws {
    try withTemporaryDirectory { folder in
      let one = try bytes([records[0]], in: folder)
      #expect(try read(one + [255, 255, 255, 255, 2] + Array(repeating: 0, count: 50), in: folder) == [records[0]])
      #expect(try read(Array("WEIRJRN2".utf8) + one[8...], in: folder) == [])
      try makeFolder("\(folder)/folder")
      #expect(try Journal.open("\(folder)/folder").records == [])
      try writeFile("\(folder)/elsewhere", one)
      try makeLink("\(folder)/link", to: "elsewhere")
      #expect(try Journal.open("\(folder)/link").records == [])
      #expect(try readFile("\(folder)/elsewhere") == one)
    }
  }

  @Test func `Every kind of entry reads back, and none from bytes that are cut`() throws {
    let hash = Hash128(Array("x".utf8))
    let entries: [JournalEntry] = [
      .identity([1, 2]), .statistics([]), .attempt(byteCount: 12), .publishing([hash, hash]),
      .pieces([.init(tensor: 3, number: 5, hash: hash), .init(tensor: 1 << 20, number: 0, hash: hash)]),
      .archived(
        ArchivedTensor(
          tensor: 2, codec: 9, rank: 4, hashes: ArchiveHashes(base: nil, result: hash), nanCount: 3,
          infinityCount: 70_000, byteCounts: [1, 70_000], checksums: [.max, 2])),
    ]
    for entry in entries {
      #expect(JournalEntry(entry.record) == entry)
    }
    for entry in entries[2...] {
      let record = entry.record
      #expect(JournalEntry(Journal.Record(kind: record.kind, payload: record.payload.dropLast())) == nil)
    }
    #expect(JournalEntry(Journal.Record(kind: 99, payload: [])) == nil)
  }
}
