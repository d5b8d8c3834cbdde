public import FerryEngine

/// What a node of a model computes: a layer that people name (LSTM, Dense) or a primitive (MatMul, Gather).
///
/// One type, one file: the equation, the parameters with their shapes, the shape rule, the evaluation. The type knows no
/// file format; each format adds an extension with the same file stem.
public protocol Operator: Sendable {
    /// The name that people know it by, unique in ``OperatorCatalogue``.
    static var kind: String { get }

    /// How many inputs it takes; the first `arity.lowerBound` must be there.
    var arity: ClosedRange<Int> { get }

    /// The types of its outputs: its only shape rule, and where it refuses inputs that do not fit.
    ///
    /// - Throws: ``FerryError`` without a place; the graph adds the layer's name.
    func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType]

    /// The parameters it needs for such inputs, in the order in which Keras lists its weights.
    func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec]

    /// Whether the first output carries a mask, given which inputs do; says beforehand what ``evaluate`` will do.
    func carriesMask(inputs: [Bool]) -> Bool

    /// Computes the outputs by the plain definition. The inputs have passed ``outputTypes(for:)``.
    func evaluate(_ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState) throws -> [Signal]

    /// The operator made ready to run often: weights packed for the kernels where it has some, as `packing` says.
    func prepare(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator

    /// How the operator treats the time axis; decides whether a stream can run it.
    var timeLocality: TimeLocality { get }

    /// Whether it remembers something from one call to the next.
    var isStateful: Bool { get }

    /// About how many multiplications one call takes, beside a few for every element; bounded by ``RunLimits/work``.
    func multiplications(_ inputs: Slots<ValueType>, _ outputs: [ValueType], parameterCount: Int) -> Int
}

/// How an operator treats the time axis.
public enum TimeLocality: Sendable {
    /// Each time step depends on that step only.
    case perStep
    /// Each time step depends on that step and a state.
    case recurrent
    /// It needs the whole sequence.
    case wholeSequence
}

extension Operator {
    public var arity: ClosedRange<Int> { 1...1 }
    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] { [] }

    /// The operator made ready to run often, with weights in float32.
    public func prepare(_ parameters: ParameterSet) throws -> any PreparedOperator {
        try prepare(parameters, Packing())
    }

    public func prepare(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator {
        PlainOperator(operation: self, parameters: parameters)
    }
    public var timeLocality: TimeLocality { .wholeSequence }
    public var isStateful: Bool { false }
    public func carriesMask(inputs: [Bool]) -> Bool { false }

    /// The name that people know it by.
    public var kind: String { Self.kind }
}

/// An operator with its parameters in the form that runs fastest; immutable, so that sessions can share it.
public protocol PreparedOperator: Sendable {
    /// Computes the outputs. The inputs have passed the operator's ``Operator/outputTypes(for:)``.
    func run(_ inputs: Slots<Signal>, _ state: inout LayerState) throws -> [Signal]

    /// Adds the calls that compute the outputs for inputs of these shapes to a plan; nil where it cannot, so that ``run``
    /// must be used. What it computes is the same.
    func plan(_ inputs: Slots<PlannedValue>, in builder: PlanBuilder) throws -> [PlannedValue]?
}

extension PreparedOperator {
    public func plan(_ inputs: Slots<PlannedValue>, in builder: PlanBuilder) throws -> [PlannedValue]? { nil }
}

/// An operator that runs by its plain definition.
struct PlainOperator: PreparedOperator {
    let operation: any Operator
    let parameters: ParameterSet

    func run(_ inputs: Slots<Signal>, _ state: inout LayerState) throws -> [Signal] {
        try operation.evaluate(inputs, parameters, &state)
    }

    func plan(_ inputs: Slots<PlannedValue>, in builder: PlanBuilder) throws -> [PlannedValue]? {
        guard let operation = operation as? any PlannableOperator else { return nil }
        return try operation.plan(inputs, parameters, in: builder)
    }
}
