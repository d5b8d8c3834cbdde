/// The classes and functions that a pickle may name, as meanings; nothing of Python is ever run.
enum TorchGlobal {
    /// `collections.OrderedDict`
    case orderedDictionary
    /// `torch._utils._rebuild_tensor_v2` and its kin
    case rebuildTensor(TensorCall)
    /// `torch._utils._rebuild_parameter`: the first argument.
    case firstArgument(String)
    /// `torch._tensor._rebuild_from_type_v2`: the function that is its first argument, called with the third.
    case rebuildFromType
    /// A class of storages; without type it is bytes.
    case storage(TorchDType?)
    /// `torch.float32` …
    case dtype(TorchDType)
    /// Something harmless whose instances no tensor depends on.
    case inert(String)
    /// A class of TorchScript.
    case scriptClass(String)

    /// The versions of the function that makes a tensor of a storage.
    enum TensorCall: String {
        /// (storage, offset, shape, strides)
        case v1 = "torch._utils._rebuild_tensor"
        /// … requires_grad, hooks
        case v2 = "torch._utils._rebuild_tensor_v2"
        /// … dtype
        case v3 = "torch._utils._rebuild_tensor_v3"
    }

    /// The global that `module` and `name` stand for; nil where no state dict needs it.
    init?(module: String, name: String) {
        let path = "\(module).\(name)"
        if let known = Self.table[path] {
            self = known
        } else if module == "torch" || module == "torch.storage", let dtype = TorchDType.byStorage[name] {
            self = .storage(dtype)
        } else if module == "torch", let dtype = TorchDType.byName[name] {
            self = .dtype(dtype)
        } else {
            return nil
        }
    }

    /// Its path in Python.
    var name: String {
        switch self {
        case .orderedDictionary: "collections.OrderedDict"
        case .rebuildTensor(let call): call.rawValue
        case .firstArgument(let name), .inert(let name), .scriptClass(let name): name
        case .rebuildFromType: "torch._tensor._rebuild_from_type_v2"
        case .storage(let dtype): "torch.\(dtype?.storage ?? "UntypedStorage")"
        case .dtype(let dtype): "torch.\(dtype.name)"
        }
    }

    private static let table: [String: TorchGlobal] = {
        var table: [String: TorchGlobal] = [
            "collections.OrderedDict": .orderedDictionary,
            "torch._tensor._rebuild_from_type_v2": .rebuildFromType,
            "torch.storage.UntypedStorage": .storage(nil),
            "torch.UntypedStorage": .storage(nil),
        ]
        for call in [TensorCall.v1, .v2, .v3] { table[call.rawValue] = .rebuildTensor(call) }
        for name in [
            "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state", "torch.Size",
            "torch.nn.parameter.Parameter", "torch.jit._pickle.build_intlist", "torch.jit._pickle.build_doublelist",
            "torch.jit._pickle.build_boollist", "torch.jit._pickle.build_tensorlist",
            "torch.jit._pickle.restore_type_tag",
        ] {
            table[name] = .firstArgument(name)
        }
        // What torch.load(weights_only=True) lets pass beside tensors: numbers of NumPy, devices, counters.
        for name in [
            "torch.device", "torch.Tensor", "numpy.dtype", "numpy.core.multiarray.scalar",
            "numpy._core.multiarray.scalar", "_codecs.encode", "collections.Counter", "builtins.set",
            "__builtin__.set", "builtins.bytearray", "__builtin__.bytearray", "builtins.complex",
            "__builtin__.complex", "torch.serialization._get_layout",
        ] {
            table[name] = .inert(name)
        }
        return table
    }()
}
