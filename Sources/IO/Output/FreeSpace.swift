/// Bytes that may still be written where `path` is or will be; `nil` where the file system does not say.
public func freeBytes(at path: String) -> Int? {
  var place = path
  while FileSystem.facts(place, followingLinks: true) == nil {
    let parent = PathText.parent(of: place)
    guard parent != place else { return nil }
    place = parent
  }
  return OutputCalls.freeBytes(place)
}
