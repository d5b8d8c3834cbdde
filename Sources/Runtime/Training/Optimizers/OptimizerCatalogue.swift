/// Every optimiser Ferry trains with.
public enum OptimizerCatalogue {
    /// The optimisers.
    public static let all: [any Optimizer.Type] = [
        SGD.self, RMSprop.self, Adam.self, AdamW.self, Adamax.self, Nadam.self, Adagrad.self, Adadelta.self,
    ]
}
