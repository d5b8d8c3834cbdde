import FerryEngine

extension KerasCatalogue {
    /// The optimisers whose settings and state Ferry carries. Names of slots: Keras 3's, TensorFlow 2.11's, OptimizerV2's.
    static let optimizers: [KerasOptimizer] = [
        KerasOptimizer(
            "SGD", learningRate: 0.01, [("momentum", 0.0), ("nesterov", false)],
            keeps: .slots(.init("momentum", "m", legacy: "momentum", power: -1), where: "momentum")),
        KerasOptimizer(
            "RMSprop", [("rho", 0.9), ("momentum", 0.0), ("epsilon", 1e-7), ("centered", false)],
            keeps: .slots(.init("velocity", legacy: "rms", power: -2)),
            .slots(.init("momentum", power: 0), where: "momentum"),
            .slots(.init("average_gradient", legacy: "mg", power: -1), where: "centered")),
        KerasOptimizer(
            "Adam", [("beta_1", 0.9), ("beta_2", 0.999), ("epsilon", 1e-7), ("amsgrad", false)],
            keeps: .slots(.init("momentum", "m", power: -1), .init("velocity", "v", power: -2)),
            .slots(.init("velocity_hat", "vhat", power: -2), where: "amsgrad")),
        KerasOptimizer(
            "AdamW", weightDecay: 0.004,
            [("beta_1", 0.9), ("beta_2", 0.999), ("epsilon", 1e-7), ("amsgrad", false)],
            keeps: .slots(.init("momentum", "m", power: -1), .init("velocity", "v", power: -2)),
            .slots(.init("velocity_hat", "vhat", power: -2), where: "amsgrad")),
        KerasOptimizer(
            "Adagrad", [("initial_accumulator_value", 0.1), ("epsilon", 1e-7)],
            keeps: .slots(.init("accumulator", power: -2))),
        KerasOptimizer(
            "Adadelta", [("rho", 0.95), ("epsilon", 1e-7)],
            keeps: .slots(
                .init("accumulated_grad", legacy: "accum_grad", power: -2),
                .init("accumulated_delta_var", legacy: "accum_var", power: 2))),
        KerasOptimizer(
            "Adamax", [("beta_1", 0.9), ("beta_2", 0.999), ("epsilon", 1e-7)],
            keeps: .slots(.init("momentum", "m", power: -1), .init("norm", "u", legacy: "v", power: -1))),
        KerasOptimizer(
            "Nadam", [("beta_1", 0.9), ("beta_2", 0.999), ("epsilon", 1e-7)],
            keeps: .slots(.init("momentum", "m", power: -1), .init("velocity", "v", power: -2))),
        KerasOptimizer(
            "Ftrl",
            [
                ("learning_rate_power", -0.5), ("initial_accumulator_value", 0.1),
                ("l1_regularization_strength", 0.0), ("l2_regularization_strength", 0.0),
                ("l2_shrinkage_regularization_strength", 0.0), ("beta", 0.0),
            ], alternatesInLegacy: true,
            keeps: .slots(.init("accumulator", power: -2), .init("linear", power: -1))),
        KerasOptimizer(
            "Lion", [("beta_1", 0.9), ("beta_2", 0.99)], keeps: .slots(.init("momentum", "m", power: -1))),
        KerasOptimizer(
            "Lamb", [("beta_1", 0.9), ("beta_2", 0.999), ("epsilon", 1e-7)], isInKeras2: false,
            keeps: .slots(.init("momentum", power: -1), .init("velocity", power: -2))),
        KerasOptimizer(
            "Adafactor",
            [
                ("beta_2_decay", -0.8), ("epsilon_1", 1e-30), ("epsilon_2", 0.001), ("clip_threshold", 1.0),
                ("relative_step", true),
            ], isInKeras2: false,
            keeps: .slots(
                .init("row", power: -2, shape: .rows), .init("column", power: -2, shape: .columns),
                .init("velocity", power: -2))),
    ]

    /// The settings that every optimiser has beside its name, its learning rate and its own.
    static let sharedOptimizerSettings: KerasSettings = [
        ("weight_decay", .null), ("clipnorm", .null), ("global_clipnorm", .null), ("clipvalue", .null),
        ("use_ema", false), ("ema_momentum", 0.99), ("ema_overwrite_frequency", .null), ("loss_scale_factor", .null),
        ("gradient_accumulation_steps", .null),
    ]

    /// The optimiser of a class, whose name Keras reads in any case; nil where Ferry does not know it.
    static func optimizer(_ className: String) -> KerasOptimizer? {
        optimizers.first { $0.className.lowercased() == className.lowercased() }
    }
}
