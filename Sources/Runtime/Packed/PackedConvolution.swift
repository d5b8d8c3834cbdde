public import FerryEngine

extension Conv {
    public func prepare(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator {
        guard groups == 1, !options.channelsFirst else { return PlainOperator(operation: self, parameters: parameters) }
        let kernel = try parameters.required("kernel").cast(to: .float32)
        let bias = useBias ? try parameters.required("bias").cast(to: .float32) : nil
        guard options.axes == 1, options.dilation == [1], let activation = KernelActivation(activation) else {
            return PackedWindowedConvolution(layer: self, windows: PackedWindows(options, kernel, bias: bias, packing))
        }
        let (size, features, filters) = (kernel.shape[0], kernel.shape[1], kernel.shape[2])
        let matrix = PackedMatrix(
            kernel.reshaped([size * features, filters]), bias: bias, Packing(kernels: packing.kernels))
        return PackedConvolution(options: options, activation: activation, features: features, matrix: matrix)
    }
}

/// A ``Conv`` along time that runs on the kernels: windows of neighbouring steps are the rows of a matrix that overlap.
struct PackedConvolution: PreparedOperator {
    let options: SpatialOptions
    let activation: KernelActivation
    let features: Int
    /// [size · features, filters]
    let matrix: PackedMatrix

    func run(_ inputs: Slots<Signal>, _ state: inout LayerState) throws -> [Signal] {
        let plan = CallPlan()
        let builder = PlanBuilder(plan, isStreaming: false)
        let x = builder.constant(inputs[0].tensor.cast(to: .float32))
        guard let y = self.plan(Slots([x]), in: builder)?.first, plan.run() else {
            throw FerryError(
                .shape, found: "input \(x.shape)", expected: "[batch, time, \(features)]")
        }
        return [Signal(Tensor(Array(UnsafeBufferPointer(start: y.floats, count: y.count)), shape: y.shape))]
    }

    func plan(_ inputs: Slots<PlannedValue>, in builder: PlanBuilder) -> [PlannedValue]? {
        let x = inputs[0]
        guard x.dtype == .float32, x.shape.count == 3, x.shape[2] == features else { return nil }
        let (batch, time) = (x.shape[0], x.shape[1])
        let cut = options.cut(time)
        let y = builder.value([batch, cut.windows, matrix.columns])
        guard y.count > 0 else { return [y] }
        builder.calls.addProduct(
            rows: cut.windows, padded(x, cut, in: builder), stride: options.strides[0] * features, matrix,
            activation: activation, into: y.floats, repeats: batch,
            repeatStride: cut.padded * features)
        return [y]
    }

    /// The sequences with zeros around them.
    private func padded(_ x: PlannedValue, _ cut: SpatialOptions.Cut, in builder: PlanBuilder) -> UnsafePointer<Float> {
        guard cut.padded > x.shape[1] else { return UnsafePointer(x.floats) }
        let length = x.shape[1] * features
        let memory = builder.calls.floats(x.shape[0] * cut.padded * features)
        for row in 0..<x.shape[0] {
            builder.calls.addCopy(
                x.floats + row * length, into: memory + (row * cut.padded + cut.before) * features,
                byteCount: length * MemoryLayout<Float>.stride)
        }
        return UnsafePointer(memory)
    }
}
