// The array: a weight stays in each processing element, activations move right, partial sums move down.

// Weight-stationary multiply-accumulate of 8-bit operands into 32-bit sums. The next weight is shifted in from above
// while the current one works.
module processing_element (
    input clk,
    input rst_n,
    input shift_weight,
    input use_weight,
    input signed [7:0] weight_in,
    input activation_valid,
    input signed [7:0] activation_in,
    input signed [31:0] sum_in,
    output reg signed [7:0] weight_out,
    output reg valid_out,
    output reg signed [7:0] activation_out,
    output reg signed [31:0] sum_out
);
    reg signed [7:0] weight;
    wire signed [15:0] product = activation_in * weight;
    always @(posedge clk) begin
        if (shift_weight) weight_out <= weight_in;
        if (use_weight) weight <= weight_out;
        valid_out <= rst_n & activation_valid;
        activation_out <= activation_in;
        sum_out <= activation_valid ? sum_in + {{16{product[15]}}, product} : sum_in;
    end
endmodule

// Delays the activations of a row by its number, so that they meet the sums of the row above.
module activation_skew #(
    parameter DELAY = 1
) (
    input clk,
    input rst_n,
    input valid_in,
    input [7:0] activation_in,
    output valid_out,
    output [7:0] activation_out
);
    reg [9*DELAY-1:0] stages;
    assign {valid_out, activation_out} = stages[9*DELAY-1 -: 9];
    generate
        if (DELAY == 1) begin : one
            always @(posedge clk) stages <= {rst_n & valid_in, activation_in};
        end else begin : many
            always @(posedge clk) stages <= {stages[9*DELAY-10:0], rst_n & valid_in, activation_in};
        end
    endgenerate
endmodule

// Delays the sums of a column so that those of all columns leave together.
module sum_align #(
    parameter DELAY = 1
) (
    input clk,
    input rst_n,
    input valid_in,
    input [31:0] sum_in,
    output valid_out,
    output [31:0] sum_out
);
    reg [33*DELAY-1:0] stages;
    assign {valid_out, sum_out} = stages[33*DELAY-1 -: 33];
    generate
        if (DELAY == 1) begin : one
            always @(posedge clk) stages <= {rst_n & valid_in, sum_in};
        end else begin : many
            always @(posedge clk) stages <= {stages[33*DELAY-34:0], rst_n & valid_in, sum_in};
        end
    endgenerate
endmodule

module systolic_array #(
    parameter ROWS = 16,
    parameter COLS = 16
) (
    input clk,
    input rst_n,
    input shift_weight,
    input use_weight,
    input [8*COLS-1:0] weights,
    input [ROWS-1:0] activation_valid,
    input [8*ROWS-1:0] activations,
    output [32*COLS-1:0] sums,
    output [COLS-1:0] sums_valid
);
    wire [8*COLS-1:0] weight [0:ROWS];
    wire [32*COLS-1:0] sum [0:ROWS];
    wire [8*(COLS+1)-1:0] activation [0:ROWS-1];
    wire [COLS:0] valid [0:ROWS-1];
    assign weight[0] = weights;
    assign sum[0] = {(32 * COLS){1'b0}};
    genvar r;
    genvar c;
    generate
        for (r = 0; r < ROWS; r = r + 1) begin : row
            activation_skew #(.DELAY(r + 1)) skew (
                .clk(clk), .rst_n(rst_n), .valid_in(activation_valid[r]), .activation_in(activations[8*r +: 8]),
                .valid_out(valid[r][0]), .activation_out(activation[r][7:0])
            );
            for (c = 0; c < COLS; c = c + 1) begin : column
                processing_element element (
                    .clk(clk), .rst_n(rst_n), .shift_weight(shift_weight), .use_weight(use_weight),
                    .weight_in(weight[r][8*c +: 8]), .activation_valid(valid[r][c]),
                    .activation_in(activation[r][8*c +: 8]), .sum_in(sum[r][32*c +: 32]),
                    .weight_out(weight[r+1][8*c +: 8]), .valid_out(valid[r][c+1]),
                    .activation_out(activation[r][8*(c+1) +: 8]), .sum_out(sum[r+1][32*c +: 32])
                );
            end
        end
        for (c = 0; c < COLS; c = c + 1) begin : bottom
            sum_align #(.DELAY(COLS - c)) align (
                .clk(clk), .rst_n(rst_n), .valid_in(valid[ROWS-1][c+1]), .sum_in(sum[ROWS][32*c +: 32]),
                .valid_out(sums_valid[c]), .sum_out(sums[32*c +: 32])
            );
        end
    endgenerate
endmodule
