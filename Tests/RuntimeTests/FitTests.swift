import FerryEngine
import FerryRuntime
import OrderedCollections
import Testing

/// How data are gone through.
struct FitTests {
    private let data: TrainingData = {
        var random = RandomSource(seed: 3)
        let x = random.uniform([24, 6, 2], in: -1..<1)
        return TrainingData(x, random.uniform([24, 1], in: -1..<1))
    }()

    private func trainer(seed: UInt64 = 5, dropout: Double = 0.2) throws -> Trainer {
        let model = try Model(name: "m", seed: 2) {
            Input(nil, 2)
            LSTM(5, returnSequences: true)
            Dropout(dropout)
            GRU(4)
            Dense(1)
        }
        return try Trainer(
            model, TrainingConfiguration(optimizer: Adam(learningRate: 0.01), loss: MeanSquaredError()), seed: seed)
    }

    @Test func sameSeedSameTraining() throws {
        let (a, b, other) = (try trainer(), try trainer(), try trainer(seed: 6))
        let first = try a.fit(data, epochs: 3, batchSize: 8)
        #expect(try b.fit(data, epochs: 3, batchSize: 8) == first)
        #expect(a.parameters == b.parameters)
        #expect(try other.fit(data, epochs: 3, batchSize: 8) != first)
    }

    @Test func earlyStoppingRestoresTheBest() throws {
        let trainer = try trainer(dropout: 0)
        var options = FitOptions(epochs: 60, batchSize: 8)
        options.validationShare = 0.5
        let history = try trainer.fit(data, options, callbacks: [EarlyStopping(patience: 3, restoresBest: true)])
        let best = try #require(history.values("val_loss").min())
        let (_, validation) = data.split(validation: 0.5)
        #expect(try trainer.evaluate(validation, batchSize: 8)["loss"] == best)
        #expect(history.epochs.count < 60)
        #expect(history.stopReason?.hasPrefix("'val_loss' has not become better for 3 epochs") == true)
    }

    @Test func plateauReducesTheRate() throws {
        let trainer = try trainer(dropout: 0)
        let callback = ReduceOnPlateau(Monitor("loss", minimumDelta: 10), factor: 0.5, patience: 2)
        let history = try trainer.fit(data, FitOptions(epochs: 6), callbacks: [callback])
        #expect(history.epochs.map(\.learningRate) == [0.01, 0.01, 0.01, 0.005, 0.005, 0.0025])
    }

    @Test func truncationCarriesStates() throws {
        let model = try Model(name: "m", seed: 2) {
            Input(nil, 2)
            LSTM(5, returnSequences: true)
            Dense(1)
        }
        var random = RandomSource(seed: 3)
        let sequences = TrainingData(
            random.uniform([4, 12, 2], in: -1..<1), random.uniform([4, 12, 1], in: -1..<1))
        let configuration = TrainingConfiguration(optimizer: SGD(learningRate: 0.0), loss: MeanSquaredError())
        let (whole, parts) = (try Trainer(model, configuration), try Trainer(model, configuration))
        var options = FitOptions(epochs: 1, batchSize: 4, shuffles: false)
        let expected = try whole.fit(sequences, options).losses[0]
        options.truncation = 4
        let found = try parts.fit(sequences, options).losses[0]
        #expect(abs(found - expected) < 1e-6 * expected)
        #expect(parts.optimizerState.iteration == 3)
    }

    @Test func eventsComeInOrder() async throws {
        let model = try trainer().model
        let configuration = TrainingConfiguration(optimizer: Adam(), loss: MeanSquaredError())
        var (epochs, finished) = (0, false)
        for try await event in model.training(configuration, data, FitOptions(epochs: 2)) {
            switch event {
            case .batch: #expect(!finished)
            case .epoch: epochs += 1
            case .finished(_, let history):
                finished = true
                #expect(history.epochs.count == 2)
            }
        }
        #expect(epochs == 2 && finished)
    }
}
