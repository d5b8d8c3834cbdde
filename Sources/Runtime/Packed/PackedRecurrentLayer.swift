package import FerryEngine

/// A recurrent layer that runs on the kernels; the meaning is that of ``runSequence(_:_:initial:_:_:)``.
struct PackedRecurrentLayer: PreparedOperator {
    let recurrence: any PackedRecurrence
    /// The plain definition, asked for the shapes of the states only.
    let cell: any RecurrentCell
    let options: RecurrentOptions

    func run(_ inputs: Slots<Signal>, _ state: inout LayerState) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        let features = recurrence.projection.features
        guard x.rank == 3, x.shape[2] == features else {
            throw FerryError(.shape, found: "input \(x.shape)", expected: "[batch, time, \(features)]")
        }
        let walk = SequenceWalk(recurrence, x.shape, options)
        let given = inputs.dropFirst(1).present.map { $0.tensor.cast(to: .float32) }
        var states = try initialStates(cell, batch: walk.batch, given: given, options, state)
        let isCarried = options.isStateful || state.isStreaming
        // Given up here, so that the states are uniquely referenced and change in place.
        if isCarried { state.tensors = [] }
        let output = Kernels.flushingDenormals { walk.run(x, mask: inputs[0].mask?.elements(), &states) }
        if isCarried { state.tensors = states }
        let mask = options.returnSequences ? inputs[0].mask : nil
        return [Signal(output, mask: mask)] + (options.returnState ? states.map { Signal($0) } : [])
    }
}

extension LSTM {
    public func prepare(_ parameters: ParameterSet) throws -> any PreparedOperator {
        try packed(parameters, on: .best) ?? PlainOperator(operation: self, parameters: parameters)
    }

    /// The layer with its weights packed for one set of kernels; nil where they lack an option.
    package func packed(_ parameters: ParameterSet, on kernels: Kernels) throws -> (any PreparedOperator)? {
        guard let gates = KernelActivation(recurrentActivation), let candidate = KernelActivation(activation),
            let output = KernelActivation(outputActivation ?? activation), units > 0, clip.isPositiveOrNil
        else { return nil }
        let weights = try RecurrentWeights(parameters, useBias: useBias)
        let recurrence = PackedLSTM(
            kernel: weights.kernel, recurrentKernel: weights.recurrentKernel, bias: weights.bias,
            peephole: usesPeepholes ? try parameters.required("peephole").cast(to: .float32) : nil,
            .init(
                recurrentActivation: gates, activation: candidate, outputActivation: output, clip: clip,
                couplesInputAndForget: couplesInputAndForget), kernels: kernels)
        return PackedRecurrentLayer(recurrence: recurrence, cell: try cell(parameters), options: options)
    }
}

extension GRU {
    public func prepare(_ parameters: ParameterSet) throws -> any PreparedOperator {
        try packed(parameters, on: .best) ?? PlainOperator(operation: self, parameters: parameters)
    }

    /// The layer with its weights packed for one set of kernels; nil where they lack an option.
    package func packed(_ parameters: ParameterSet, on kernels: Kernels) throws -> (any PreparedOperator)? {
        guard let gates = KernelActivation(recurrentActivation), let candidate = KernelActivation(activation),
            units > 0, clip.isPositiveOrNil
        else { return nil }
        let weights = try RecurrentWeights(parameters, useBias: useBias)
        let biases = weights.bias.map { bias in
            bias.reshaped([bias.count / (3 * units), 3 * units]).split(axis: 0, lengths: resetAfter ? [1, 1] : [1])
                .map { $0.reshaped([3 * units]) }
        }
        let recurrence = PackedGRU(
            kernel: weights.kernel, recurrentKernel: weights.recurrentKernel, bias: biases?.first,
            recurrentBias: resetAfter ? biases?.last : nil,
            .init(recurrentActivation: gates, activation: candidate, clip: clip, resetAfter: resetAfter),
            kernels: kernels)
        return PackedRecurrentLayer(recurrence: recurrence, cell: try cell(parameters), options: options)
    }
}

extension SimpleRNN {
    public func prepare(_ parameters: ParameterSet) throws -> any PreparedOperator {
        try packed(parameters, on: .best) ?? PlainOperator(operation: self, parameters: parameters)
    }

    /// The layer with its weights packed for one set of kernels; nil where they lack an option.
    package func packed(_ parameters: ParameterSet, on kernels: Kernels) throws -> (any PreparedOperator)? {
        guard let activation = KernelActivation(activation), units > 0, clip.isPositiveOrNil else { return nil }
        let weights = try RecurrentWeights(parameters, useBias: useBias)
        let recurrence = PackedSimpleRNN(
            kernel: weights.kernel, recurrentKernel: weights.recurrentKernel, bias: weights.bias,
            activation: activation, clip: clip, kernels: kernels)
        return PackedRecurrentLayer(recurrence: recurrence, cell: try cell(parameters), options: options)
    }
}

/// The parameters that all recurrent layers have, as float32.
private struct RecurrentWeights {
    let kernel: Tensor
    let recurrentKernel: Tensor
    let bias: Tensor?

    init(_ parameters: ParameterSet, useBias: Bool) throws {
        kernel = try parameters.required("kernel").cast(to: .float32)
        recurrentKernel = try parameters.required("recurrent_kernel").cast(to: .float32)
        bias = useBias ? try parameters.required("bias").cast(to: .float32) : nil
    }
}

extension Float? {
    /// Whether the kernels, to which 0 means no clipping, understand this bound.
    fileprivate var isPositiveOrNil: Bool { map { $0 > 0 } ?? true }
}
