/// Every loss Ferry trains with.
public enum LossCatalogue {
    /// The losses.
    public static let all: [any Loss.Type] = [
        // Of numbers
        MeanSquaredError.self, MeanAbsoluteError.self, MeanAbsolutePercentageError.self,
        MeanSquaredLogarithmicError.self, Huber.self, LogCosh.self, Poisson.self, CosineSimilarity.self,
        // Of probabilities and classes
        BinaryCrossentropy.self, CategoricalCrossentropy.self, SparseCategoricalCrossentropy.self, KLDivergence.self,
        // Of margins
        Hinge.self, SquaredHinge.self, CategoricalHinge.self,
        // Of sequences without alignment
        CTC.self,
    ]
}
