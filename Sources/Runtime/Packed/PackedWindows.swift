import FerryEngine

/// A convolution over one to three axes, features last, as one product for each sample: what the window sees at a place
/// is a row of a matrix.
struct PackedWindows: Sendable {
    /// Where the window meets an input of certain lengths.
    struct Map {
        /// The lengths of the output between batch and features.
        fileprivate let output: [Int]
        /// For each place and each tap of the window the place of the input, −1 where it lies outside.
        fileprivate let sources: [Int]
    }

    private let window: Window
    private let features: Int
    /// [taps · features, filters]
    private let matrix: PackedMatrix

    /// Packs a kernel [size…, features, filters] and a bias [filters].
    init(_ options: SpatialOptions, _ kernel: Tensor, bias: Tensor?, _ packing: Packing) {
        window = options.window
        features = kernel.shape[options.axes]
        let rows = kernel.shape.dropLast().reduce(1, *)
        matrix = PackedMatrix(
            kernel.cast(to: .float32).reshaped([rows, kernel.shape[options.axes + 1]]),
            bias: bias?.cast(to: .float32), Packing(kernels: packing.kernels))
    }

    /// - Throws: ``FerryError/Code/shape`` where the window is longer than the input.
    func map(_ x: Tensor) throws -> Map {
        let lengths = Array(x.shape[1..<(x.rank - 1)])
        let output = try window.outputLengths(lengths)
        let taps = window.lengths.product
        _ = try checkedShape([max(matrix.columns, taps * features)] + output)
        var sources = [Int](repeating: -1, count: output.product * taps)
        window.forEachTap(lengths, output) { place, tap, source in sources[place * taps + tap] = source }
        return Map(output: output, sources: sources)
    }

    /// [rows, …, filters] for x [rows, …, features], float32.
    func callAsFunction(_ x: Tensor, _ map: Map) -> Tensor {
        let (rows, places) = (x.shape[0], map.output.product)
        let (size, width) = (x.count / max(rows, 1), matrix.inner)
        return x.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
            Tensor(shape: [rows] + map.output + [matrix.columns], of: Float.self) { target in
                guard let target = target.baseAddress, let source = source.baseAddress else { return }
                withUnsafeTemporaryAllocation(of: Float.self, capacity: max(places * width, 1)) { columns in
                    guard let seen = columns.baseAddress else { return }
                    for row in 0..<rows {
                        gather(source + row * size, map, into: seen)
                        matrix.multiply(
                            rows: places, seen, stride: width, into: target + row * places * matrix.columns,
                            stride: matrix.columns)
                    }
                }
            }
        }
    }

    private func gather(_ x: UnsafePointer<Float>, _ map: Map, into columns: UnsafeMutablePointer<Float>) {
        for (i, source) in map.sources.enumerated() {
            let place = columns + i * features
            if source < 0 {
                place.update(repeating: 0, count: features)
            } else {
                place.update(from: x + source * features, count: features)
            }
        }
    }
}

/// A ``Conv`` over any axes whose windows are packed.
struct PackedWindowedConvolution: PreparedOperator {
    let layer: Conv
    let windows: PackedWindows

    func run(_ inputs: Slots<Signal>, _ state: inout LayerState) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        return [Signal(try layer.activation(windows(x, windows.map(x))))]
    }
}
