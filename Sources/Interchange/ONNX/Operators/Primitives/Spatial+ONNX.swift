import FerryEngine
package import FerryRuntime

/// Resize, and Upsample, which was its name before version 10.
extension Resize: ONNXReadable {
    package static let readableOperators = ["Upsample"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let x = try node.input(0)
        var resize = try Resize(&node)
        var operands: [ONNXOperand?] = [x]
        if node.node.opType == "Upsample" && node.opset < 9 {
            resize.factors = try node.attributes.floats("scales")
            return try node.append(resize, operands)
        }
        // Before version 11 there were factors only.
        let isOld = node.opset < 11
        if let lengths = try isOld ? nil : node.optional(3) {
            resize.lengths = node.integers(lengths, &operands)
        } else if let factors = try node.optional(isOld ? 1 : 2) {
            resize.factors = factors.tensor?.floats
            if factors.tensor == nil {
                resize.factorSlot = operands.count
                operands.append(factors)
            }
        }
        if resize.coordinates == .cropAndResize, let region = try node.optional(1) {
            resize.regionSlot = operands.count
            operands.append(region)
        }
        return try node.append(resize, operands)
    }

    private init(_ node: inout ONNXNodeReader) throws {
        self.init()
        func names<Value: RawRepresentable<String> & CaseIterable>(_: Value.Type) -> [String: Value] {
            Dictionary(uniqueKeysWithValues: Value.allCases.map { ($0.rawValue, $0) })
        }
        let isOld = node.opset < 11
        let modes = names(Mode.self).merging(["bilinear": .linear]) { a, _ in a }
        mode = try node.attributes.choice("mode", modes, default: .nearest)
        coordinates = try node.attributes.choice(
            "coordinate_transformation_mode", names(Coordinates.self), default: isOld ? .asymmetric : .halfPixel)
        rounding = try node.attributes.choice(
            "nearest_mode", names(Rounding.self), default: isOld ? .floor : .preferFloor)
        aspectRatio = try node.attributes.choice(
            "keep_aspect_ratio_policy", names(AspectRatio.self), default: .stretch)
        cubicCoefficient = try node.attributes.float("cubic_coeff_a") ?? -0.75
        excludesOutside = try node.attributes.flag("exclude_outside", default: false)
        extrapolation = try node.attributes.float("extrapolation_value") ?? 0
        antialiases = try node.attributes.flag("antialias", default: false)
        axes = try node.attributes.ints("axes")
    }
}

extension GridSampling: ONNXUnary {
    package static let readableOperators = ["GridSample"]

    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        let modes: [String: Mode] = [
            "nearest": .nearest, "linear": .linear, "bilinear": .linear, "cubic": .cubic, "bicubic": .cubic,
        ]
        let paddings = Dictionary(uniqueKeysWithValues: Padding.allCases.map { ($0.rawValue, $0) })
        return GridSampling(
            try node.attributes.choice("mode", modes, default: .linear),
            padding: try node.attributes.choice("padding_mode", paddings, default: .zeros),
            alignsCorners: try node.attributes.flag("align_corners", default: false))
    }
}

extension AffineGrid: ONNXReadable {
    package static let readableOperators = ["AffineGrid"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        var operands: [ONNXOperand?] = [try node.input(0)]
        let lengths = node.integers(try node.input(1), &operands)
        let alignsCorners = try node.attributes.flag("align_corners", default: false)
        return try node.append(AffineGrid(lengths, alignsCorners: alignsCorners), operands)
    }
}

extension BoxPooling: ONNXUnary {
    package static let readableOperators = ["RoiAlign"]

    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        let isHalfPixel = try node.attributes.choice(
            "coordinate_transformation_mode", ["half_pixel": true, "output_half_pixel": false],
            default: node.opset >= 16)
        return BoxPooling(
            takesMaximum: try node.attributes.choice("mode", ["avg": false, "max": true], default: false),
            height: try node.attributes.int("output_height") ?? 1, width: try node.attributes.int("output_width") ?? 1,
            samples: try node.attributes.int("sampling_ratio") ?? 0,
            scale: try node.attributes.float("spatial_scale") ?? 1, isHalfPixel: isHalfPixel)
    }
}

