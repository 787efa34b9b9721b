public import WeirIO
public import WeirTensors
public import WeirOps

/// How a run may use the machine.
public struct RunOptions: Sendable {
  /// Bytes that the run may reserve, mapped windows included.
  public var memory: Int
  /// Workers that compute at the same time.
  public var threads: Int
  public var readPolicy: ReadPolicy
  /// Whether an earlier output may be replaced.
  public var overwrite: Bool
  public var maximumHeaderBytes: Int
  /// Whether an archive is applied to a base that is not the one it was made from.
  public var force = false
  /// Whether what an unfinished run into an output left is removed, whatever that run was.
  public var fresh = false
  /// Whether the SHA-256 of every weights file is taken, which reads them once more.
  public var hashesFiles = false
  /// Whether a disk too full for the outputs is an error of the request, rather than a warning as where nothing is run.
  public var requiresSpace = true
  /// Elements of a tile; results do not depend on it.
  public var tileLength: Int

  public static let standardMemory = 352 << 20
  public static let leastMemory = 16 << 20

  public init(
    memory: Int = RunOptions.standardMemory, threads: Int = RunOptions.coreCount, readPolicy: ReadPolicy = .auto,
    overwrite: Bool = false, maximumHeaderBytes: Int = SafetensorsHeader.defaultMaximumByteCount,
    tileLength: Int = TileMachine.standardTileLength
  ) {
    self.memory = memory
    self.threads = threads
    self.readPolicy = readPolicy
    self.overwrite = overwrite
    self.maximumHeaderBytes = maximumHeaderBytes
    self.tileLength = tileLength
  }

  /// The most elements that a worker ranks at once: a part of its share, a power of two.
  var rankStep: Int {
    let share = memory / (max(1, threads) * 512)
    return min(1 << 20, max(1 << 12, 1 << (Int.bitWidth - 1 - max(1, share).leadingZeroBitCount)))
  }

  /// The logarithm of how many bins all searches of a sweep together may have: they take 4 bytes each on every thread, and
  /// 8 in each tensor that is under way.
  var searchBits: Int { memory >= max(1, threads) * 64 << 20 ? 20 : 19 }

  /// The cores of the machine that this process may use.
  public static var coreCount: Int { max(1, Processors.available) }
}

/// What a run of a pipeline will read, write and use: everything known before the first weight is read.
public struct Plan: Sendable {
  /// One tensor of an output.
  public struct Tensor: Sendable {
    public let info: TensorInfo
    /// Whether its bytes are copied.
    public let isCopy: Bool
    /// How often its inputs are read: once to apply, and once per sweep for its statistics.
    public let passes: Int
    /// Bytes of its inputs.
    public let inputBytes: Int
    let operands: [Operand]
    /// Its expression, where an earlier tensor has the same; elsewhere it is built again when it is computed, for all of them
    /// together would take more memory than the run.
    var expression: SharedValue?
  }

  /// One output.
  public struct Output: Sendable {
    public let spec: OutputSpec
    public let tensors: [Tensor]
    /// The files; none of an archive, whose blocks have no known size.
    public let layout: OutputLayout
    /// Whether the files are those that an archive was made from.
    let isRestored: Bool
    let archive: ArchivePlan?
    /// How often the whole model is swept before the first byte is written, as far as can be told.
    public let modelSweeps: Int
    /// The longest chain of statistics of the whole model.
    let modelLevels: Int
    /// Everything that is computed: ``value``, or what an archive prepares from it.
    let values: [ValueIndex]
    let value: ValueIndex
    /// The name of each tensor before the output's own renaming.
    let names: [String]
    let donor: Int?

    /// Bytes that are read, every pass counted.
    public var bytesIn: Int { tensors.reduce(0) { $0 + $1.inputBytes * ($1.passes + modelSweeps) } }
    public var bytesOut: Int { archive?.expectedBytes ?? layout.fileByteCount }
    /// The most passes of any tensor.
    public var passes: Int { (tensors.map(\.passes).max() ?? 0) + modelSweeps }
  }

