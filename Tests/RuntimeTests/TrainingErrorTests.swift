import FerryEngine
import FerryRuntime
import Testing

/// What training says to people whose data do not fit.
struct TrainingErrorTests {
    private func trainer(_ loss: any Loss = MeanSquaredError(), units: Int = 1) throws -> Trainer {
        let model = try Model(name: "m", seed: 1) {
            Input(3, 1)
            LSTM(4)
            Dense(units)
        }
        return try Trainer(model, TrainingConfiguration(optimizer: SGD(), loss: loss))
    }

    private func sentence(_ body: () throws -> Void) -> String {
        do { try body() } catch { return "\(error)" }
        return "no error"
    }

    @Test func dataWithoutFeatureAxis() throws {
        let data = TrainingData(Tensor(zeros: [50, 3]), Tensor(zeros: [50, 1]))
        let trainer = try trainer()
        #expect(
            sentence { _ = try trainer.fit(data, epochs: 1) }
                == "m › input 'input': data of shape [32, 3]; [samples, time = 3, features = 1]; "
                + "reshape to [32, 3, 1]: one feature at each time step")
    }

    @Test func swappedAxes() throws {
        let model = try Model(name: "m", seed: 1) {
            Input(5, 2)
            LSTM(4)
            Dense(1)
        }
        let trainer = try Trainer(model, TrainingConfiguration(optimizer: SGD(), loss: MeanSquaredError()))
        #expect(
            sentence { try trainer.step(TrainingData(Tensor(zeros: [4, 2, 5]), Tensor(zeros: [4, 1]))) }
                == "m › input 'input': data of shape [4, 2, 5]; [samples, time = 5, features = 2]; "
                + "swap the last two axes: time comes before features")
    }

    @Test func targetsOfAnotherWidth() throws {
        let trainer = try trainer()
        #expect(
            sentence { try trainer.step(TrainingData(Tensor(zeros: [4, 3, 1]), Tensor(zeros: [4, 2]))) }
                == "m › output 'dense': targets of shape [4, 2] for predictions of shape [4, 1]; "
                + "MeanSquaredError takes numbers of the prediction's shape; "
                + "make the last layer's units and the targets' last axis equal")
    }

    @Test func targetsForEveryStep() throws {
        let trainer = try trainer()
        #expect(
            sentence { try trainer.step(TrainingData(Tensor(zeros: [4, 3, 1]), Tensor(zeros: [4, 3, 1]))) }
                == "m › output 'dense': targets of shape [4, 3, 1] for predictions of shape [4, 1]; "
                + "MeanSquaredError takes numbers of the prediction's shape; the model predicts one step; "
                + "let the last recurrent layer return sequences, or keep the last target")
    }

    @Test func classNumbersForOneHot() throws {
        let trainer = try trainer(CategoricalCrossentropy(fromLogits: true), units: 3)
        #expect(
            sentence { try trainer.step(TrainingData(Tensor(zeros: [4, 3, 1]), Tensor(zeros: [4, 1]))) }
                == "m › output 'dense': targets of shape [4, 1] for predictions of shape [4, 3]; "
                + "CategoricalCrossentropy takes a number for each class (one-hot) in the prediction's shape; "
                + "use SparseCategoricalCrossentropy for class numbers, or make the targets one-hot")
    }

    @Test func classesBeyondTheLastLayer() throws {
        let trainer = try trainer(SparseCategoricalCrossentropy(fromLogits: true), units: 3)
        #expect(
            sentence { try trainer.step(TrainingData(Tensor(zeros: [1, 3, 1]), Tensor([3] as [Int32], shape: [1]))) }
                == "m › output 'dense': target class 3; 0 to 2, the classes of the last layer; "
                + "count classes from 0 and give the last layer one unit for each")
    }

    @Test func notANumberInTheData() throws {
        let trainer = try trainer()
        let x = Tensor([.nan, 1, 2] as [Float], shape: [1, 3, 1])
        #expect(
            sentence { try trainer.step(TrainingData(x, Tensor(zeros: [1, 1]))) }
                == "m › input 'input': NaN or infinity in the data; numbers; "
                + "fill missing values, or mark them with a number and put a Masking layer first")
    }

    @Test func lossThatExplodes() throws {
        let model = try Model(name: "m", seed: 1) {
            Input(2)
            Dense(2)
            Dense(1, activation: .exponential)
        }
        let trainer = try Trainer(
            model, TrainingConfiguration(optimizer: SGD(learningRate: 1e30), loss: MeanSquaredError()))
        let data = TrainingData(Tensor([1, 2] as [Float], shape: [1, 2]), Tensor([5] as [Float], shape: [1, 1]))
        let text = sentence { _ = try trainer.fit(data, epochs: 9) }
        #expect(text.hasPrefix("m › layer 'dense"), "\(text)")
        #expect(
            text.hasSuffix(
                "a number; lower the learning rate (now 1e+30), clip the gradients (clipnorm), or scale the data"),
            "\(text)")
    }

    @Test func samplesThatDoNotMatch() throws {
        let trainer = try trainer()
        #expect(
            sentence { _ = try trainer.fit(TrainingData(Tensor(zeros: [4, 3, 1]), Tensor(zeros: [5, 1])), epochs: 1) }
                == "m: arrays of shapes [[4, 3, 1], [5, 1]]; "
                + "the same number of samples, at least one, along the first axis of each")
    }
}
