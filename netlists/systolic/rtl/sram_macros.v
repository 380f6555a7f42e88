// Single-port SRAM macros: black boxes with the pins of the fakeram45 macros.

module fakeram45_64x64 (
    input clk,
    input ce_in,
    input we_in,
    input [5:0] addr_in,
    input [63:0] wd_in,
    input [63:0] w_mask_in,
    output [63:0] rd_out
);
endmodule

module fakeram45_256x64 (
    input clk,
    input ce_in,
    input we_in,
    input [7:0] addr_in,
    input [63:0] wd_in,
    input [63:0] w_mask_in,
    output [63:0] rd_out
);
endmodule

module fakeram45_512x64 (
    input clk,
    input ce_in,
    input we_in,
    input [8:0] addr_in,
    input [63:0] wd_in,
    input [63:0] w_mask_in,
    output [63:0] rd_out
);
endmodule
