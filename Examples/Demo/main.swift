// Loads an LSTM that Keras trained, predicts, and carries it to ONNX and back.
import Ferry

let folder = CommandLine.arguments.dropFirst().first ?? "fixtures/demo"
let recorded = try NPZFile.read("\(folder)/io.npz")
guard let windows = recorded["in_0"], let fromKeras = recorded["out_0"] else {
    throw FerryError(.range, at: ["io.npz"], found: "\(Array(recorded.keys))", expected: "'in_0' and 'out_0'")
}

let model = try Model(contentsOf: "\(folder)/model.h5")
let fromFerry = try InferenceSession(model).predict(windows)

print("\(model.metadata.producer ?? "Somebody") trained this model to continue a sequence of numbers:\n")
func column(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(1, width - text.count)) }

print("  " + column("sequence", 16) + column("Keras", 12) + "Ferry")
for row in 0..<windows.shape[0] {
    let sequence = windows.floats[(row * 3)..<(row * 3 + 3)].map { "\(Int($0))" }.joined(separator: ", ")
    print("  " + column(sequence, 16) + column("\(fromKeras.floats[row])", 12) + "\(fromFerry.floats[row])")
}
print("\nBetween Keras and Ferry: \(Difference(fromFerry, fromKeras))")

let work = CommandLine.arguments.dropFirst(2).first ?? "."
try model.write(to: "\(work)/demo.onnx")
try Model(contentsOf: "\(work)/demo.onnx").write(to: "\(work)/demo.h5")
let again = try Model(contentsOf: "\(work)/demo.h5")
let difference = Difference(try InferenceSession(again).predict(windows), fromFerry)
let weights = again.parameters == model.parameters ? "the same, bit for bit" : "not the same"
print("After .h5 → .onnx → .h5: \(difference); the weights are \(weights)")
