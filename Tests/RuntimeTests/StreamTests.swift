import FerryEngine
import FerryRuntime
import Testing

@Suite struct StreamTests {
    private let session: InferenceSession
    private let x: Tensor

    init() throws {
        session = try InferenceSession(
            Model(seed: 9) {
                Input(nil, 6)
                LSTM(8, returnSequences: true)
                GRU(7, returnSequences: true)
                GRU(5, resetAfter: false, returnSequences: true)
                SimpleRNN(4, returnSequences: true)
                Dense(2, activation: .softmax)
            })
        var random = RandomSource(seed: 10)
        x = random.uniform([3, 12, 6], in: -1..<1)
    }

    private func frame(_ t: Int) -> Tensor { x.sliced(axis: 1, from: t, count: 1).reshaped([3, 6]) }

    @Test func stepsAddUpToThePrediction() throws {
        var stream = try session.stream()
        let steps = try (0..<12).map { try stream.step(frame($0)) }
        #expect(steps[0].shape == [3, 2])
        #expect(Difference(.stacked(steps, axis: 1), try session.predict(x)).isWithin(.relative(1e-6)))
    }

    @Test func takesOneSequenceWithoutABatch() throws {
        var stream = try session.stream()
        var batched = try session.stream()
        for t in 0..<3 {
            let row = frame(t).rows([0])
            #expect(try stream.step(row.reshaped([6])) == batched.step(row))
        }
    }

    @Test func givesTheLastOutputOfAModelWithoutSequences() throws {
        let session = try InferenceSession(
            Model {
                Input(3, 1); LSTM(50, activation: .relu); Dense(1)
            })
        var stream = try session.stream()
        let values: [Float] = [0.1, -0.2, 0.3]
        let steps = try values.map { try stream.step(Tensor([$0])) }
        let expected = try session.predict(Tensor(values, shape: [1, 3, 1]))
        #expect(Difference(steps[2], expected).isWithin(.relative(1e-6)))
    }

    @Test func streamsTokens() throws {
        let model = try Model {
            Input(nil, dtype: .int32); Embedding(9, 4); GRU(3, returnSequences: true)
        }
        let session = try InferenceSession(model)
        var stream = try session.stream()
        let ids: [Int32] = [3, 1, 4, 1, 5]
        let steps = try ids.map { try stream.step(Tensor(scalar: $0)) }
        let expected = try session.predict(Tensor(ids, shape: [1, 5]))
        #expect(Difference(.stacked(steps, axis: 1), expected).isWithin(.relative(1e-6)))
    }

    @Test func savesAndRestores() throws {
        var stream = try session.stream()
        for t in 0..<4 { _ = try stream.step(frame(t)) }
        let saved = stream.state
        let expected = try (4..<12).map { try stream.step(frame($0)) }
        stream.state = saved
        #expect(try (4..<12).map { try stream.step(frame($0)) } == expected)
        var other = try session.stream()
        other.state = saved
        #expect(try (4..<12).map { try other.step(frame($0)) } == expected)
    }

    @Test func resets() throws {
        var stream = try session.stream()
        let first = try stream.step(frame(0))
        _ = try stream.step(frame(1))
        stream.reset()
        #expect(try stream.step(frame(0)) == first)
    }

    @Test func streamsDoNotDisturbEachOther() throws {
        var one = try session.stream()
        var other = try session.stream()
        let alone = try (0..<4).map { try one.step(frame($0)) }
        one.reset()
        for t in 0..<4 {
            #expect(try one.step(frame(t)) == alone[t])
            _ = try other.step(frame(11 - t))
        }
    }

    @Test func refusesLayersThatNeedTheWholeSequence() throws {
        let session = try InferenceSession(
            Model {
                Input(nil, 2); Bidirectional(LSTM(3)); Dense(1)
            })
        #expect(
            sentence { _ = try session.stream() }
                == "sequential › layer 'bidirectional' (Bidirectional): needs the whole sequence; layers that can run "
                + "step by step; collect a window and call predict")
    }

    @Test func saysWhichFrameDoesNotFit() throws {
        var stream = try session.stream()
        func step(_ shape: [Int]) -> String {
            do { return "\(try stream.step(Tensor(zeros: shape)).shape)" } catch { return "\(error)" }
        }
        #expect(step([5]) == "sequential › one time step: shape [1, 5]; [batch, 6]")
        #expect(step([1, 1, 6]) == "sequential › one time step: shape [1, 1, 6]; [batch, 6]")
        #expect(step([6]) == "[1, 2]")
        #expect(
            step([2, 6])
                == "layer 'lstm' (LSTM): initial states of shapes [[1, 8], [1, 8]]; [[2, 8], [2, 8]]; keep the batch "
                + "size of a stateful model, or reset its states first")
        #expect(step([6]) == "[1, 2]")
    }
}
