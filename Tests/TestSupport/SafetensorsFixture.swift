import WeirTensors

/// A tensor of a file that a test makes.
public typealias FixtureTensor = (name: String, dtype: DType, shape: [Int], bytes: [UInt8])

/// The bytes of a safetensors file, tensors laid one after the other in their order.
public func safetensorsBytes(_ tensors: [FixtureTensor], metadata: [String: String] = ["format": "pt"]) -> [UInt8] {
  var entries: [String] = []
  if !metadata.isEmpty {
    let pairs = metadata.sorted { $0.key < $1.key }.map { "\(jsonQuoted($0.key)):\(jsonQuoted($0.value))" }
    entries.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
  }
  var offset = 0
  for tensor in tensors {
    let shape = tensor.shape.map(String.init).joined(separator: ",")
    let end = offset + tensor.bytes.count
    entries.append(
      "\(jsonQuoted(tensor.name)):{\"dtype\":\"\(tensor.dtype.rawValue)\",\"shape\":[\(shape)],"
        + "\"data_offsets\":[\(offset),\(end)]}")
    offset = end
  }
  return safetensorsBytes(header: "{\(entries.joined(separator: ","))}", data: tensors.flatMap(\.bytes))
}

/// The bytes of a file with the given header, right or wrong; `length` overrides the header's true length.
public func safetensorsBytes(header: String, data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
  let text = Array(header.utf8)
  let count = length ?? UInt64(text.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + text + data
}

/// Writes a safetensors file.
public func writeSafetensors(
  path: String, tensors: [FixtureTensor], metadata: [String: String] = ["format": "pt"]
) throws {
  try writeFile(path, safetensorsBytes(tensors, metadata: metadata))
}

/// Writes shards and their index into a folder that exists: `model-00001-of-0000N.safetensors` and so on.
public func writeShards(folder: String, shards: [[FixtureTensor]]) throws {
  func padded(_ number: Int) -> String { String(String(100_000 + number).dropFirst()) }
  var map: [String] = []
  for (number, tensors) in shards.enumerated() {
    let name = "model-\(padded(number + 1))-of-\(padded(shards.count)).safetensors"
    try writeSafetensors(path: "\(folder)/\(name)", tensors: tensors)
    map += tensors.map { "\(jsonQuoted($0.name)):\"\(name)\"" }
  }
  let total = shards.joined().reduce(0) { $0 + $1.bytes.count }
  try writeFile(
    "\(folder)/model.safetensors.index.json",
    "{\"metadata\":{\"total_size\":\(total)},\"weight_map\":{\(map.joined(separator: ","))}}")
}

/// The bytes of F32 values, least significant first.
public func float32Bytes(_ values: [Float]) -> [UInt8] {
  values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) } }
}

/// The bytes of BF16 values, rounded to nearest even.
public func bfloat16Bytes(_ values: [Float]) -> [UInt8] {
  values.flatMap { value -> [UInt8] in
    let bits = value.bitPattern
    let rounded = value.isNaN ? bits | 0x40_0000 : bits &+ 0x7FFF &+ (bits >> 16 & 1)
    return [UInt8(truncatingIfNeeded: rounded >> 16), UInt8(truncatingIfNeeded: rounded >> 24)]
  }
}

private func jsonQuoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"", "\\": result += "\\\(scalar)"
    case "\u{0}"..<" ":
      let digits = String(scalar.value, radix: 16)
      result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
