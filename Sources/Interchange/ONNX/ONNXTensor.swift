package import FerryEngine

/// A named constant.
package struct ONNXTensor: Sendable, Equatable {
    package var name: String
    /// The length of each axis.
    package private(set) var dims: [Int]
    package private(set) var dataType: ONNXDataType
    package private(set) var payload: Payload
    package var docString = ""
    package var metadata: [ONNXEntry] = []

    /// Where the elements are.
    package enum Payload: Sendable, Equatable {
        /// Here, in a type that Ferry computes with.
        case elements(Tensor)
        /// Here, as texts in row-major order.
        case strings([String])
        /// Here, as they lie in the file, in a type that Ferry only carries along.
        case opaque([UInt8])
        /// In another file.
        case external(ONNXExternalData)
    }

    /// A constant with the elements of `tensor`.
    package init(name: String = "", _ tensor: Tensor) {
        self.init(name: name, dims: tensor.shape, dataType: ONNXDataType(tensor.dtype), payload: .elements(tensor))
    }

    /// A constant whose payload fits the other arguments.
    package init(name: String, dims: [Int], dataType: ONNXDataType, payload: Payload) {
        self.name = name
        self.dims = dims
        self.dataType = dataType
        self.payload = payload
    }

    /// The elements.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` for types that Ferry does not compute with,
    ///   ``FerryError/Code/notFound`` for elements in a file beside a model that was read from bytes.
    package func tensor() throws -> Tensor {
        switch payload {
        case .elements(let tensor):
            return tensor
        case .strings, .opaque:
            throw FerryError(
                .unsupported, at: ["tensor '\(name)'"], found: "has elements of type \(dataType)",
                expected: "Ferry computes with \(DType.allCases.map(\.rawValue).joined(separator: ", "))")
        case .external(let data):
            throw FerryError(
                .notFound, at: ["tensor '\(name)'"], found: "keeps its elements in the file '\(data.location)'",
                remedy: "open the model by its path, so that the file can be found beside it")
        }
    }
}

/// A constant that is zero but for `values` at the places `indices`.
package struct ONNXSparseTensor: Sendable, Equatable {
    /// The elements that are not zero, shape `[count]`; named after the tensor.
    package var values: ONNXTensor
    /// Their places in row-major order, `[count]`, or axis by axis, `[count, rank]`.
    package var indices: ONNXTensor
    /// The length of each axis.
    package var dims: [Int]

    /// A constant of shape `dims`.
    package init(values: ONNXTensor, indices: ONNXTensor, dims: [Int]) {
        self.values = values
        self.indices = indices
        self.dims = dims
    }
}
