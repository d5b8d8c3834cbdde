public import FerryEngine
import OrderedCollections

extension ParameterSet: ExpressibleByDictionaryLiteral {
    /// Tensors by name, in the order written.
    public init(dictionaryLiteral elements: (String, Tensor)...) {
        self.init(OrderedDictionary(uniqueKeysWithValues: elements))
    }
}

extension Operator {
    /// The outputs by the plain definition, for operators that training computes as inference does.
    func plain(_ inputs: Slots<Signal>, _ parameters: ParameterSet) throws -> [Signal] {
        var state = LayerState()
        return try evaluate(inputs, parameters, &state)
    }
}

extension Tensor {
    /// The gradient of a tensor of shape `target` that was stretched to this shape: summed along what was stretched.
    func summed(to target: [Int]) -> Tensor {
        guard target != shape else { return self }
        let missing = rank - target.count
        let strides = target.rowMajorStrides
        let steps = shape.indices.map { axis in
            axis < missing || target[axis - missing] == 1 ? 0 : strides[axis - missing]
        }
        return withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
            Tensor(shape: target, of: Float.self) { sums in
                guard !source.isEmpty else { return }
                let length = shape.last ?? 1
                let step = steps.last ?? 0
                var next = 0
                forEachIndex(Array(shape.dropLast())) { at in
                    var place = zip(at, steps).reduce(0) { $0 + $1.0 * $1.1 }
                    for _ in 0..<length {
                        sums[place] += source[next]
                        next += 1
                        place += step
                    }
                }
            }
        }
    }

    /// The sum of the rows of this tensor seen as [rows, length of the last axis].
    func summedOverRows() -> Tensor {
        let columns = shape.last ?? 1
        return withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
            Tensor(shape: [columns], of: Float.self) { sums in
                guard let from = source.baseAddress, let to = sums.baseAddress, columns > 0 else { return }
                Kernels.best.sumRows(from, rows: source.count / columns, columns: columns, into: to)
            }
        }
    }

    /// The product of matrices [rows, inner] and [inner, columns] on the kernels, either of them transposed first.
    func product(_ other: Tensor, transposingLeft: Bool = false, transposingRight: Bool = false) -> Tensor {
        withUnsafeElements { (a: UnsafeBufferPointer<Float>) in
            other.withUnsafeElements { (b: UnsafeBufferPointer<Float>) in
                let rows = shape[transposingLeft ? 1 : 0]
                let columns = other.shape[transposingRight ? 0 : 1]
                return Tensor(shape: [rows, columns], of: Float.self) { c in
                    guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
                    let left = MatrixView(a, rows: shape[0], columns: shape[1])
                    let right = MatrixView(b, rows: other.shape[0], columns: other.shape[1])
                    Kernels.best.multiply(
                        transposingLeft ? left.transposed : left, transposingRight ? right.transposed : right, into: c)
                }
            }
        }
    }

    /// This tensor with every element multiplied by `factor`.
    func scaled(by factor: Float) -> Tensor { self * Tensor(scalar: factor) }

    /// a + b, where either may be missing.
    static func sum(_ a: Tensor?, _ b: Tensor?) -> Tensor? {
        guard let a, let b else { return a ?? b }
        return a + b
    }

    /// The axes of `order` put back where ``transposed(_:)`` took them from.
    func untransposed(_ order: [Int]) -> Tensor {
        transposed(order.indices.map { axis in order.firstIndex(of: axis) ?? 0 })
    }
}
