internal import WeirIO
internal import WeirTensors

/// The keys by which a node and an output say which tensors they take and what these are then called.
enum SelectionKeys {
  static let include = Key(
    "include", .globs, "Only tensors whose name one of these globs matches; on a node the others come from the base.")
  static let exclude = Key("exclude", .globs, "No tensor whose name one of these globs matches.")
  static let rename = Key(
    "rename", Form<[RenameRule]>.list("an array of renames", of: .rename, noun: nil).named("renames"),
    "New names; of several rules the first that matches holds.")

  static let keys: [any ObjectKey] = [include, exclude, rename]
}

extension Fields {
  var filter: TensorFilter {
    TensorFilter(include: self[SelectionKeys.include] ?? [], exclude: self[SelectionKeys.exclude] ?? [])
  }

  var rename: [RenameRule] { self[SelectionKeys.rename] ?? [] }
}

extension Form<[Glob]> {
  fileprivate static var globs: Form { .list("an array of globs", of: .glob, noun: nil).named("globs") }
}

extension Form<RenameRule> {
  fileprivate static var rename: Form {
    let from = Key("from", Form<Glob>.glob, required: true, "The names that change.")
    let to = Key(
      "to", .name("a new name"), required: true,
      "The new name; each `*` takes what the `*` of `from` in its turn stood for.")
    return .object("an object with 'from' and 'to'", KeyTable([from, to])) { fields, value, place, reader in
      guard let glob = fields[from], let name = fields[to] else { return nil }
      let stars = glob.pattern.count { $0 == "*" }
      let found = name.count { $0 == "*" }
      guard stars == found else {
        reader.error(
          at: fields.offset(of: "to"),
          "\(place.text): 'to' has \(Wording.count(found, "star")), expected \(stars) as in 'from'")
        return nil
      }
      guard !name.contains("?") else {
        reader.error(
          at: fields.offset(of: "to"),
          "\(place.text): 'to' has a '?', expected a name in which '*' alone stands for captured text")
        return nil
      }
      return RenameRule(from: glob, to: name)
    }
  }
}