extension ColumnsToImage: ONNXReadable {
    package static let readableOperators = ["Col2Im"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        var operands: [ONNXOperand?] = [try node.input(0)]
        let image = node.integers(try node.input(1), &operands)
        let block = node.integers(try node.input(2), &operands)
        return try node.append(
            ColumnsToImage(
                image: image, block: block, strides: node.attributes.ints("strides") ?? [],
                dilations: node.attributes.ints("dilations") ?? [], pads: node.attributes.ints("pads") ?? []), operands)
    }
}

/// DepthToSpace and SpaceToDepth: blocks of channels as blocks of the plane, and back.
enum ONNXBlocks: ONNXReadable {
    static let readableOperators = ["DepthToSpace", "SpaceToDepth"]

    static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let x = try node.input(0)
        let type = node.type(x)
        let isColumnsFirst = try node.attributes.choice("mode", ["DCR": false, "CRD": true], default: false)
        guard let size = try node.attributes.int("blocksize"), size > 0, type.rank == 4,
            let lengths = Array(type.shape.dropFirst()).lengths
        else {
            throw FerryError(
                .shape, found: "input \(type)", expected: "fixed [channels, height, width], a positive 'blocksize'")
        }
        let (channels, height, width) = (lengths[0], lengths[1], lengths[2])
        if node.node.opType == "SpaceToDepth" {
            guard height % size == 0, width % size == 0 else {
                throw FerryError(.shape, found: "input \(type)", expected: "a plane of whole blocks of \(size)")
            }
            let parts = try node.reshaped(x, [0, channels, height / size, size, width / size, size])
            let turned = try node.add(Transpose(isColumnsFirst ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4]), parts)
            return [try node.reshaped(turned, [0, channels * size * size, height / size, width / size])]
        }
        guard channels % (size * size) == 0 else {
            throw FerryError(.shape, found: "input \(type)", expected: "channels in blocks of \(size * size)")
        }
        let depth = channels / (size * size)
        let shape = isColumnsFirst ? [0, depth, size, size, height, width] : [0, size, size, depth, height, width]
        let order = isColumnsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]
        let turned = try node.add(Transpose(order), node.reshaped(x, shape))
        return [try node.reshaped(turned, [0, depth, height * size, width * size])]
    }
}

/// CenterCropPad: each axis cut, or filled up with zeros, on both sides.
enum ONNXCenterCropPad: ONNXReadable {
    static let readableOperators = ["CenterCropPad"]

    static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let x = try node.input(0)
        let type = node.type(x)
        let axes = try node.attributes.ints("axes") ?? Array(0..<type.rank)
        let goal = try node.input(1)
        let two = node.literal(Tensor([Int64(2)]))
        let zero = node.literal(Tensor([Int64(0)]))
        var y = x
        for (i, axis) in axes.enumerated() {
            let axis = try checkedAxis(axis, rank: type.rank)
            let part = Slice(starts: .known([i]), ends: .known([i + 1]))
            let (new, old) = (
                try node.cast(node.add(part, goal), to: .int64), try node.add(ShapeOf(start: axis, end: axis + 1), x)
            )
            let cut = try node.append(Arithmetic(.maximum), [node.minus(old, new), zero], suffix: "Max")[0]
            let start = try node.over(cut, two)
            var operands: [ONNXOperand?] = [y]
            let starts = node.integers(start, &operands)
            let ends = node.integers(try node.plus(start, new), &operands)
            y = try node.append(Slice(starts: starts, ends: ends, axes: .known([axis])), operands, suffix: "Slice")[0]
            let missing = try node.append(Arithmetic(.maximum), [node.minus(new, old), zero], suffix: "Max")[0]
            let before = try node.over(missing, two)
            let pads = try node.append(
                Concatenate(axis: 0), [before, node.minus(missing, before)], suffix: "Concatenate")[0]
            operands = [y]
            let known = node.integers(pads, &operands)
            y = try node.append(Pad(.constant, pads: known, axes: .known([axis])), operands, suffix: "Pad")[0]
        }
        return [y]
    }
}
