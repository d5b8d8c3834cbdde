package import FerryRuntime

extension ScatterReduction {
    fileprivate init(_ node: inout ONNXNodeReader) throws {
        let names = Dictionary(uniqueKeysWithValues: Self.allCases.map { ($0.rawValue, $0) })
        self = try node.attributes.choice("reduction", names, default: .none)
    }
}

/// ScatterElements; Scatter was its name before version 11.
extension ScatterElements: ONNXUnary {
    package static let readableOperators = ["ScatterElements", "Scatter"]
    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        ScatterElements(axis: try node.attributes.int("axis") ?? 0, reduction: try ScatterReduction(&node))
    }
}

extension ScatterND: ONNXUnary {
    package static let readableOperators = ["ScatterND"]
    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        ScatterND(reduction: try ScatterReduction(&node))
    }
}

extension CacheUpdate: ONNXUnary {
    package static let readableOperators = ["TensorScatter"]
    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        let isCircular = try node.attributes.choice("mode", ["linear": false, "circular": true], default: false)
        return CacheUpdate(axis: try node.attributes.int("axis") ?? -2, isCircular: isCircular)
    }
}
