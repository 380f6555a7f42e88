// Execution units of a lane: each takes operands when `take` is high and gives its result a fixed number of cycles later.

// Integer ALU, one cycle.
module lane_alu (
    input clk,
    input rst_n,
    input take,
    input [3:0] op,
    input [1:0] sew,
    input [63:0] a,
    input [63:0] b,
    output reg valid,
    output reg [63:0] result
);
`include "simd_functions.vh"
    always @(posedge clk) begin
        valid <= rst_n & take;
        result <= simd_alu(op, sew, a, b);
    end
endmodule

// Eight signed 8-bit multipliers into two 32-bit sums, two cycles.
module mac_int8 (
    input clk,
    input rst_n,
    input take,
    input [63:0] a,
    input [63:0] b,
    input [63:0] c,
    output reg valid,
    output reg [63:0] result
);
`include "simd_functions.vh"
    reg busy;
    reg [63:0] products;
    reg [63:0] addend;
    always @(posedge clk) begin
        busy <= rst_n & take;
        products <= dot8(a, b);
        addend <= c;
        valid <= rst_n & busy;
        result <= {products[63:32] + addend[63:32], products[31:0] + addend[31:0]};
    end
endmodule

// Four signed 16-bit multipliers into two 32-bit sums, two cycles.
module mac_int16 (
    input clk,
    input rst_n,
    input take,
    input [63:0] a,
    input [63:0] b,
    input [63:0] c,
    output reg valid,
    output reg [63:0] result
);
`include "simd_functions.vh"
    reg busy;
    reg [63:0] products;
    reg [63:0] addend;
    always @(posedge clk) begin
        busy <= rst_n & take;
        products <= dot16(a, b);
        addend <= c;
        valid <= rst_n & busy;
        result <= {products[63:32] + addend[63:32], products[31:0] + addend[31:0]};
    end
endmodule

// Two 32-bit multipliers with 32-bit accumulation, two cycles.
module mac_int32 (
    input clk,
    input rst_n,
    input take,
    input [63:0] a,
    input [63:0] b,
    input [63:0] c,
    output reg valid,
    output reg [63:0] result
);
`include "simd_functions.vh"
    reg busy;
    reg [63:0] products;
    reg [63:0] addend;
    always @(posedge clk) begin
        busy <= rst_n & take;
        products <= multiply32(a, b);
        addend <= c;
        valid <= rst_n & busy;
        result <= {products[63:32] + addend[63:32], products[31:0] + addend[31:0]};
    end
endmodule

// First stage of the FP32 fused multiply-add: operands, multiplier array, alignment distance.
module fma_multiply_stage (
    input clk,
    input rst_n,
    input take,
    input [31:0] a,
    input [31:0] b,
    input [31:0] c,
    output reg valid,
    output reg [126:0] state
);
`include "fma_functions.vh"
    always @(posedge clk) begin
        valid <= rst_n & take;
        state <= fma_multiply(a, b, c);
    end
endmodule

// Second stage: alignment shifter and 78-bit adder.
module fma_add_stage (
    input clk,
    input rst_n,
    input take,
    input [126:0] multiplied,
    output reg valid,
    output reg [123:0] state
);
`include "fma_functions.vh"
    always @(posedge clk) begin
        valid <= rst_n & take;
        state <= fma_add(multiplied);
    end
endmodule

// Third stage: leading-zero count and normalisation shifters.
module fma_normalise_stage (
    input clk,
    input rst_n,
    input take,
    input [123:0] summed,
    output reg valid,
    output reg [69:0] state
);
`include "fma_functions.vh"
    always @(posedge clk) begin
        valid <= rst_n & take;
        state <= fma_normalise(summed);
    end
endmodule

// Fourth stage: rounding.
module fma_round_stage (
    input clk,
    input rst_n,
    input take,
    input [69:0] normal,
    output reg valid,
    output reg [31:0] result
);
`include "fma_functions.vh"
    always @(posedge clk) begin
        valid <= rst_n & take;
        result <= fma_round(normal);
    end
endmodule

// FP32 fused multiply-add, four cycles, one result a cycle: a * b + c.
module fma32 (
    input clk,
    input rst_n,
    input take,
    input [31:0] a,
    input [31:0] b,
    input [31:0] c,
    output valid,
    output [31:0] result
);
    wire multiplied_valid;
    wire summed_valid;
    wire normal_valid;
    wire [126:0] multiplied;
    wire [123:0] summed;
    wire [69:0] normal;
    fma_multiply_stage multiply_stage (
        .clk(clk), .rst_n(rst_n), .take(take), .a(a), .b(b), .c(c), .valid(multiplied_valid), .state(multiplied)
    );
    fma_add_stage add_stage (
        .clk(clk), .rst_n(rst_n), .take(multiplied_valid), .multiplied(multiplied), .valid(summed_valid), .state(summed)
    );
    fma_normalise_stage normalise_stage (
        .clk(clk), .rst_n(rst_n), .take(summed_valid), .summed(summed), .valid(normal_valid), .state(normal)
    );
    fma_round_stage round_stage (
        .clk(clk), .rst_n(rst_n), .take(normal_valid), .normal(normal), .valid(valid), .result(result)
    );
endmodule
