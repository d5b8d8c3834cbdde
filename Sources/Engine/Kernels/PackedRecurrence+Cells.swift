internal import CKernels

extension PackedRecurrence {
    /// What an LSTM is beside its weights.
    package struct LSTMOptions: Sendable {
        /// Of the gates i, f and o.
        package var recurrentActivation: KernelActivation
        /// Of the candidate.
        package var activation: KernelActivation
        /// Of the cell on its way out.
        package var outputActivation: KernelActivation
        /// The bound on what the activations of gates and candidate are given; positive.
        package var clip: Float?
        /// Whether f = 1 − i.
        package var couplesInputAndForget: Bool

        /// Options from their parts.
        package init(
            recurrentActivation: KernelActivation, activation: KernelActivation, outputActivation: KernelActivation,
            clip: Float? = nil, couplesInputAndForget: Bool = false
        ) {
            self.recurrentActivation = recurrentActivation
            self.activation = activation
            self.outputActivation = outputActivation
            self.clip = clip
            self.couplesInputAndForget = couplesInputAndForget
        }
    }

    /// What a GRU is beside its weights.
    package struct GRUOptions: Sendable {
        /// Of the gates z and r.
        package var recurrentActivation: KernelActivation
        /// Of the candidate.
        package var activation: KernelActivation
        /// The bound on what the activations are given; positive.
        package var clip: Float?
        /// Whether the reset gate acts after the product with the recurrent kernel.
        package var resetAfter: Bool

        /// Options from their parts.
        package init(
            recurrentActivation: KernelActivation, activation: KernelActivation, clip: Float? = nil, resetAfter: Bool
        ) {
            self.recurrentActivation = recurrentActivation
            self.activation = activation
            self.clip = clip
            self.resetAfter = resetAfter
        }
    }

    /// A packed LSTM, gates i, f, g, o.
    package static func lstm(_ weights: Weights, _ options: LSTMOptions, _ packing: Packing = Packing()) -> Self {
        Self(FERRY_CELL_LSTM, weights, packing) { step in
            step.recurrent_activation = options.recurrentActivation.c
            step.activation = options.activation.c
            step.cell_activation = options.outputActivation.c
            step.clip = options.clip ?? 0
            step.input_forget = options.couplesInputAndForget ? 1 : 0
        }
    }

    /// A packed GRU, gates z, r, n.
    package static func gru(_ weights: Weights, _ options: GRUOptions, _ packing: Packing = Packing()) -> Self {
        let cell = options.resetAfter ? FERRY_CELL_GRU_RESET_AFTER : FERRY_CELL_GRU_RESET_BEFORE
        return Self(cell, weights, packing) { step in
            step.recurrent_activation = options.recurrentActivation.c
            step.activation = options.activation.c
            step.clip = options.clip ?? 0
        }
    }

    /// A packed simple recurrent layer; `clip`, positive, bounds what the activation is given.
    package static func simple(
        _ weights: Weights, activation: KernelActivation, clip: Float? = nil, _ packing: Packing = Packing()
    ) -> Self {
        Self(FERRY_CELL_SIMPLE, weights, packing) { step in
            step.activation = activation.c
            step.clip = clip ?? 0
        }
    }
}
