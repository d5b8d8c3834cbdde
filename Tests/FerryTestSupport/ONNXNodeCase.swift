import FerryEngine
import FerryInterchange
import FerryRuntime
package import OrderedCollections
package import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// One of ONNX's own node tests: a model of one operator, or of what the standard says it consists of, and values.
package struct ONNXNodeCase: Sendable, CustomTestStringConvertible {
    /// Such as `test_lstm_defaults`.
    package let name: String
    /// The file.
    package let bytes: [UInt8]
    /// The file that holds the values.
    package let values: [UInt8]
    package var testDescription: String { name }

    /// Every case in `fixtures/onnx-node`, by name.
    package static let all: OrderedDictionary<String, ONNXNodeCase> = {
        let folder = "\(Fixture.root)/fixtures/onnx-node"
        let archives = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        var cases: OrderedDictionary<String, ONNXNodeCase> = [:]
        for archive in archives.sorted() where archive.hasSuffix(".zip") {
            let members = (try? ZipArchive.read("\(folder)/\(archive)")) ?? [:]
            for (file, bytes) in members where !file.hasSuffix(".io.onnx") {
                let name = String(file.dropLast(".onnx".count))
                cases[name] = ONNXNodeCase(name: name, bytes: bytes, values: members["\(name).io.onnx"] ?? [])
            }
        }
        return cases
    }()

    /// What is wrong with the outputs that Ferry computes; nil where they are the recorded ones.
    package func failure() -> String? {
        do {
            let file = try ONNXModel(bytes: bytes)
            let recorded = try Recorded(values)
            let model = try ONNXReader.read(file, fileName: "model.onnx")
            let names = file.graph.inputs.map(\.name)
            let inputs = try model.inputs.map { input in
                try recorded.tensor("in_\(names.firstIndex(of: input.name) ?? 0)")
            }
            let outputs = try InferenceSession(model).predict(inputs)
            for (index, found) in outputs.enumerated() {
                let expected = try recorded.tensor("out_\(index)")
                guard found.dtype == expected.dtype else { return "\(found.dtype) instead of \(expected.dtype)" }
                let difference = Difference(found, expected)
                guard difference.isWithin(expected.dtype.nodeTolerance) else {
                    return "output \(index): \(difference)"
                }
            }
            return nil
        } catch {
            return "\(error)"
        }
    }
}

/// The values of a case.
private struct Recorded {
    private let constants: [String: ONNXTensor]

    init(_ bytes: [UInt8]) throws {
        let tensors = try ONNXModel(bytes: bytes).graph.initializers
        constants = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
    }

    func tensor(_ name: String) throws -> Tensor {
        guard let tensor = constants[name] else { throw FerryError(.missingKey, found: "no value '\(name)'") }
        return try tensor.tensor()
    }
}

extension DType {
    /// Some values are recorded with four digits.
    fileprivate var nodeTolerance: Tolerance {
        switch self {
        case .float32, .float64: .relative(1e-4)
        case .float16: .relative(2e-3)
        case .bfloat16: .relative(1e-2)
        default: .exact
        }
    }
}
