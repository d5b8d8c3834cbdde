package import FerryEngine

/// The version of Keras that wrote a file, or that shall read one; decides what names and numbers mean.
package struct KerasVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let major: Int
    package let minor: Int
    /// Whether it is the Keras inside TensorFlow, whose versions of 1 and 2.0 to 2.3 end in `-tf`.
    package let isInTensorFlow: Bool

    /// Version `major.minor`.
    package init(_ major: Int, _ minor: Int = 0, isInTensorFlow: Bool = false) {
        self.major = major
        self.minor = minor
        self.isInTensorFlow = isInTensorFlow
    }

    /// A version as files have it, such as `2.1.6-tf`; a file without one is of Keras 1, as Keras itself assumes.
    package init(parsing text: String?) {
        let numbers = (text ?? "1").split(separator: ".").map { Int($0.prefix { $0.isNumber }) ?? 0 }
        self.init(
            numbers.first ?? 1, numbers.count > 1 ? numbers[1] : 0, isInTensorFlow: text?.hasSuffix("-tf") ?? false)
    }

    package static func < (a: KerasVersion, b: KerasVersion) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
    package var description: String { "\(major).\(minor)" }

    /// Whether it is Keras 3 or later.
    package var isKeras3: Bool { major >= 3 }

    /// Whether a Bidirectional that returns sequences puts out zeros at masked steps: it does since TensorFlow 1.14.
    package var bidirectionalHidesMasked: Bool {
        self >= KerasVersion(2, 4) || isInTensorFlow && self >= KerasVersion(2, 2)
    }

    /// Whether masked steps put out the state that is kept, also before there is any output.
    package var masksBeginWithState: Bool {
        self < KerasVersion(2, 2) || !isInTensorFlow && self < KerasVersion(2, 3)
    }

    /// What `hard_sigmoid` means.
    package var hardSigmoid: ActivationFunction { isKeras3 ? .hardSigmoidKeras3 : .hardSigmoidKeras2 }
}
