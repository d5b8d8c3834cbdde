/// What `--architecture` takes, said once for all commands.
enum ArchitectureHelp {
    static let text = """
        The architecture for an input that holds only weights: a Keras config.json, a model file of any format, or \
        layers in PyTorch's words: 'embedding:10,3 -> lstm:hidden=6,layers=2,bidirectional,dropout=0.1,proj=2 -> last -> \
        linear:3 -> softmax'. Layers: lstm, gru, rnn, embedding, linear, conv1d, conv2d, batchnorm, layernorm, maxpool1d, \
        avgpool1d, dropout, flatten, transpose, last (the last step), final (the last state), activations; the first one \
        needs in=N. Settings: bias=false, batch_first=false, nonlinearity=relu, name=module.path; docs/Formats.md has all.
        """
}
