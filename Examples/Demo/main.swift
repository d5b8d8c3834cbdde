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
print("  sequence          Keras        Ferry")
for row in 0..<windows.shape[0] {
    let sequence = windows.floats[(row * 3)..<(row * 3 + 3)].map { "\(Int($0))" }.joined(separator: ", ")
    print("  \(sequence)\t  \(fromKeras.floats[row])\t\(fromFerry.floats[row])")
}
print("\nBetween Keras and Ferry: \(Difference(fromFerry, fromKeras))")

let work = CommandLine.arguments.dropFirst(2).first ?? "."
try model.write(to: "\(work)/demo.onnx")
try Model(contentsOf: "\(work)/demo.onnx").write(to: "\(work)/demo.h5")
let again = try Model(contentsOf: "\(work)/demo.h5")
print("After .h5 → .onnx → .h5: \(Difference(try InferenceSession(again).predict(windows), fromFerry))")
print("Its weights are \(again.parameters == model.parameters ? "the same, bit for bit" : "not the same")")
