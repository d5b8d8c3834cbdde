import Ferry

let folder = CommandLine.arguments.dropFirst().first ?? "fixtures/demo"
let session = try InferenceSession(Model(contentsOf: "\(folder)/model.h5"))
let prediction = try session.predict(Tensor([50, 51, 52] as [Float], shape: [1, 3, 1]))
print("after 50, 51, 52 comes \(prediction.floats[0])")
guard abs(prediction.floats[0] - 53) < 1 else {
    throw FerryError(.range, found: "\(prediction.floats)", expected: "about 53")
}
