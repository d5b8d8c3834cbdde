import Ferry

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// How long training takes: one step (forward, backward, update) of an LSTM with a Dense behind, and the tutorial's
/// first example, 50 samples for 200 epochs. `peers.py` measures the same in PyTorch and Keras.
///
/// Time is that of the process on a processor: one thread each, and other work on the machine counts for nobody.
func processorMilliseconds() -> Double { 1000 * Double(clock()) / Double(CLOCKS_PER_SEC) }

let steps: [(features: Int, units: Int, time: Int, batch: Int)] = [
    (8, 64, 50, 32), (32, 128, 50, 64), (128, 512, 50, 64),
]

for (features, units, time, batch) in steps {
    var random = RandomSource(seed: 1)
    let model = try Model(seed: 1) {
        Input(time, features)
        LSTM(units)
        Dense(1)
    }
    let trainer = try Trainer(model, TrainingConfiguration(optimizer: Adam(), loss: MeanSquaredError()))
    let data = TrainingData(
        random.uniform([batch, time, features], in: -1..<1), random.uniform([batch, 1], in: -1..<1))
    for _ in 0..<3 { try trainer.step(data) }
    var times: [Double] = []
    let start = processorMilliseconds()
    while processorMilliseconds() - start < 4000 {
        let before = processorMilliseconds()
        try trainer.step(data)
        times.append(processorMilliseconds() - before)
    }
    print("ferry \(features)→\(units) T=\(time) B=\(batch): \(times.sorted()[times.count / 2]) ms")
}

let x = Tensor((0..<50).flatMap { i in (0..<3).map { Float(i + $0) } }, shape: [50, 3, 1])
let y = Tensor((0..<50).map { Float($0 + 3) }, shape: [50, 1])
let model = try Model(seed: 1) {
    Input(3, 1)
    LSTM(50, activation: .relu)
    Dense(1)
}
let before = processorMilliseconds()
let trainer = try Trainer(model, TrainingConfiguration(optimizer: Adam(), loss: MeanSquaredError()))
_ = try trainer.fit(TrainingData(x, y), epochs: 200)
print("ferry tutorial: \(processorMilliseconds() - before) ms")
