// Memories of any depth from SRAM macros.

// One single-port memory of WORDS x 64 bits, from the smallest macro that holds it (several of 512 words above that).
module memory_1rw #(
    parameter WORDS = 64,
    parameter ADDRESS_BITS = 16
) (
    input clk,
    input enable,
    input write,
    input [ADDRESS_BITS-1:0] address,
    input [63:0] write_data,
    input [63:0] write_mask,
    output [63:0] read_data
);
    localparam MACROS = (WORDS + 511) / 512;
    generate
        if (WORDS <= 64) begin : words64
            fakeram45_64x64 memory (
                .clk(clk), .ce_in(enable), .we_in(write), .addr_in(address[5:0]), .wd_in(write_data),
                .w_mask_in(write_mask), .rd_out(read_data)
            );
        end else if (WORDS <= 256) begin : words256
            fakeram45_256x64 memory (
                .clk(clk), .ce_in(enable), .we_in(write), .addr_in(address[7:0]), .wd_in(write_data),
                .w_mask_in(write_mask), .rd_out(read_data)
            );
        end else if (WORDS <= 512) begin : words512
            fakeram45_512x64 memory (
                .clk(clk), .ce_in(enable), .we_in(write), .addr_in(address[8:0]), .wd_in(write_data),
                .w_mask_in(write_mask), .rd_out(read_data)
            );
        end else begin : stack
            wire [MACROS-1:0] select;
            wire [64*MACROS-1:0] words;
            memory_select #(.MACROS(MACROS), .ADDRESS_BITS(ADDRESS_BITS)) selector (
                .clk(clk), .enable(enable), .address(address), .select(select), .words(words), .read_data(read_data)
            );
            genvar m;
            for (m = 0; m < MACROS; m = m + 1) begin : part
                fakeram45_512x64 memory (
                    .clk(clk), .ce_in(select[m]), .we_in(write), .addr_in(address[8:0]), .wd_in(write_data),
                    .w_mask_in(write_mask), .rd_out(words[64*m +: 64])
                );
            end
        end
    endgenerate
endmodule

// Chip select and read multiplexer of a stack of macros.
module memory_select #(
    parameter MACROS = 2,
    parameter ADDRESS_BITS = 16
) (
    input clk,
    input enable,
    input [ADDRESS_BITS-1:0] address,
    output reg [MACROS-1:0] select,
    input [64*MACROS-1:0] words,
    output reg [63:0] read_data
);
    reg [MACROS-1:0] selected;
    integer i;
    always @(*) begin
        select = {MACROS{1'b0}};
        read_data = 64'd0;
        for (i = 0; i < MACROS; i = i + 1) begin
            select[i] = enable & (address[ADDRESS_BITS-1:9] == i);
            if (selected[i]) read_data = read_data | words[64*i +: 64];
        end
    end
    always @(posedge clk) selected <= select;
endmodule
