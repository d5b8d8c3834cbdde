import Ferry
import Foundation
import Testing

/// `ferry train` and `ferry generate`: what is learned and written, and what is refused, word for word.
@Suite struct TrainTests {
    /// Eighty rows of a wave and of one a little behind it.
    private func prices(in folder: Folder) throws {
        let rows = (0..<80).map { row in
            let phase = Double(row) / 5
            return "\(row),\(50 + 10 * sin(phase)),\(49 + 10 * sin(phase - 0.1))\n"
        }
        try ("day,close,open\n" + rows.joined()).write(toFile: folder["prices.csv"], atomically: true, encoding: .utf8)
    }

    private func book(in folder: Folder) throws {
        let text = String(repeating: "the cat sat on the mat. ", count: 60)
        try text.write(toFile: folder["book.txt"], atomically: true, encoding: .utf8)
    }

    private static let forecast = [
        "train", "prices.csv", "--target", "close", "--features", "open", "--window", "8", "--layers", "lstm:8",
        "--quiet",
    ]

    @Test func aForecastLearns() throws {
        let folder = try Folder()
        try prices(in: folder)
        let run = try FerryProcess(
            Self.forecast + [
                "--horizon", "2", "--epochs", "40", "--learning-rate", "0.02", "-o", "m.keras", "--history", "h.csv",
                "--plot", "r.html",
            ], in: folder)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.hasPrefix("40 epochs: loss 0.0"))
        #expect(try folder.names == ["h.csv", "m.keras", "prices.csv", "r.html"])

        let history = try String(contentsOfFile: folder["h.csv"], encoding: .utf8).split(separator: "\n")
        #expect(history.count == 41)
        #expect(history[0] == "epoch,loss,val_loss,learning_rate")
        let losses = history.dropFirst().compactMap { Double($0.split(separator: ",")[1]) }
        #expect(losses.count == 40 && losses[39] < losses[0] / 10)

        let page = try String(contentsOfFile: folder["r.html"], encoding: .utf8)
        #expect(page.contains("<svg") && page.contains("predicted") && !page.contains("http"))

