/// What became of the weights in a file when they met an architecture.
public struct LoadReport: Sendable, Equatable {
    /// A parameter and the weight that it was given.
    public struct Assignment: Sendable, Equatable {
        /// The parameter as `layer/parameter`.
        public var parameter: String
        /// The weight's name in the file.
        public var weight: String

        /// A parameter and its weight.
        public init(parameter: String, weight: String) {
            self.parameter = parameter
            self.weight = weight
        }
    }

    /// A layer that the file has no weights for.
    public struct Gap: Sendable, Equatable {
        /// The layer's name in the architecture.
        public var layer: String
        /// The most similar name among those that the file has left.
        public var nearest: String?

        /// A layer and the most similar name that is left.
        public init(layer: String, nearest: String? = nil) {
            self.layer = layer
            self.nearest = nearest
        }
    }

    /// Parameters that have their weights.
    public var loaded: [Assignment] = []
    /// Layers that the file has no weights for.
    public var missing: [Gap] = []
    /// Layers whose weights are of another number or shape.
    public var mismatched: [String] = []
    /// Groups of weights, by their names in the file, that belong to no layer.
    public var unused: [String] = []
    /// Layers whose weights stand under another name in the file: matched by their place.
    public var renamed: [Assignment] = []

    /// Nothing loaded yet.
    public init() {}

    /// Whether every parameter has its weight.
    public var isComplete: Bool { missing.isEmpty && mismatched.isEmpty }

    /// What a user should know of weights that were loaded.
    public var notes: [String] {
        var notes: [String] = []
        if !unused.isEmpty { notes.append("weights of no layer were left out: \(unused.joined(separator: ", "))") }
        if !renamed.isEmpty {
            let list = renamed.map { "'\($0.weight)' for '\($0.parameter)'" }.joined(separator: ", ")
            notes.append("weights were matched by their order, where the file has other names: \(list)")
        }
        return notes
    }
}
