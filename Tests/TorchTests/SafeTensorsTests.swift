import Foundation
import Testing
import Torch

@Suite struct SafeTensorsTests {
  /// Reference: scripts/goldens/torch_safetensors.py, which the Python package wrote.
  @Test func readsPythonsFiles() throws {
    let (tensors, metadata) = try SafeTensors.read(goldenPath("python"))
    let numbers: [Float] = [0, 1, -2.5, 3.25, -65504, 0x1p-14]
    #expect(metadata == ["made by": "safetensors \"Python\"\t"])
    #expect(tensors.count == 11)
    for (name, dtype) in [("float32", DType.float32), ("float16", .float16)] {
      let tensor = try #require(tensors[name])
      #expect(try tensor.dtype == dtype && tensor.shape == [2, 3] && tensor.floats() == numbers)
    }
    #expect(try tensors["float64"]?.floats() == numbers.map { Float(Double($0) / 3) })
    #expect(try tensors["bfloat16"]?.floats() == [0, 1, -2.5, 3.25, -65536, 0x1p-14])
    #expect(try tensors["int64"]?.integers() == [0, -1, 1 << 62])
    #expect(try tensors["uint8"]?.integers() == [0, 1, 255])
    #expect(try tensors["int8"]?.integers() == [0, -128, 127])
    #expect(try tensors["bool"]?.integers() == [1, 0] && tensors["bool"]?.dtype == .bool)
    #expect(try tensors["scalar"]?.item() == 0.5 && tensors["scalar"]?.shape == [])
    #expect(tensors["empty"]?.shape == [2, 0, 3])
    #expect(try tensors["a \"quoted\" näme \\ 音\n"]?.item() == 7)
  }

