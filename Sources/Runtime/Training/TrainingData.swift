public import FerryEngine

/// Samples to train or validate with.
public struct TrainingData: Sendable {
    /// One tensor for each input of the model, [samples, …].
    public var inputs: [Tensor]
    /// One tensor for each output of the model that has a loss, [samples, …].
    public var targets: [Tensor]
    /// What each sample (or step) counts, one tensor for each target; empty for 1.
    public var sampleWeights: [Tensor]

    /// Data for a model with one input and one output.
    public init(_ x: Tensor, _ y: Tensor, sampleWeights: Tensor? = nil) {
        self.init(inputs: [x], targets: [y], sampleWeights: sampleWeights.map { [$0] } ?? [])
    }

    /// Data for any model.
    public init(inputs: [Tensor], targets: [Tensor], sampleWeights: [Tensor] = []) {
        self.inputs = inputs
        self.targets = targets
        self.sampleWeights = sampleWeights
    }

    /// The number of samples.
    public var count: Int { inputs.first?.shape.first ?? 0 }

    /// The samples at `rows`.
    public func samples(_ rows: [Int]) -> TrainingData {
        TrainingData(
            inputs: inputs.map { $0.rows(rows) }, targets: targets.map { $0.rows(rows) },
            sampleWeights: sampleWeights.map { $0.rows(rows) })
    }

    /// The first samples and the last ones, of which there is the given share (Keras `validation_split`).
    public func split(validation share: Double) -> (training: TrainingData, validation: TrainingData) {
        let boundary = Int((Double(count) * (1 - share)).rounded(.down))
        return (samples(Array(0..<boundary)), samples(Array(boundary..<count)))
    }

    /// The same data with each sample weighted by its class: the number of the target, or the place of its largest
    /// element.
    ///
    /// - Throws: ``FerryError/Code/range`` where a class has no weight.
    public func weighted(byClass weights: [Int: Float]) throws -> TrainingData {
        var copy = self
        copy.sampleWeights = try targets.enumerated().map { index, target in
            let classes = target.rank > 1 && target.shape[target.rank - 1] > 1 ? target.largestPlaces() : target.ints
            let factors = try classes.map { number in
                guard let weight = weights[number] else {
                    throw FerryError(
                        .range, found: "class \(number) in the targets", expected: "a weight for it",
                        remedy: "give every class a weight")
                }
                return weight
            }
            let spread = Tensor(factors)
            return index < sampleWeights.count
                ? sampleWeights[index].cast(to: .float32).reshaped([factors.count]) * spread : spread
        }
        return copy
    }

    /// - Throws: ``FerryError`` where tensors are missing or count different samples.
    func check(inputs inputCount: Int, targets targetCount: Int) throws {
        guard inputs.count == inputCount, targets.count == targetCount else {
            throw FerryError(
                .range, found: "\(inputs.count) inputs and \(targets.count) targets",
                expected: "\(inputCount) and \(targetCount)",
                remedy: "give one array for each input of the model and one for each output with a loss")
        }
        let counts = Set((inputs + targets + sampleWeights).map { $0.shape.first ?? 0 })
        guard counts.count == 1, count > 0 else {
            throw FerryError(
                .shape, found: "arrays of shapes \((inputs + targets + sampleWeights).map(\.shape))",
                expected: "the same number of samples, at least one, along the first axis of each")
        }
    }
}

extension Tensor {
    /// The place of the largest element of each line along the last axis.
    func largestPlaces() -> [Int] {
        let values = floats
        let length = max(shape.last ?? 1, 1)
        return stride(from: 0, to: values.count, by: length).map { start in
            (0..<length).reduce(0) { values[start + $1] > values[start + $0] ? $1 : $0 }
        }
    }
}
