public import WeirIO
internal import WeirTensors

/// What can be told of a checkpoint from its headers and side files.
public struct Inspection: Sendable {
  public let checkpoint: Checkpoint
  /// The adapter that the weights are the factors of; `nil` where they are none, or of a kind that cannot be applied.
  let adapter: Adapter?
  /// Why an adapter cannot be applied.
  let refusal: String?

  /// Opens a checkpoint.
  ///
  /// - Throws: ``PipelineError`` of kind `request` where it cannot be opened or is not sound.
  public init(path: String, options: RunOptions = RunOptions()) throws(PipelineError) {
    checkpoint = try Plan.run(.request) { () throws(CheckpointError) in
      try Checkpoint.open(path, policy: options.readPolicy, maximumHeaderBytes: options.maximumHeaderBytes)
    }
    guard AdapterFolder.isAdapter(checkpoint.folder) else {
      (adapter, refusal) = (nil, nil)
      return
    }
    do throws(CheckpointError) {
      adapter = try Adapter.open(path, policy: options.readPolicy, maximumHeaderBytes: options.maximumHeaderBytes)
      refusal = nil
    } catch {
      (adapter, refusal) = (nil, error.description)
    }
  }

  /// A run of tensors that have something in common.
  struct Group {
    let name: String
    private(set) var tensors = 0
    private(set) var parameters = 0
    private(set) var bytes = 0

    init(name: String) { self.name = name }

    mutating func add(_ tensor: TensorInfo) {
      tensors += 1
      parameters += tensor.elementCount
      bytes += tensor.byteCount
    }
  }

  /// What is odd about it and yet allowed, one line each.
  public var notes: [String] { checkpoint.notes + (adapter?.notes ?? []) + (refusal.map { [$0] } ?? []) }

  /// The tensors of each dtype, the one with the most bytes first.
  var dtypes: [Group] {
    var groups: [DType: Group] = [:]
    for tensor in checkpoint.catalogue.tensors {
      groups[tensor.dtype, default: Group(name: tensor.dtype.rawValue)].add(tensor)
    }
    return groups.values.sorted { ($1.bytes, $0.name) < ($0.bytes, $1.name) }
  }

  /// The tensors of each stack of layers, the one with the most bytes first.
  var stacks: [Group] {
    var groups: [String: Group] = [:]
    for tensor in checkpoint.catalogue.tensors {
      guard let stack = LayerPosition(name: tensor.name)?.stack else { continue }
      groups[stack, default: Group(name: stack)].add(tensor)
    }
    return groups.values.sorted { ($1.bytes, $0.name) < ($0.bytes, $1.name) }
  }

  /// The tensors of each file, in the order of the files.
  var files: [Group] {
    var groups = checkpoint.files.map { Group(name: ModelPath.lastPart($0.path)) }
    for (tensor, location) in zip(checkpoint.catalogue.tensors, checkpoint.locations) {
      groups[location.file].add(tensor)
    }
    return groups
  }

  /// `llama (LlamaForCausalLM)`, as far as `config.json` says.
  var architecture: String? {
    let type = checkpoint.config?["model_type"]?.string
    let names = (checkpoint.config?["architectures"]?.array ?? []).compactMap(\.string)
    guard !names.isEmpty else { return type }
    return type.map { "\($0) (\(names.joined(separator: ", ")))" } ?? names.joined(separator: ", ")
  }
}

/// Paths of models, for people.
enum ModelPath {
  /// The last name of a path.
  static func lastPart(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
}

/// Numbers of elements, for people.
enum Count {
  /// `1.10 B`, `22.7 M`, `813`: three significant digits with a letter for the power of a thousand.
  static func text(_ count: Int) -> String {
    let units = ["", " K", " M", " B", " T"]
    var value = Double(count)
    var unit = 0
    while value >= 999.5, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    guard unit > 0 else { return "\(count)" }
    return Quantity.decimal(value, places: value < 9.995 ? 2 : value < 99.95 ? 1 : 0) + units[unit]
  }
}
