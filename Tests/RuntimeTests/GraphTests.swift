import FerryEngine
import FerryRuntime
import Testing

@Suite struct GraphTests {
    private func forecaster(seed: UInt64 = 0) throws -> Model {
        try Model(seed: seed) {
            Input(3, 1); LSTM(50, activation: .relu); Dense(1)
        }
    }

    @Test func buildsLayersOneAfterAnother() throws {
        let model = try forecaster()
        #expect(model.graph.layers.map(\.name) == ["lstm", "dense"])
        #expect(model.inputs.map(\.name) == ["input"])
        #expect(model.inputs.map(\.type.description) == ["float32 [batch, 3, 1]"])
        #expect(model.outputs.map(\.name) == ["dense"])
        #expect(model.outputs.map(\.type.description) == ["float32 [batch, 1]"])
        #expect(
            model.parameters.names == [
                "lstm/kernel", "lstm/recurrent_kernel", "lstm/bias", "dense/kernel", "dense/bias",
            ])
        #expect(model.parameters["lstm/recurrent_kernel"]?.shape == [50, 200])
        #expect(model.parameters.elementCount == 200 + 10_000 + 200 + 50 + 1)
    }

    @Test func drawsParametersFromTheSeed() throws {
        #expect(try forecaster(seed: 1).parameters == forecaster(seed: 1).parameters)
        #expect(try forecaster(seed: 1).parameters != forecaster(seed: 2).parameters)
        let kernel = try #require(try forecaster().parameters["lstm/kernel"]).floats
        let limit = Float((6.0 / 201).squareRoot())
        #expect(kernel.allSatisfy { abs($0) <= limit })
        #expect(Set(kernel).count > 190)
    }

    @Test func namesRepeatedLayers() throws {
        let model = try Model {
            Input(4); for _ in 0..<3 { Dense(4) }
        }
        #expect(model.graph.layers.map(\.name) == ["dense", "dense_1", "dense_2"])
    }

    @Test func dropsWhatNobodyNeeds() throws {
        var graph = Graph()
        let x = graph.addInput("x", ValueType(.float32, [.batch, 2]))
        let kept = try graph.append("kept", Dense(2), [x])[0]
        _ = try graph.append("unused", Dense(3), [kept])
        graph.setOutputs([kept], names: ["y"])
        #expect(graph.withoutUnusedNodes().nodes.map { graph.layer(of: $0).name } == ["kept"])
    }

    @Test func knowsWhereMasksGo() throws {
        let tokens = try Model {
            Input(nil, dtype: .int32); Embedding(9, 4, maskZero: true); LSTM(3, returnSequences: true); Dense(2)
        }
        #expect(tokens.graph.carriesMask(tokens.graph.outputs[0]))
        let last = try Model {
            Input(nil, dtype: .int32); Embedding(9, 4, maskZero: true); LSTM(3)
        }
        #expect(!last.graph.carriesMask(last.graph.outputs[0]))
    }

    @Test func saysWhichLayerDoesNotFit() {
        #expect(
            sentence {
                _ = try Model {
                    Input(3); LSTM(5)
                }
            }
                == "layer 'lstm' (LSTM): input [batch, 3]; [batch, time, features]; reshape the data so that each "
                + "sample is a sequence of feature vectors")
        #expect(
            sentence { _ = try Model { Dense(5) } }
                == "sequential: no Input before the first layer; begin with Input(…)")
        #expect(
            sentence {
                _ = try Model {
                    Input(3); Dense(2); Input(3)
                }
            }
                == "layer 'input' (Input): an Input after the first layer; one Input, first")
        #expect(
            sentence {
                _ = try Model {
                    Input(3, nil); Dense(2)
                }
            }
                == "layer 'dense' (Dense): input [batch, 3, time]; a fixed number of features")
    }

    @Test func saysWhichParameterIsMissing() throws {
        let model = try forecaster()
        var parameters = model.parameters
        parameters["dense/bias"] = nil
        #expect(
            sentence { _ = try Model(name: "m", graph: model.graph, parameters: parameters) }
                == "dense/bias: no such parameter; [1]")
        parameters["dense/bias"] = Tensor(zeros: [2])
        #expect(
            sentence { _ = try Model(name: "m", graph: model.graph, parameters: parameters) }
                == "dense/bias: shape [2]; [1]")
        #expect(
            sentence { _ = try model.parameters.scoped(to: "dense").required("beta") }
                == "no parameter 'beta'; one of [\"kernel\", \"bias\"]")
    }
}
