// Behaviour of the SRAM macros: single port, one cycle of latency, the output holds between reads.

module sram #(
    parameter WORDS = 64,
    parameter BITS = 6
) (
    input clk,
    input enable,
    input write,
    input [BITS-1:0] address,
    input [63:0] data,
    input [63:0] mask,
    output reg [63:0] read
);
    reg [63:0] words [0:WORDS-1];
    always @(posedge clk)
        if (enable & write) words[address] <= (words[address] & ~mask) | (data & mask);
        else if (enable) read <= words[address];
endmodule

module fakeram45_64x64 (
    input clk, input ce_in, input we_in, input [5:0] addr_in, input [63:0] wd_in, input [63:0] w_mask_in,
    output [63:0] rd_out
);
    sram #(64, 6) words (clk, ce_in, we_in, addr_in, wd_in, w_mask_in, rd_out);
endmodule

module fakeram45_256x64 (
    input clk, input ce_in, input we_in, input [7:0] addr_in, input [63:0] wd_in, input [63:0] w_mask_in,
    output [63:0] rd_out
);
    sram #(256, 8) words (clk, ce_in, we_in, addr_in, wd_in, w_mask_in, rd_out);
endmodule

module fakeram45_512x64 (
    input clk, input ce_in, input we_in, input [8:0] addr_in, input [63:0] wd_in, input [63:0] w_mask_in,
    output [63:0] rd_out
);
    sram #(512, 9) words (clk, ce_in, we_in, addr_in, wd_in, w_mask_in, rd_out);
endmodule
