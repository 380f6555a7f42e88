// Buffers around the array. Each memory is written by the memory port and read by the array, or the other way round.

// Address counter and write multiplexer of one buffer memory: a fill goes before a read.
module buffer_address #(
    parameter ADDRESS_BITS = 10
) (
    input clk,
    input rst_n,
    input restart,
    input [ADDRESS_BITS-1:0] base,
    input fill,
    input [ADDRESS_BITS-1:0] fill_address,
    input read,
    output enable,
    output write,
    output [ADDRESS_BITS-1:0] address,
    output reg read_valid
);
    reg [ADDRESS_BITS-1:0] place;
    assign enable = fill | read;
    assign write = fill;
    assign address = fill ? fill_address : place;
    always @(posedge clk) begin
        read_valid <= rst_n & read & !fill;
        if (restart) place <= base;
        else if (read & !fill) place <= place + 1'b1;
    end
endmodule

// A buffer of 64-bit words: eight activations of eight rows, or eight weights of eight columns.
module stream_buffer #(
    parameter WORDS = 1024,
    parameter ADDRESS_BITS = 10
) (
    input clk,
    input rst_n,
    input restart,
    input [ADDRESS_BITS-1:0] base,
    input fill,
    input [ADDRESS_BITS-1:0] fill_address,
    input [63:0] fill_data,
    input read,
    output read_valid,
    output [63:0] data
);
    wire enable;
    wire write;
    wire [ADDRESS_BITS-1:0] address;
    buffer_address #(.ADDRESS_BITS(ADDRESS_BITS)) control (
        .clk(clk), .rst_n(rst_n), .restart(restart), .base(base), .fill(fill), .fill_address(fill_address), .read(read),
        .enable(enable), .write(write), .address(address), .read_valid(read_valid)
    );
    memory_1rw #(.WORDS(WORDS), .ADDRESS_BITS(16)) memory (
        .clk(clk), .enable(enable), .write(write), .address({{(16 - ADDRESS_BITS){1'b0}}, address}),
        .write_data(fill_data), .write_mask({64{1'b1}}), .read_data(data)
    );
endmodule

// Adds the sums of two columns to the stored ones (or stores them as they are), reading in one cycle and writing in the next.
module accumulator_control #(
    parameter ADDRESS_BITS = 8
) (
    input clk,
    input rst_n,
    input restart,
    input first_pass,
    input drain,
    input [1:0] sums_valid,
    input [63:0] sums,
    input [63:0] stored,
    output enable,
    output write,
    output [ADDRESS_BITS-1:0] address,
    output [63:0] write_data,
    output reg drain_valid
);
    reg [ADDRESS_BITS-1:0] read_place;
    reg [ADDRESS_BITS-1:0] write_place;
    reg [63:0] held;
    reg waiting;
    wire arrives = |sums_valid;
    assign enable = arrives | waiting | drain;
    assign write = waiting;
    assign address = waiting ? write_place : read_place;
    assign write_data = first_pass ? held : {stored[63:32] + held[63:32], stored[31:0] + held[31:0]};
    always @(posedge clk) begin
        waiting <= rst_n & arrives & !waiting;
        drain_valid <= rst_n & drain & !waiting;
        held <= sums;
        if (restart) begin
            read_place <= {ADDRESS_BITS{1'b0}};
            write_place <= {ADDRESS_BITS{1'b0}};
        end else begin
            if ((arrives | drain) & !waiting) read_place <= read_place + 1'b1;
            if (waiting) write_place <= write_place + 1'b1;
        end
    end
endmodule

// Accumulators of two columns.
module accumulator #(
    parameter WORDS = 256,
    parameter ADDRESS_BITS = 8
) (
    input clk,
    input rst_n,
    input restart,
    input first_pass,
    input drain,
    input [1:0] sums_valid,
    input [63:0] sums,
    output drain_valid,
    output [63:0] stored
);
    wire enable;
    wire write;
    wire [ADDRESS_BITS-1:0] address;
    wire [63:0] write_data;
    accumulator_control #(.ADDRESS_BITS(ADDRESS_BITS)) control (
        .clk(clk), .rst_n(rst_n), .restart(restart), .first_pass(first_pass), .drain(drain), .sums_valid(sums_valid),
        .sums(sums), .stored(stored), .enable(enable), .write(write), .address(address), .write_data(write_data),
        .drain_valid(drain_valid)
    );
    memory_1rw #(.WORDS(WORDS), .ADDRESS_BITS(16)) memory (
        .clk(clk), .enable(enable), .write(write), .address({{(16 - ADDRESS_BITS){1'b0}}, address}),
        .write_data(write_data), .write_mask({64{1'b1}}), .read_data(stored)
    );
endmodule

// From a 32-bit sum to an 8-bit activation: scale by a 16-bit factor, shift, rectify if wanted, saturate.
module requantize (
    input clk,
    input rst_n,
    input valid_in,
    input signed [31:0] sum,
    input signed [15:0] factor,
    input [4:0] shift,
    input rectify,
    output reg valid_out,
    output reg signed [7:0] result
);
    reg signed [47:0] scaled;
    reg scaled_valid;
    wire signed [47:0] shifted = scaled >>> shift;
    always @(posedge clk) begin
        scaled <= sum * factor;
        scaled_valid <= rst_n & valid_in;
        valid_out <= rst_n & scaled_valid;
        if (rectify & shifted[47]) result <= 8'sd0;
        else if (shifted > 48'sd127) result <= 8'sd127;
        else if (shifted < -48'sd128) result <= -8'sd128;
        else result <= shifted[7:0];
    end
endmodule
