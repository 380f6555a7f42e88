// The lane's slice of the vector register file: BANKS banks of single-port SRAM, and the network to the operand queues.

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

// Arbiter of one bank: a write wins, then the operands A, B, C in this order.
module vrf_bank_port #(
    parameter BANK = 0,
    parameter BANK_BITS = 2,
    parameter ADDRESS_BITS = 8
) (
    input [2:0] read_valid,
    input [3*ADDRESS_BITS-1:0] read_address,
    input write_valid,
    input [ADDRESS_BITS-1:0] write_address,
    output reg [2:0] read_grant,
    output reg write_grant,
    output reg enable,
    output reg write,
    output reg [ADDRESS_BITS-BANK_BITS-1:0] address
);
    integer i;
    reg taken;
    always @(*) begin
        write_grant = write_valid & (write_address[BANK_BITS-1:0] == BANK);
        taken = write_grant;
        address = write_address[ADDRESS_BITS-1:BANK_BITS];
        read_grant = 3'd0;
        for (i = 0; i < 3; i = i + 1) begin
            if (!taken & read_valid[i] & (read_address[ADDRESS_BITS*i +: BANK_BITS] == BANK)) begin
                read_grant[i] = 1'b1;
                taken = 1'b1;
                address = read_address[ADDRESS_BITS*i + BANK_BITS +: ADDRESS_BITS-BANK_BITS];
            end
        end
        enable = taken;
        write = write_grant;
    end
endmodule

// Brings the words that the banks read to the operand that asked, one cycle after its grant.
module vrf_read_network #(
    parameter BANKS = 4
) (
    input clk,
    input rst_n,
    input [3*BANKS-1:0] grants,
    input [64*BANKS-1:0] words,
    output reg [2:0] granted,
    output reg [2:0] valid,
    output reg [191:0] operands
);
    reg [3*BANKS-1:0] owner;
    integer bank;
    integer operand;
    always @(*) begin
        granted = 3'd0;
        operands = 192'd0;
        for (bank = 0; bank < BANKS; bank = bank + 1) begin
            granted = granted | grants[3*bank +: 3];
            for (operand = 0; operand < 3; operand = operand + 1)
                if (owner[3*bank + operand])
                    operands[64*operand +: 64] = operands[64*operand +: 64] | words[64*bank +: 64];
        end
    end
    always @(posedge clk) begin
        owner <= grants;
        valid <= rst_n ? granted : 3'd0;
    end
endmodule

// The banked register file of a lane.
module vector_registers #(
    parameter BANKS = 4,
    parameter BANK_BITS = 2,
    parameter WORDS = 128,
    parameter ADDRESS_BITS = 8
) (
    input clk,
    input rst_n,
    input [2:0] read_valid,
    input [3*ADDRESS_BITS-1:0] read_address,
    output [2:0] read_grant,
    output [2:0] operand_valid,
    output [191:0] operands,
    input write_valid,
    input [ADDRESS_BITS-1:0] write_address,
    input [63:0] write_data,
    input [63:0] write_mask,
    output write_grant
);
    wire [3*BANKS-1:0] grants;
    wire [BANKS-1:0] write_grants;
    wire [64*BANKS-1:0] words;
    assign write_grant = |write_grants;
    vrf_read_network #(.BANKS(BANKS)) network (
        .clk(clk), .rst_n(rst_n), .grants(grants), .words(words), .granted(read_grant), .valid(operand_valid),
        .operands(operands)
    );
    genvar b;
    generate
        for (b = 0; b < BANKS; b = b + 1) begin : bank
            wire enable;
            wire write;
            wire [ADDRESS_BITS-BANK_BITS-1:0] address;
            vrf_bank_port #(.BANK(b), .BANK_BITS(BANK_BITS), .ADDRESS_BITS(ADDRESS_BITS)) port (
                .read_valid(read_valid), .read_address(read_address), .write_valid(write_valid),
                .write_address(write_address), .read_grant(grants[3*b +: 3]), .write_grant(write_grants[b]),
                .enable(enable), .write(write), .address(address)
            );
            memory_1rw #(.WORDS(WORDS / BANKS), .ADDRESS_BITS(16)) memory (
                .clk(clk), .enable(enable), .write(write),
                .address({{(16 - ADDRESS_BITS + BANK_BITS){1'b0}}, address}), .write_data(write_data),
                .write_mask(write_mask), .read_data(words[64*b +: 64])
            );
        end
    endgenerate
endmodule
