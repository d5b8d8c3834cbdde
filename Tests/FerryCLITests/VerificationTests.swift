import Ferry
import Testing

@Suite struct VerificationTests {
    @Test func equalModelsDifferByNothing() throws {
        let model = try Model {
            Input(nil, 2); LSTM(4); Dense(1)
        }
        let differences = try Verification.compare(model, model, names: ("a", "b"))
        #expect(differences.count == 4)
        #expect(differences.summary == "largest difference 0 over 4 runs")
        #expect(differences.areWithin(.exact))
    }

    @Test func otherParametersAreNoticed() throws {
        let models = try (1...2).map {
            try Model(seed: $0) {
                Input(3, 2); LSTM(4); Dense(1)
            }
        }
        let differences = try Verification.compare(models[0], models[1], names: ("a", "b"))
        #expect(differences.count == 2)
        #expect(!differences.areWithin(.conversion))
    }

    /// A recurrence that doubles every deviation many times over 12 steps, so that the rescaling of its gates for Keras 3
    /// is seen.
    @Test func chaoticModelsMayDifferAsTheyDoFromThemselves() throws {
        var layer = LSTM(32)
        layer.recurrentActivation = .hardSigmoid(slope: 0.2, offset: 0.5)
        layer.activation = .relu
        let model = try Model(seed: 5) {
            Input(12, 8); layer; Dense(1)
        }
        let wild = model.parameters.mapTensors { $0 * Tensor(scalar: Float(6)) }
        let chaotic = try Model(name: "wild", graph: model.graph, parameters: wild, metadata: model.metadata)
        let folder = try Folder()
        let (notes, differences) = try chaotic.writeVerified(
            as: "wild.h5", to: folder["copy.keras"], options: WriteOptions(), rereading: ReadOptions())
        #expect(!differences.areWithin(.conversion))
        #expect(notes.contains { $0.hasPrefix("wild.h5 makes a difference of ") })
    }

    @Test func tokenIdsStayInsideTheSmallestTable() throws {
        let inner = try Model {
            Input(nil, dtype: .int32); Embedding(6, 3, maskZero: true)
        }
        let model = try Model {
            Input(nil, dtype: .int32); Dropout(0.1); Submodel(inner.graph); LSTM(4)
        }
        let samples = try RandomInputs(for: model).samples(seed: 0)
        #expect(samples.map { $0[0].shape } == [[1, 7], [1, 12], [3, 7], [3, 12]])
        let ids = samples.flatMap { $0[0].ints }
        #expect(Set(ids) == Set(0..<6))
    }

    @Test func stepsThatAMaskingLayerHidesOccur() throws {
        let model = try Model {
            Input(nil, 2); Masking(-1); LSTM(4)
        }
        let samples = try RandomInputs(for: model).samples(seed: 0)
        let steps = samples.flatMap { sample in sample[0].floats.chunks(of: 2) }
        #expect(steps.contains([-1, -1]))
        #expect(steps.contains { $0 != [-1, -1] })
    }

    @Test func theSameSeedGivesTheSameInputs() throws {
        let model = try Model {
            Input(nil, 2); LSTM(4)
        }
        #expect(try RandomInputs(for: model).samples(seed: 3) == RandomInputs(for: model).samples(seed: 3))
        #expect(try RandomInputs(for: model).samples(seed: 3) != RandomInputs(for: model).samples(seed: 4))
    }

    @Test func inputsOfOtherShapesAreNamed() throws {
        let a = try Model {
            Input(3, 2); LSTM(4)
        }
        let b = try Model {
            Input(3, 5); LSTM(4)
        }
        #expect(throws: FerryError.self) { try Verification.compare(a, b, names: ("a.h5", "b.h5")) }
        do { _ = try Verification.compare(a, b, names: ("a.h5", "b.h5")) } catch let error as FerryError {
            #expect(
                error.description == """
                    a.h5 › input 'input': float32 [batch, 3, 2]; expected float32 [batch, 3, 5], as 'input' of b.h5
                    """)
        }
    }

    @Test(arguments: [
        (3e-8, "3.0e-08"), (0, "0"), (0.125, "1.3e-01"), (-9.96, "-1.0e+01"), (1, "1.0e+00"), (2e-300, "2.0e-300"),
    ])
    func numbersArePrintedWithTwoDigits(number: Double, text: String) {
        #expect(number.scientific == text)
    }
}

extension [Float] {
    fileprivate func chunks(of size: Int) -> [[Float]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<($0 + size)]) }
    }
}