        // What follows the last row, in the units of the table.
        let next = try FerryProcess(["predict", "m.keras", "-i", "prices.csv", "-o", "-", "--quiet"], in: folder)
        let values = try JSONValue(parsing: next.output).objectValue?.values.first?.arrayValue?.first?.arrayValue
        #expect(values?.count == 2)
        #expect(values?.compactMap(\.doubleValue).allSatisfy { 30...70 ~= $0 } == true, "\(next.output)\(next.errors)")
    }

    @Test func aTrainingThatWasCutOffGoesOn() throws {
        let folder = try Folder()
        try prices(in: folder)
        func train(_ epochs: Int, _ arguments: String...) throws -> FerryProcess {
            try FerryProcess(Self.forecast + ["--epochs", "\(epochs)"] + arguments, in: folder)
        }
        #expect(try train(6, "-o", "whole.keras").status == 0)
        #expect(try train(3, "-o", "part.keras", "--checkpoint", "saved").status == 0)
        #expect(try train(6, "-o", "part.keras", "--checkpoint", "saved").status == 0)
        let models = try ["whole.keras", "part.keras"].map { try Model(contentsOf: folder[$0]) }
        #expect(models[0].parameters == models[1].parameters)
    }

    @Test func aModelIsTrainedOnArrays() throws {
        let folder = try Folder()
        let x = Tensor((0..<150).map { Float($0 % 7) / 7 }, shape: [50, 3, 1])
        try NPYFile.write(x, to: folder["x.npy"])
        try NPYFile.write(Tensor([Float](repeating: 0.5, count: 50), shape: [50, 1]), to: folder["y.npy"])
        let arguments = [
            "train", Fixture.demo, "--x", "x.npy", "--y", "y.npy", "--epochs", "2", "-o", "m.h5", "--quiet",
        ]
        let run = try FerryProcess(arguments + ["--loss", "mae", "--optimizer", "sgd"], in: folder)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.hasPrefix("2 epochs: loss "))
    }

    @Test func aTextIsContinued() throws {
        let folder = try Folder()
        try book(in: folder)
        let run = try FerryProcess(
            [
                "train", "book.txt", "--text", "char", "--layers", "lstm:32", "--sequence-length", "24", "--epochs",
                "60",
                "--learning-rate", "0.02", "-o", "m.keras", "--tokenizer", "t.json", "--quiet",
            ], in: folder)
        #expect(run.status == 0, "\(run.errors)")
        let generate = ["generate", "m.keras", "--seed-text", "the cat sat", "--length", "13", "--quiet"]
        #expect(try FerryProcess(generate + ["--temperature", "0"], in: folder).output == "the cat sat on the mat. \n")
        let drawn = try FerryProcess(generate + ["--seed", "3"], in: folder).output
        #expect(drawn.count == 25)
        #expect(try FerryProcess(generate + ["--seed", "3", "--tokenizer", "t.json"], in: folder).output == drawn)
    }

    @Test(arguments: [
        (
            ["--target", "price"], 65,
            #"prices.csv › column 'price': no column 'price'; one of ["day", "close", "open"]"#
        ),
        (
            ["--target", "close", "--window", "100"], 65,
            "prices.csv › training rows: 64 time steps; at least 101: a window of 100 and a horizon of 1; make the window shorter, or give more data"
        ),
        (
            ["--target", "close", "--layers", "foo:3"], 65,
            "--layers: 'foo:3'; lstm:UNITS, gru:UNITS, rnn:UNITS, bilstm:UNITS, bigru:UNITS, dense:UNITS[:relu] or dropout:RATE"
        ),
        (
            ["--target", "close", "--optimizer", "foo"], 65,
            "the optimizer 'foo'; one of SGD, RMSprop, Adam, AdamW, Adamax, Nadam, Adagrad, Adadelta"
        ),
        ([], 64, "prices.csv: no column to predict; --target COLUMN"),
    ])
    func whatCannotBeTrainedIsRefused(_ arguments: [String], _ status: Int32, _ sentence: String) throws {
        let folder = try Folder()
        try prices(in: folder)
        let run = try FerryProcess(["train", "prices.csv", "-o", "m.keras", "--quiet"] + arguments, in: folder)
        #expect(run.errors == sentence + "\n")
        #expect(run.status == status)
        #expect(try folder.names == ["prices.csv"])
    }

    @Test(arguments: [
        (
            ["train", "none.csv", "--target", "x", "-o", "m.keras"], 65,
            "none.csv: no such file; the path is 'none.csv'"
        ),
        (
            ["train", Fixture.demo, "-o", "m.keras"], 64,
            "model.h5: no data to train on; --x FILE and --y FILE; or give a .csv table, or a text with --text"
        ),
        (
            ["generate", Fixture.demo, "--seed-text", "a"], 65,
            "model 'sequential': keeps no tokenizer; one; train with 'ferry train TEXT --text char', or give the tokenizer's JSON with --tokenizer"
        ),
    ])
    func filesThatDoNotServe(_ arguments: [String], _ status: Int32, _ sentence: String) throws {
        let folder = try Folder()
        let run = try FerryProcess(arguments + ["--quiet"], in: folder)
        #expect(run.errors == sentence + "\n")
        #expect(run.status == status)
        #expect(try folder.names == [])
    }

    @Test func aTrainingThatRunsAwayIsStopped() throws {
        let folder = try Folder()
        try prices(in: folder)
        let run = try FerryProcess(
            Self.forecast + ["--learning-rate", "1e30", "--epochs", "5", "-o", "m.keras"], in: folder)
        #expect(
            run.errors
                == "forecast: the loss is inf after 1 updates; a number; lower the learning rate (now 1e+30), clip the gradients (clipnorm), or scale the data\n"
        )
        #expect(run.status == 65)
        #expect(try folder.names == ["prices.csv"])
    }
}