  public let spec: PipelineSpec
  public let outputs: [Output]
  public let options: RunOptions
  /// Bytes that the run will reserve at the most.
  public let workingSet: Int
  /// What is odd and yet allowed.
  public let warnings: [Diagnostic]
  private(set) var graph: GraphPlan
  let forcesDouble: Bool
  let sizes: WorkSizes

  /// The same plan with a node's densities as they were chosen; for archives, none of whose tensors keep an expression.
  func setting(_ densities: [String: Double], of node: Int) -> Plan {
    var plan = self
    let position = graph.nodes[node].spec.name.position
    plan.graph.nodes[node].spec.parameters["density"] = ParameterValue(
      content: .number(.table(densities)), position: position)
    return plan
  }

  public var bytesIn: Int { outputs.reduce(0) { $0 + $1.bytesIn } }
  public var bytesOut: Int { outputs.reduce(0) { $0 + $1.bytesOut } }
}

/// How large blocks and windows are, so that all workers together stay within the budget.
struct WorkSizes: Sendable, Equatable {
  /// Bytes of an output block.
  let block: Int
  /// Bytes of an input's window.
  let window: Int
  /// Bytes of adapters' factors that are kept for all workers.
  let factors: Int
  /// Threads: those that compute, and as many again that write meanwhile.
  let workers: Int
  let total: Int
  /// Whether the budget has room for the large pages that a window begins and ends in.
  let allowsLargePages: Bool

  private static let page = 4096

  /// Tensors whose statistics are held at the same time: one that is applied, and those ahead of it.
  private static let tensorsInFlight = 3

  /// Divides `memory` among workers that each need a block, a window per input, and registers.
  ///
  /// - Parameters:
  ///   - slots: the most inputs of any tensor.
  ///   - workerBytes: bytes of a worker's registers and of what it decodes and codes.
  ///   - held: bytes of a tensor's statistics.
  ///   - claimed: bytes that a worker needs to gather statistics.
  ///   - factors: bytes of the adapters' factors of a tensor: of two tensors they are kept, and each worker may compute with
  ///     others.
  ///   - shared: bytes that all workers share.
  ///   - leastBlock: bytes of the smallest block; larger ones are this times a power of two.
  init(
    memory: Int, threads: Int, slots: Int, workerBytes: Int, held: Int, claimed: Int, factors: Int = 0,
    shared: Int = 0, leastBlock: Int
  ) {
    workers = 2 * threads
    self.factors = 2 * factors
    let fixed =
      workers * workerBytes + Self.tensorsInFlight * held + threads * (claimed + factors) + self.factors
      + shared
    let room = max(0, memory - fixed)
    let windows = workers * max(1, slots)
    // Large pages are fewer to map, but a window holds the rest of those that it begins and ends in.
    let around = windows * 2 * WindowReader.largePageByteCount
    let large = Self.divided(max(0, room - around), workers: workers, windows: windows, leastBlock: leastBlock)
    allowsLargePages = large.window >= WindowReader.largePageByteCount
    (block, window) =
      allowsLargePages ? large : Self.divided(room, workers: workers, windows: windows, leastBlock: leastBlock)
    total = fixed + workers * Self.held(block) + windows * window
  }

  /// Divides `room` between blocks, which get half of it at the most, and windows.
  private static func divided(
    _ room: Int, workers: Int, windows: Int, leastBlock: Int
  ) -> (block: Int, window: Int) {
    var block = 4 << 20
    while block > leastBlock, held(block) * workers > room / 2 { block /= 2 }
    let share = max(0, room - held(block) * workers) / windows
    return (block, min(4 << 20, max(64 << 10, share / page * page)))
  }

  /// Bytes of a worker's block, and of the part of it that waits to be hashed after what another worker is still computing.
  private static func held(_ block: Int) -> Int { block + min(block, TensorHasher.pieceByteCount) }
}
