/// The cache in which the Hugging Face libraries keep what they download: `models--owner--name/snapshots/revision`, and
/// in `refs` which revision a branch or tag stood at. Nothing is ever downloaded.
package struct ModelCache: Sendable {
  /// The folder of the cache; it need not exist.
  package let folder: String

  /// Takes the cache at a folder.
  package init(folder: String) { self.folder = folder }

  /// Takes the cache where those libraries would look for it.
  package init(environment: (String) -> String? = Environment.value) {
    func given(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
    if let hub = given("HF_HUB_CACHE") ?? given("HUGGINGFACE_HUB_CACHE") {
      folder = hub
    } else if let home = given("HF_HOME") {
      folder = PathText.joined(home, "hub")
    } else {
      let caches = given("XDG_CACHE_HOME") ?? PathText.joined(given("HOME") ?? ".", ".cache")
      folder = PathText.joined(caches, "huggingface/hub")
    }
  }

  /// What is known of a model.
  package enum Finding: Equatable, Sendable {
    /// The folder of the revision.
    case found(String)
    /// The cache has other revisions of the model, by their names and hashes.
    case otherRevisions([String])
    case absent
  }

  /// Finds `owner/name`, or a name alone, at a revision: a branch, a tag, a hash or its first seven digits or more.
  ///
  /// - Parameter revision: `nil` for `main`, or the only one that there is.
  package func find(_ model: String, revision: String?) -> Finding {
    let parts = model.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(parts.count), parts.allSatisfy(PathText.isPlainName) else { return .absent }
    let place = PathText.joined(folder, "models--\(parts.joined(separator: "--"))")
    let snapshots = PathText.joined(place, "snapshots")
    let hashes = (try? FileSystem.names(in: snapshots)) ?? []
    guard !hashes.isEmpty else { return .absent }
    let wanted = revision ?? "main"
    if let hash = reference(wanted, in: PathText.joined(place, "refs")), hashes.contains(hash) {
      return .found(PathText.joined(snapshots, hash))
    }
    let isHash = wanted.count >= 7 && wanted.allSatisfy(\.isHexDigit)
    let matching = hashes.filter { $0 == wanted || isHash && $0.hasPrefix(wanted.lowercased()) }
    if matching.count == 1 { return .found(PathText.joined(snapshots, matching[0])) }
    if revision == nil, hashes.count == 1 { return .found(PathText.joined(snapshots, hashes[0])) }
    let names = (try? FileSystem.names(in: PathText.joined(place, "refs"))) ?? []
    return .otherRevisions(names + hashes)
  }

  /// The hash that a branch or tag stands for.
  private func reference(_ name: String, in refs: String) -> String? {
    // A pull request's name has slashes in it; none may lead out of the folder.
    let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.allSatisfy(PathText.isPlainName),
      let bytes = try? TextFile.read(PathText.joined(refs, name), maximumByteCount: 256)
    else { return nil }
    let text = String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
    return PathText.isPlainName(text) ? text : nil
  }
}

extension ModelCache {
  private static let prefix = "models--"

  /// The models that it has, as `owner/name`.
  package var models: [String] {
    Self.names(in: folder).filter { $0.hasPrefix(Self.prefix) }.map { name in
      String(name.dropFirst(Self.prefix.count).replacing("--", with: "/", maxReplacements: 1))
    }
  }

  /// The names of what is in a folder; none where there is no such folder.
  package static func names(in folder: String) -> [String] { (try? FileSystem.names(in: folder)) ?? [] }

  /// Whether something stands at a path.
  package static func exists(_ path: String) -> Bool { FileSystem.facts(path, followingLinks: true) != nil }

  /// A path without links and dots; `nil` where nothing stands there.
  package static func realPath(_ path: String) -> String? { try? FileSystem.realPath(path) }
}
