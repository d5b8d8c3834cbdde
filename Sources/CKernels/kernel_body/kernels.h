// All kernels of one instruction set. The including file has set
//   FERRY_WIDTH      lanes of a vector
//   FERRY_REGISTERS  vector registers, which decides the tile sizes
//   FERRY_FUSED      whether multiply_add rounds once
//   FERRY_TABLE, FERRY_TABLE_ISA, FERRY_TABLE_NAME

#include "vector.h"
#include "lanes.h"
#include "exponential.h"
#include "sigmoid_tanh.h"
#include "activation_formulas.h"
#include "activate.h"
#include "gemm_pack.h"
#include "outer_product.h"
#include "gemm_tile.h"
#include "gemm.h"
#include "recurrent_pack.h"
#include "recurrent_product.h"
#include "step_tiles.h"
#include "lstm.h"
#include "gru.h"
#include "rnn.h"
#include "elementwise.h"

const ferry_kernel_table FERRY_TABLE = {
    .isa = FERRY_TABLE_ISA,
    .name = FERRY_TABLE_NAME,
    .width = FERRY_WIDTH,
    .activate = activate,
    .gemm_packed_floats = gemm_packed_floats,
    .gemm_pack = gemm_pack,
    .gemm = gemm,
    .recurrent_packed_floats = recurrent_packed_floats,
    .recurrent_pack = recurrent_pack,
    .gru_packed_floats = gru_packed_floats,
    .gru_pack = gru_pack,
    .lstm_step = lstm_step,
    .gru_step = gru_step,
    .rnn_step = rnn_step,
    .add = add,
    .multiply = multiply,
    .add_scaled = add_scaled,
    .scale = scale,
    .sum = sum,
    .dot = dot,
    .maximum = maximum,
    .add_row = add_row,
};
