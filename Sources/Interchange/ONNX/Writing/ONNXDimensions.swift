import FerryEngine

/// How the axes of a model's values are written.
///
/// Runtimes reuse memory among values whose axes have equal names, so only names that are sure are written: a name that
/// several axes of the inputs share (but for the batch) is written for each input with the input's name before it, and
/// nowhere else.
struct ONNXDimensions {
    private let unsure: Set<Dimension>

    /// The rules for a model with these inputs.
    init(_ inputs: [(name: String, type: ValueType)]) {
        var seen: Set<Dimension> = [.batch]
        unsure = Set(
            inputs.flatMap(\.type.shape).filter { $0.length == nil && $0 != .batch && !seen.insert($0).inserted })
    }

    /// A value's name and type.
    func info(_ name: String, _ type: ValueType, isInput: Bool = false) -> ONNXValueInfo {
        let axes = type.shape.enumerated().map { axis, dimension in
            isInput ? inputAxis(name, axis, dimension) : inner(dimension)
        }
        return ONNXValueInfo(name: name, type: .tensor(type.dtype, axes.map { ONNXDimension($0) }))
    }

    private func inner(_ dimension: Dimension) -> ONNXDimension.Length {
        switch dimension {
        case .fixed(let length): .fixed(length)
        case .named(let name): unsure.contains(dimension) ? .unknown : .named(name)
        case .unknown: .unknown
        }
    }

    private func inputAxis(_ input: String, _ axis: Int, _ dimension: Dimension) -> ONNXDimension.Length {
        guard case .named(let name) = dimension, unsure.contains(dimension) else { return inner(dimension) }
        return .named("\(input)_\(name)_\(axis)")
    }
}
