import FerryEngine
import Testing

/// What a file puts into a sentence stays one line and leaves the terminal alone.
@Suite struct PrintableTests {
    @Test(arguments: [
        ("plain › naïve 数 🎈", "plain › naïve 数 🎈"), ("two\nlines", "two lines"), ("a\r\n\tb", "a b"),
        ("\u{1B}[2J", "\\u{1b}[2J"), ("\u{0}\u{85}\u{9B}", "\\u{0}\\u{85}\\u{9b}"), ("a\u{2028}b", "a b"),
        ("\u{202E}txt", "\\u{202e}txt"), ("\u{1C}", "\\u{1c}"),
    ])
    func controlCharactersAreSpelledOut(text: String, expected: String) {
        #expect(text.printable == expected)
        #expect("\(FerryError(.range, at: [text], found: "x"))" == expected + ": x")
    }

    @Test func longNamesAreCutInTheMiddle() {
        let text = "begin " + String(repeating: "x", count: 1_000_000) + " end"
        #expect(text.printable.count < 4000)
        #expect(text.printable.hasPrefix("begin x") && text.printable.hasSuffix("x end"))
    }
}
