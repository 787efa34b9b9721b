/// Bytes that may still be written where `path` is or will be; `nil` where the file system does not say.
public func freeBytes(at path: String) -> Int? {
  nearestExisting(path).flatMap { OutputCalls.freeBytes($0.path) }
}

/// A number that tells disks apart: of the one on which `path` is or will be; `nil` where nothing of the path exists.
public func device(of path: String) -> UInt64? { nearestExisting(path)?.facts.device }

/// The path itself or the nearest folder above it that exists.
private func nearestExisting(_ path: String) -> (path: String, facts: FileSystem.Facts)? {
  var place = path
  while true {
    if let facts = FileSystem.facts(place, followingLinks: true) { return (place, facts) }
    let parent = PathText.parent(of: place)
    guard parent != place else { return nil }
    place = parent
  }
}
