/// Formats that are recognised so that they can be refused with the remedy.
enum RefusedFormat {
  case pickle
  case gguf
  case lfsPointer
  case webPage
  case hdf5
  case numpy
  case onnx

  /// The format that a file's name tells of, `nil` where it tells of none of these.
  init?(name: String) {
    let name = name.lowercased()
    func ends(_ suffixes: String...) -> Bool { suffixes.contains { name.hasSuffix($0) } }
    if ends(".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".bin.index.json") {
      self = .pickle
    } else if ends(".gguf", ".ggml") {
      self = .gguf
    } else if ends(".h5", ".hdf5", ".keras") {
      self = .hdf5
    } else if ends(".npz", ".npy") {
      self = .numpy
    } else if ends(".onnx", ".onnx_data") {
      self = .onnx
    } else {
      return nil
    }
  }

  /// The format that a file's first bytes tell of; only marks that cannot begin a safetensors file of sane size.
  init?(firstBytes bytes: [UInt8]) {
    // As the length of a header, these bytes would be more than four gigabytes.
    let isLarge = bytes.count >= 8 && bytes[4..<8] != [0, 0, 0, 0]
    func begins(_ text: String) -> Bool { bytes.starts(with: text.utf8) }
    if begins("GGUF") {
      self = .gguf
    } else if begins("PK\u{3}\u{4}") || (bytes.first == 0x80 && isLarge && 2...5 ~= bytes[1]) {
      self = .pickle
    } else if begins("version https://git-lfs") {
      self = .lfsPointer
    } else if begins("<!DOCTYPE") || begins("<!doctype") || begins("<html") {
      self = .webPage
    } else if bytes.starts(with: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .hdf5
    } else if bytes.starts(with: [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]) {
      self = .numpy
    } else {
      return nil
    }
  }

  /// The refusal, naming `file`.
  func error(_ file: String) -> CheckpointError {
    CheckpointError(.unsupportedFormat(description, remedy: remedy), file: file)
  }

  private var description: String {
    switch self {
    case .pickle: "PyTorch pickle file, which can run code when it is opened"
    case .gguf: "GGUF file"
    case .lfsPointer: "Git LFS pointer instead of the file"
    case .webPage: "web page instead of the file"
    case .hdf5: "HDF5 file"
    case .numpy: "NumPy file"
    case .onnx: "ONNX file"
    }
  }

  private var remedy: String {
    switch self {
    case .pickle: "convert it with the safetensors library (save_file), or fetch the model's safetensors files"
    case .gguf: "use the safetensors files that it was made from"
    case .lfsPointer: "fetch the file with 'git lfs pull'"
    case .webPage: "fetch the file again, from its download link"
    case .hdf5, .numpy, .onnx: "convert it with the safetensors library"
    }
  }
}