  /// The same tensors in any order give the same bytes as the Python package wrote.
  @Test func writesWhatPythonWrites() throws {
    let path = try goldenPath("python")
    let (tensors, metadata) = try SafeTensors.read(path)
    try withTemporaryFolder { folder in
      let copy = folder + "/copy.safetensors"
      try SafeTensors.write(
        tensors.map { (name: $0.key, tensor: $0.value) }, metadata: metadata, to: copy)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: copy))
      #expect(try bytes == Data(contentsOf: URL(fileURLWithPath: path)))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["copy.safetensors"])
    }
  }

  @Test func writesAnyLayout() throws {
    let x = try normal([2, 3, 4, 5], seed: 1)
    try withTemporaryFolder { folder in
      let path = folder + "/x.safetensors"
      try SafeTensors.write(
        [
          (name: "last", tensor: x.channelsLast()), (name: "turned", tensor: x.transpose(1, 3)),
          (name: "leaf", tensor: x.requiringGrad()),
        ], to: path)
      let (tensors, metadata) = try SafeTensors.read(path)
      #expect(metadata.isEmpty)
      #expect(try tensors["last"]?.floats() == x.floats())
      #expect(try tensors["turned"]?.floats() == x.transpose(1, 3).floats())
      #expect(try tensors["leaf"]?.floats() == x.floats())
    }
  }

  @Test func refusesToWriteANameTwice() throws {
    let x = try Tensor.zeros([1])
    try withTemporaryFolder { folder in
      let path = folder + "/x.safetensors"
      #expect(throws: TorchError.self) {
        try SafeTensors.write([(name: "x", tensor: x), (name: "x", tensor: x)], to: path)
      }
      #expect(throws: TorchError.self) {
        try SafeTensors.write([(name: "__metadata__", tensor: x)], to: path)
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(left.isEmpty)
    }
  }

  /// Where the new file cannot take its place, what was there stays and nothing is left beside it.
  @Test func failedWriteLeavesNothingBehind() throws {
    #expect(throws: TorchError.self) { try SafeTensors.write([], to: "/nonexistent/x") }
    try withTemporaryFolder { folder in
      let path = folder + "/x.safetensors"
      try FileManager.default.createDirectory(
        atPath: path + "/inside", withIntermediateDirectories: true)
      let error = #expect(throws: TorchError.self) {
        try SafeTensors.write([(name: "x", tensor: .zeros([1]))], to: path)
      }
      #expect(error?.description.hasPrefix(path) == true)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.safetensors"])
    }
  }

  struct Malformed: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let header: String
    var data = 4
    var size: UInt64?
    let reason: String
  }

  static let malformed: [Malformed] = [
    .init(testDescription: "no JSON", header: "[]", reason: "not JSON"),
    .init(testDescription: "cut JSON", header: #"{"x":{"dtype":"F32""#, reason: "at byte 19"),
    .init(testDescription: "trailing text", header: entry() + "x", reason: "unexpected"),
    .init(
      testDescription: "header beyond the file", header: entry(), size: 1000, reason: "1000 bytes"),
    .init(
      testDescription: "huge header", header: entry(), size: .max, reason: "18446744073709551615"),
    .init(testDescription: "unknown type", header: entry(dtype: "F8"), reason: "of type F8"),
    .init(testDescription: "wrong size", header: entry(shape: "[2]"), reason: "4 bytes for"),
    .init(
      testDescription: "shape overflow", header: entry(shape: "[4294967296,4294967296]"),
      reason: "impossible shape"),
    .init(testDescription: "negative shape", header: entry(shape: "[-1]"), reason: "unexpected"),
    .init(
      testDescription: "huge number", header: entry(shape: "[99999999999999999999]"),
      reason: "too large"),
    .init(testDescription: "offsets reversed", header: entry(offsets: "[4,0]"), reason: "range"),
    .init(testDescription: "three offsets", header: entry(offsets: "[0,4,8]"), reason: "range"),
    .init(testDescription: "too little data", header: entry(), data: 3, reason: "holds 3 bytes"),
    .init(testDescription: "too much data", header: entry(), data: 5, reason: "holds 5 bytes"),
    .init(testDescription: "gap", header: entry(offsets: "[1,5]"), data: 5, reason: "begin"),
    .init(
      testDescription: "overlap", header: "{\(member("x")),\(member("y"))}", reason: "begin"),
    .init(
      testDescription: "name twice",
      header: "{\(member("x")),\(member("x", offsets: "[4,8]"))}", data: 8, reason: "twice"),
    .init(
      testDescription: "member missing", header: #"{"x":{"dtype":"F32","shape":[1]}}"#,
      reason: "just dtype"),
    .init(
      testDescription: "metadata not text",
      header: #"{"__metadata__":{"a":1},"# + member("x") + "}",
      reason: "else than text"),
    .init(testDescription: "lone surrogate", header: #"{"\ud800":1}"#, reason: "unexpected"),
    .init(
      testDescription: "deep nesting", header: #"{"x":"# + String(repeating: "[", count: 100_000),
      reason: "unexpected"),
  ]

  private static func member(
    _ name: String, dtype: String = "F32", shape: String = "[1]", offsets: String = "[0,4]"
  ) -> String {
    #""\#(name)":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)}"#
  }

  private static func entry(
    dtype: String = "F32", shape: String = "[1]", offsets: String = "[0,4]"
  ) -> String {
    "{" + member("x", dtype: dtype, shape: shape, offsets: offsets) + "}"
  }

  @Test(arguments: malformed)
  func refusesAMalformedFile(_ file: Malformed) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/bad.safetensors"
      var bytes = withUnsafeBytes(of: (file.size ?? UInt64(file.header.utf8.count)).littleEndian) {
        Data($0)
      }
      bytes.append(Data(file.header.utf8))
      bytes.append(Data(count: file.data))
      try bytes.write(to: URL(fileURLWithPath: path))
      let error = #expect(throws: TorchError.self) { try SafeTensors.read(path) }
      let line = try #require(error).description
      #expect(line.hasPrefix("\(path): not a sound safetensors file: "))
      #expect(line.contains(file.reason))
    }
  }

  @Test func refusesWhatIsNotAFile() throws {
    let missing = #expect(throws: TorchError.self) { try SafeTensors.read("/nonexistent") }
    #expect(missing?.description == "/nonexistent: No such file or directory")
    #expect(throws: TorchError.self) { try SafeTensors.read("/tmp") }
    #expect(throws: TorchError.self) { try SafeTensors.read("/dev/zero") }
    try withTemporaryFolder { folder in
      try Data().write(to: URL(fileURLWithPath: folder + "/empty"))
      #expect(throws: TorchError.self) { try SafeTensors.read(folder + "/empty") }
    }
  }
}
