import TestSupport
import Testing
import WeirIO

@testable import WeirPipeline

/// How recipes name models, and where those are looked for.
@Suite struct ModelReferenceTests {
  private static let place = Position(offset: 0, line: 1, column: 1)

  @Test(
    arguments: [
      ("org/name", "org/name", nil, nil), ("org/name@v1", "org/name", "v1", nil), ("./a+b", "./a", nil, "b"),
      ("org/a@refs/pr/3+org/b@main", "org/a", "refs/pr/3", "org/b@main"),
    ] as [(String, String, String?, String?)])
  func `A reference is a path, a revision and an adapter`(
    _ text: String, _ path: String, _ revision: String?, _ adapter: String?
  ) throws {
    let reference = try #require(ModelReference(text, at: Self.place))
    #expect(reference.model.path == path && reference.model.revision == revision)
    #expect(reference.adapter?.text == adapter && reference.text == text)
  }

  @Test(arguments: ["", "a@b@c", "a+b+c", "a+", "+a", "a@", "@a", "a\nb"])
  func `What has too many signs, or nothing between them, is no reference`(_ text: String) {
    #expect(ModelReference(text, at: Self.place) == nil)
  }

  /// A cache with two revisions of one model and one of another.
  private func withCache(_ body: (Scene, ModelCache) throws -> Void) throws {
    try withScene { scene in
      let hashes = ["0123456789abcdef0123456789abcdef01234567", "89abcdef0123456789abcdef0123456789abcdef"]
      for hash in hashes { try makeFolders(scene, "hub/models--org--name/snapshots/\(hash)") }
      try makeFolders(scene, "hub/models--org--name/refs/refs/pr")
      try writeFile(scene.path("hub/models--org--name/refs/main"), hashes[0])
      try writeFile(scene.path("hub/models--org--name/refs/v2"), hashes[1] + "\n")
      try writeFile(scene.path("hub/models--org--name/refs/refs/pr/1"), hashes[1])
      try writeFile(scene.path("hub/models--org--name/refs/evil"), "../../../secret")
      try makeFolders(scene, "hub/models--single/snapshots/abcdef0")
      try makeFolders(scene, "secret")
      try body(scene, ModelCache(folder: scene.path("hub")))
    }
  }

  private func makeFolders(_ scene: Scene, _ path: String) throws {
    var whole = scene.folder
    for part in path.split(separator: "/") {
      whole += "/\(part)"
      if (try? readFile(whole)) == nil { try? makeFolder(whole) }
    }
  }

  @Test func `The cache is read as the libraries lay it out`() throws {
    try withCache { scene, cache in
      func found(_ model: String, _ revision: String? = nil) -> String {
        if case .found(let path) = cache.find(model, revision: revision) { String(path.suffix(7)) } else { "none" }
      }
      #expect(found("org/name") == "1234567" && found("org/name", "main") == "1234567")
      #expect(found("org/name", "v2") == "9abcdef" && found("org/name", "refs/pr/1") == "9abcdef")
      #expect(found("org/name", "89abcde") == "9abcdef" && found("org/name", "89ABCDEF0") == "9abcdef")
      #expect(found("org/name", "89abcd") == "none" && found("org/name", "v3") == "none")
      #expect(found("single") == "abcdef0" && found("other") == "none")
    }
  }

  @Test func `No name leads out of the cache`() throws {
    try withCache { _, cache in
      for name in ["../secret", "org/../name", "..", "a/b/c", "/etc", "org/", "\u{1}"] {
        #expect(cache.find(name, revision: nil) == .absent, "\(name)")
      }
      for revision in ["../../../../secret", "evil", "..", "/", ""] {
        guard case .otherRevisions = cache.find("org/name", revision: revision) else {
          Issue.record("\(revision) was found")
          continue
        }
      }
    }
  }

  @Test(
    arguments: [
      (["HF_HUB_CACHE": "/a", "HF_HOME": "/b", "HOME": "/c"], "/a"), (["HUGGINGFACE_HUB_CACHE": "/x"], "/x"),
      (["HF_HOME": "/b", "HOME": "/c"], "/b/hub"), (["XDG_CACHE_HOME": "/d", "HOME": "/c"], "/d/huggingface/hub"),
      (["HOME": "/c", "HF_HOME": ""], "/c/.cache/huggingface/hub"),
    ] as [([String: String], String)])
  func `The cache is where the libraries would look`(_ environment: [String: String], _ folder: String) {
    #expect(ModelCache { environment[$0] }.folder == folder)
  }

  @Test func `A model beside the recipe comes before one in the cache, and what is nowhere is explained`() throws {
    try withCache { scene, cache in
      try makeFolders(scene, "recipes/org/name")
      let locator = ModelLocator(folder: scene.path("recipes/"), cache: cache)
      func answer(_ text: String) -> String {
        switch locator.find(ModelReference.Place(text) ?? .init(path: "", revision: nil)) {
        case .found(let path): path
        case .missing(let why): why
        }
      }
      #expect(answer("org/name") == scene.path("recipes/org/name"))
      #expect(answer("single").hasSuffix("models--single/snapshots/abcdef0"))
      #expect(
        answer("org/other").hasPrefix("nothing is at '\(scene.path("recipes/org/other"))' and 'org/other', and the"))
      #expect(answer("single@v1").contains("has no revision 'v1' of it, only 'abcdef0'"))
    }
  }
}

/// Filters that name a layer, where layers are numbered anew.
@Suite struct LayerFilterTests {
  @Test(arguments: [
    ("mlp", ["*mlp*"]), ("layers.3.mlp", ["*layers.1.mlp*"]), ("layers.9.", []),
    ("layers.1", ["*layers.8.*", "*layers.9.*"]),
    (".3.", ["*.1.*"]), ("3.mlp", ["*.1.mlp*"]), ("experts.3.", ["*experts.3.*"]), ("fc1", ["*fc1*"]),
    ("w1.", ["*w1.*"]),
    ("4", ["*.2.*"]),
  ]) func `A layer's number becomes the number that it has in the slice`(_ filter: String, _ globs: [String]) {
    // Of layers 2 to 13, those from 10 on begin with 1.
    let layers = filter == "layers.1" ? 2..<12 : 2..<6
    #expect(LayerFilter(filter).globs(layers: layers) == globs)
    #expect(LayerFilter(filter).globs(layers: nil) == ["*\(filter)*"])
  }
}
