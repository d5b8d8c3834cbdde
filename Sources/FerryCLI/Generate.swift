import ArgumentParser
import Ferry

/// `ferry generate MODEL --seed-text TEXT`.
struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Continues a text with a model that was trained on text.",
        discussion: """
            Example:
              ferry generate model.keras --seed-text 'Once upon a ' --length 200 --temperature 0.7

            The model reads the seed text and then its own tokens, one stateful step each.
            """)

    @Argument(help: "A model of text, as 'ferry train TEXT --text char' makes it.", completion: .file())
    var model: String

    @Option(help: .init("What the text begins with.", valueName: "text"))
    var seedText: String

    @Option(help: .init("How many tokens to add.", valueName: "count"))
    var length = 200

    @Option(help: .init("Below 1 for the likely, above 1 for the unlikely; 0 for the likeliest.", valueName: "number"))
    var temperature = 1.0

    @Option(help: .init("Draw only from so many of the likeliest tokens.", valueName: "count"))
    var topK: Int?

    @Option(help: .init("Decides what is drawn.", valueName: "number"))
    var seed: UInt64 = 0

    @Option(
        help: .init(
            "The tokenizer, as Keras's Tokenizer writes it; else the one kept in the model.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var tokenizer: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        guard length >= 0, temperature >= 0 else {
            throw FerryError(
                .usage, found: "length \(length), temperature \(temperature)", expected: "no negative numbers")
        }
        let content = try Model(contentsOf: model)
        let tokenizer = try tokenizer.map { path in
            let text = try FileText.read(path)
            return try locating(path.lastPathComponent) { try Tokenizer(json: JSONValue(parsing: text)) }
        }
        var generator = try TextGenerator(
            InferenceSession(content), try tokenizer ?? TextTask.tokenizer(of: content), seed: seed)
        let text = try generator.generate(
            after: seedText, count: length, .init(temperature: temperature, topCount: topK))
        print(seedText + (try separator(content)) + text)
    }

    /// What stands between the seed and the first token: a space where tokens are words.
    private func separator(_ content: Model) throws -> String {
        try tokenizer == nil && TextTask.tokenizer(of: content).unit == .word ? " " : ""
    }
}
