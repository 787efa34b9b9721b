public import WeirIO
internal import WeirOps
internal import WeirTensors

extension CheckpointDiff {
  /// Everything that was found, for programs.
  public var json: JSONValue {
    .object([
      ("a", .string(a.path)), ("b", .string(b.path)), ("same", .bool(isSame)), ("total", total.json),
      ("tensors", .array(tensors.map(Self.json))), ("only_in_a", .array(onlyInA.map(Self.json))),
      ("only_in_b", .array(onlyInB.map(Self.json))),
    ])
  }

  private static func json(_ tensor: Tensor) -> JSONValue {
    var members: [(String, JSONValue)] = [("name", .string(tensor.a.name))]
    members.append(("a", json(tensor.a)))
    members.append(("b", json(tensor.b)))
    return .object(members + [("difference", tensor.difference?.json ?? .null)])
  }

  private static func json(_ tensor: TensorInfo) -> JSONValue {
    .object([
      ("name", .string(tensor.name)), ("dtype", .string(tensor.dtype.rawValue)),
      ("shape", .array(tensor.shape.extents.map { .number($0) })),
    ])
  }
}

extension Difference {
  var json: JSONValue {
    var members: [(String, JSONValue)] = [
      ("elements", .number(elementCount)), ("changed", .number(changedCount)), ("changed_share", .number(changedShare)),
    ]
    if hasNumbers {
      members += [
        ("norm_a", .number(normA)), ("norm_b", .number(normB)), ("norm_difference", .number(normDifference)),
        ("cosine", cosine.map { .number($0) } ?? .null), ("max_difference", .number(largest)),
        ("not_finite", .number(nonFiniteCount)),
      ]
    }
    let ulps = ulps.enumerated().filter { $0.element > 0 }.map { place, count -> JSONValue in
      let distances = Self.distances(at: place)
      // Distances beyond 2^53 do not fit JSON's numbers.
      let last: JSONValue = distances.upperBound < 1 << 53 ? .number(Int(distances.upperBound)) : .null
      let first: JSONValue = distances.lowerBound < 1 << 53 ? .number(Int(distances.lowerBound)) : .null
      return .object([("from", first), ("to", last), ("elements", .number(count))])
    }
    return .object(members + [("ulps", .array(ulps))])
  }
}
