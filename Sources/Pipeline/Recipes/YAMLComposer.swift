internal import WeirIO

/// Builds values from events: a stack of what is open, and what anchors name.
struct YAMLComposer {
  private(set) var documents = YAMLText.Documents()
  private var open: [Open] = []
  private var anchors: [String: YAMLValue] = [:]
  private var count = 0

  /// A list or mapping that has not ended.
  private struct Open {
    let isMapping: Bool
    let position: Position
    let anchor: String?
    var elements: [YAMLValue] = []
    var members: [YAMLMember] = []
    /// Where a key stands among the members.
    var places: [String: Int] = [:]
    /// The key that waits for its value.
    var key: YAMLValue?
    /// Mappings that `<<` names, whose members hold where the mapping has no own.
    var inherited: [YAMLMember] = []
    var count = 1

    var value: YAMLValue {
      guard isMapping else { return YAMLValue(content: .sequence(elements), position: position, count: count) }
      var members = members
      var known = Set(places.keys)
      for member in inherited where known.insert(member.key).inserted { members.append(member) }
      return YAMLValue(content: .mapping(members), position: position, count: count)
    }
  }

  mutating func take(_ event: YAMLEvent) throws(YAMLText.Problem) {
    switch event.kind {
    case .startDocument: anchors = [:]
    case .scalar(let scalar):
      try close(
        YAMLValue(content: .scalar(try tagged(scalar, event)), position: event.position, count: 1),
        anchor: event.anchor)
    case .alias:
      guard let value = event.anchor.flatMap({ anchors[$0] }) else {
        throw problem(event, "'*\(event.anchor ?? "")' names no value, expected one that '&' has named before")
      }
      try close(YAMLValue(content: value.content, position: event.position, count: value.count), anchor: nil)
    case .startSequence, .startMapping:
      guard open.count < YAMLText.depthLimit else {
        throw problem(event, YAMLText.tooDeep)
      }
      var isMapping = false
      if case .startMapping = event.kind { isMapping = true }
      if let tag = event.tag, tag != "!", tag != (isMapping ? Self.tags + "map" : Self.tags + "seq") {
        throw problem(event, "tag \(MessageText.quoted(tag)), expected plain YAML; remove it")
      }
      open.append(Open(isMapping: isMapping, position: event.position, anchor: event.anchor))
    case .endSequence, .endMapping:
      guard let done = open.popLast() else { return }
      try close(done.value, anchor: done.anchor)
    }
  }

  private static let tags = "tag:yaml.org,2002:"

  /// A scalar as its tag has it.
  private func tagged(_ scalar: YAMLScalar, _ event: YAMLEvent) throws(YAMLText.Problem) -> YAMLScalar {
    guard let tag = event.tag else { return scalar }
    switch tag {
    case "!", Self.tags + "str": return YAMLScalar(text: scalar.text, isPlain: false)
    case "int", "float", "bool", "null": return scalar
    case let tag where ["int", "float", "bool", "null"].contains(where: { tag == Self.tags + $0 }):
      return YAMLScalar(text: scalar.text, isPlain: true)
    default: throw problem(event, "tag \(MessageText.quoted(tag)), expected plain YAML; remove it")
    }
  }

  private func problem(_ event: YAMLEvent, _ message: String) -> YAMLText.Problem {
    YAMLText.Problem(position: event.position, message: message)
  }

  /// Puts a whole value where it belongs.
  private mutating func close(_ value: YAMLValue, anchor: String?) throws(YAMLText.Problem) {
    if let anchor { anchors[anchor] = value }
    guard let last = open.indices.last else {
      if !value.isNull { documents.roots.append(value) }
      return
    }
    // What lists and mappings hold has been counted; an alias counts with all that it repeats.
    open[last].count += value.count
    guard open[last].count <= YAMLText.valueLimit else {
      throw YAMLText.Problem(
        position: value.position, message: "more than \(YAMLText.valueLimit) values, expected a recipe")
    }
    guard open[last].isMapping else {
      open[last].elements.append(value)
      return
    }
    guard let key = open[last].key else {
      open[last].key = value
      return
    }
    open[last].key = nil
    guard let name = key.scalar else {
      throw YAMLText.Problem(position: key.position, message: "a key is \(key.found), expected a word")
    }
    if name.isPlain, name.text == "<<" {
      for mapping in value.sequence ?? [value] { open[last].inherited += mapping.mapping ?? [] }
      return
    }
    let member = YAMLMember(key: name.text, keyPosition: key.position, value: value)
    if let earlier = open[last].places[name.text] {
      documents.warnings.append(
        YAMLText.Problem(
          position: open[last].members[earlier].keyPosition,
          message: "key \(MessageText.quoted(name.text)) stands again on line \(key.position.line), and holds there"))
      open[last].members[earlier] = member
    } else {
      open[last].places[name.text] = open[last].members.count
      open[last].members.append(member)
    }
  }
}
