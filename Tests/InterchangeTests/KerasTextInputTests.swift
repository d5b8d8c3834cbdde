import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import OrderedCollections
import Testing

/// Models that begin with a TextVectorization take its token ids; `ConformanceTests` has their numbers.
struct KerasTextInputTests {
    @Test(arguments: [
        ("learnt/model.keras", ["the", "sat", "mat", "on", "dog", "cat", "a"]),
        ("learnt_keras2/model.keras", ["the", "sat", "mat", "on", "dog", "cat", "a"]),
        ("given/model.h5", ["the", "cat", "sat", "on", "mat"]),
        ("sequential_keras2/model.keras", ["the", "cat", "sat", "on", "mat"]),
    ])
    func keepsTheVocabulary(_ file: String, _ words: [String]) throws {
        let model = try Model(contentsOf: "\(Fixture.root)/fixtures/texts/\(file)")
        #expect(model.inputs[0].name == "words")
        #expect(model.inputs[0].type.dtype == .int64)
        let kept = try #require(model.metadata.attributes["text_vectorization"]?["words"])
        #expect(kept["vocabulary"]?.arrayValue?.compactMap(\.stringValue) == words)
        #expect(kept["standardize"] == "lower_and_strip_punctuation")
        #expect(
            model.metadata.notes == [
                "layer 'words' (TextVectorization) was left out: the model takes its token ids; its vocabulary of "
                    + "\(words.count) words is in the attribute 'text_vectorization'"
            ])
    }

    @Test func aTripKeepsTheVocabulary() throws {
        let model = try Model(contentsOf: "\(Fixture.root)/fixtures/texts/learnt/model.keras")
        let folder = try TemporaryFolder()
        try model.write(to: folder("again.h5"))
        let again = try Model(contentsOf: folder("again.h5"))
        #expect(again.metadata.attributes == model.metadata.attributes)
    }
}
