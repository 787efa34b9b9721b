/// The element types of a checkpoint, named as safetensors names them.
public enum DType: String, CaseIterable, Hashable, Sendable {
  case f64 = "F64"
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  case f8e4m3 = "F8_E4M3"
  case f8e5m2 = "F8_E5M2"
  case i64 = "I64"
  case u64 = "U64"
  case i32 = "I32"
  case u32 = "U32"
  case i16 = "I16"
  case u16 = "U16"
  case i8 = "I8"
  case u8 = "U8"
  case bool = "BOOL"

  /// Bytes per element.
  public var byteCount: Int {
    switch self {
    case .f64, .i64, .u64: 8
    case .f32, .i32, .u32: 4
    case .f16, .bf16, .i16, .u16: 2
    case .f8e4m3, .f8e5m2, .i8, .u8, .bool: 1
    }
  }

  /// Whether methods do arithmetic on elements of this type; all others are copied as bytes.
  public var isMergeable: Bool {
    switch self {
    case .f64, .f32, .f16, .bf16: true
    default: false
    }
  }

  /// The name that a pipeline and a `config.json` use (`bfloat16`), where the Hugging Face libraries have one.
  public var torchName: String? {
    switch self {
    case .f64: "float64"
    case .f32: "float32"
    case .f16: "float16"
    case .bf16: "bfloat16"
    case .f8e4m3: "float8_e4m3fn"
    case .f8e5m2: "float8_e5m2"
    default: nil
    }
  }

  /// The output type that a user's word names: `bf16`, `BF16` or `bfloat16`; `nil` for anything that Weir does not write.
  public init?(outputName: String) {
    switch outputName.lowercased() {
    case "f32", "float32": self = .f32
    case "f16", "float16": self = .f16
    case "bf16", "bfloat16": self = .bf16
    default: return nil
    }
  }

  /// The words that ``init(outputName:)`` takes, for messages and help.
  public static let outputNames = ["f32", "f16", "bf16"]
}
