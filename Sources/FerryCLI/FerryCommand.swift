import ArgumentParser

/// The command line: one subcommand a file.
@main
struct FerryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ferry",
        abstract: "Carries recurrent networks between Keras, TensorFlow, PyTorch, ONNX and Swift.",
        discussion: """
            Example:
              ferry inspect model.h5
              ferry convert model.h5 model.onnx
              ferry predict model.onnx -i x.npy -o y.npy

            Results go to standard output, notes and errors to standard error. The exit status is 0 on success, \
            64 for wrong usage, 65 for a bad input file and 70 for a fault of Ferry's own.
            """,
        subcommands: [
            Inspect.self, Convert.self, Predict.self, Verify.self, Train.self, Generate.self, Bench.self,
            ReadHDF5.self,
        ])

    static func main() {
        Console.ignoreFullQuota()
        do {
            var command = try parseAsRoot()
            try command.run()
            try Console.flush()
        } catch {
            Failure.exit(with: error)
        }
    }
}
