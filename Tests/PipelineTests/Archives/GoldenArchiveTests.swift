import Foundation
import TestSupport
import Testing
import WeirIO

@testable import WeirPipeline

/// Archives that earlier programs wrote stay readable, and come out as they did then; make_golden.py beside them says more.
@Suite struct GoldenArchiveTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Fixtures/archives").standardizedFileURL.path

  /// An archive of a version, and the hashes of what comes out of it: of files, or of a delta's tensors.
  struct Golden: CustomTestStringConvertible, Sendable {
    let version: String
    let name: String
    let expected: [String: String]

    var folder: String { "\(GoldenArchiveTests.folder)/\(version)" }
    var path: String { "\(folder)/\(name)" }
    var testDescription: String { "\(version)/\(name)" }
  }

  private static func golden(_ version: String) throws -> [Golden] {
    let json = try JSON.parse(try readFile("\(folder)/\(version)/expected.json"))
    return (json.object ?? []).map { archive in
      let pairs = (archive.value.object ?? []).compactMap { member in member.value.string.map { (member.key, $0) } }
      return Golden(version: version, name: archive.key, expected: Dictionary(uniqueKeysWithValues: pairs))
    }
  }

  static let all: [Golden] = ["v1"].flatMap { (try? golden($0)) ?? [] }

  /// Applies an archive of a checkpoint or of an adapter; gives the hashes of the files.
  private func applied(_ golden: Golden, _ archive: Archive, _ scene: Scene) throws -> [String: String] {
    let base = archive.kind == .checkpoint ? ["\(golden.folder)/base"] : []
    let request = ApplyRequest(paths: base + [golden.path], output: MadeOutput(path: scene.path("out")))
    let plan = try Plan.make(try request.pipeline().parse(), options: .test)
    _ = try plan.run(progress: Progress(plan))
    let names = try scene.names("out")
    return Dictionary(
      uniqueKeysWithValues: try names.map { ($0, Hash128(try readFile(scene.path("out/\($0)"))).description) })
  }

  /// Writes a delta in F32; gives the hashes of its tensors.
  private func changes(_ golden: Golden, _ scene: Scene) throws -> [String: String] {
    try scene.run(
      """
      {"weir": 1, "sources": {"change": {"archive": "\(golden.path)"}},
       "outputs": [{"from": "change", "to": "out.safetensors", "dtype": "f32"}]}
      """)
    return try scene.tensors("out.safetensors").mapValues { Hash128($0.bytes).description }
  }

  @Test(arguments: all)
  func `An archive of an earlier version opens, verifies and comes out as it did`(golden: Golden) throws {
    let archive = try Archive.open(golden.path)
    let verify = try VerifyRequest(golden.path)
    let verification = try verify.run(progress: Progress(bytesToRead: verify.bytesToRead))
    #expect(verification.isSound && verification.blockCount > 0)
    try withScene { scene in
      let found = archive.kind == .delta ? try changes(golden, scene) : try applied(golden, archive, scene)
      #expect(found == golden.expected)
    }
  }

  @Test func `Golden archives are of every codec and of every kind`() throws {
    let archives = try Self.all.map { try Archive.open($0.path) }
    let files = try FileManager.default.contentsOfDirectory(atPath: "\(Self.folder)/v1")
    #expect(archives.count == files.count { $0.hasSuffix(".tv.safetensors") } && archives.count >= 22)
    #expect(Set(archives.map(\.kind)) == [.checkpoint, .delta, .adapter])
    #expect(Set(archives.flatMap(\.tensors).map(\.codec)) == Set(ArchiveCodec.allCases))
  }
}
