import Ferry

/// The next word of a text: a tokenizer, an Embedding that hides padding, and a probability for each word.
func nextWord() throws {
    let sentences = [
        "the sea is deep and the sky is high", "the sky is high and the sun is bright",
        "the sun is bright and the day is long", "the day is long and the sea is deep",
    ]
    var tokenizer = Tokenizer()
    tokenizer.fit(sentences)

    // Each beginning of a sentence, and the word behind it.
    let ids = sentences.map(tokenizer.encode)
    let beginnings = ids.flatMap { line in (1..<line.count).map { Array(line[..<$0]) } }
    let nextWords = ids.flatMap { line in line.dropFirst().map { Int32($0) } }
    let x = Tensor(padding: beginnings, length: 8)
    let y = Tensor(nextWords, shape: [nextWords.count, 1])

    let model = try Model(seed: 2) {
        Input(8, dtype: .int32)
        Embedding(tokenizer.vocabulary, 12, maskZero: true)
        LSTM(24)
        Dense(tokenizer.vocabulary, activation: .softmax)
    }
    let trainer = try Trainer(
        model,
        TrainingConfiguration(
            optimizer: Adam(learningRate: 0.02), loss: SparseCategoricalCrossentropy(), metrics: [Accuracy()]))
    let history = try trainer.fit(TrainingData(x, y), epochs: 60, batchSize: 8)

    let seed = Tensor(padding: [tokenizer.encode("the sea is")], length: 8)
    let probabilities = try InferenceSession(trainer.model).predict(seed).floats
    let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0
    print("accuracy \(history.values("accuracy").last ?? 0); the sea is → \(tokenizer.decode([best]))")
    try expect(tokenizer.decode([best]) == "deep", "the sea is deep")
}
