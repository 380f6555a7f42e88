// Scratchpad: BANKS banks of single-port SRAM behind a crossbar to REQUESTERS ports of 64 bits.
// Words are interleaved over the banks by the low bits of their address.

// One bank's side of the crossbar: round-robin arbiter and multiplexers of address and data.
module crossbar_bank #(
    parameter REQUESTERS = 6,
    parameter ADDRESS_BITS = 13,
    parameter BANK_BITS = 3,
    parameter BANK = 0
) (
    input clk,
    input rst_n,
    input [REQUESTERS-1:0] valid,
    input [REQUESTERS-1:0] write,
    input [REQUESTERS*ADDRESS_BITS-1:0] address,
    input [REQUESTERS*64-1:0] data,
    output reg [REQUESTERS-1:0] grant,
    output reg [REQUESTERS-1:0] owner,
    output reg memory_enable,
    output reg memory_write,
    output reg [ADDRESS_BITS-BANK_BITS-1:0] memory_address,
    output reg [63:0] memory_data
);
    reg [REQUESTERS-1:0] allowed;
    reg [REQUESTERS-1:0] wanted;
    reg found;
    integer i;
    always @(*) begin
        grant = {REQUESTERS{1'b0}};
        found = 1'b0;
        for (i = 0; i < REQUESTERS; i = i + 1)
            wanted[i] = valid[i] & (address[ADDRESS_BITS*i +: BANK_BITS] == BANK);
        for (i = 0; i < 2 * REQUESTERS; i = i + 1) begin
            if (!found & wanted[i % REQUESTERS] & (i >= REQUESTERS | allowed[i % REQUESTERS])) begin
                grant[i % REQUESTERS] = 1'b1;
                found = 1'b1;
            end
        end
        memory_enable = found;
        memory_write = |(grant & write);
        memory_address = {(ADDRESS_BITS - BANK_BITS){1'b0}};
        memory_data = 64'd0;
        for (i = 0; i < REQUESTERS; i = i + 1) begin
            if (grant[i]) begin
                memory_address = memory_address | address[ADDRESS_BITS*i + BANK_BITS +: ADDRESS_BITS-BANK_BITS];
                memory_data = memory_data | data[64*i +: 64];
            end
        end
    end
    always @(posedge clk) begin
        owner <= rst_n ? (grant & ~write) : {REQUESTERS{1'b0}};
        if (!rst_n) allowed <= {REQUESTERS{1'b1}};
        else if (found) allowed <= ~(grant | (grant - 1'b1));
    end
endmodule

// One requester's side: the word of the bank that served it, a cycle after the grant.
module crossbar_return #(
    parameter BANKS = 8
) (
    input clk,
    input [BANKS-1:0] grants,
    input [BANKS-1:0] owners,
    input [64*BANKS-1:0] words,
    output granted,
    output reg valid,
    output reg [63:0] data
);
    reg [63:0] chosen;
    integer i;
    assign granted = |grants;
    always @(*) begin
        chosen = 64'd0;
        for (i = 0; i < BANKS; i = i + 1)
            if (owners[i]) chosen = chosen | words[64*i +: 64];
    end
    always @(posedge clk) begin
        valid <= |owners;
        data <= chosen;
    end
endmodule

module scratchpad #(
    parameter REQUESTERS = 6,
    parameter BANKS = 8,
    parameter BANK_BITS = 3,
    parameter BANK_WORDS = 1024,
    parameter ADDRESS_BITS = 13
) (
    input clk,
    input rst_n,
    input [REQUESTERS-1:0] valid,
    input [REQUESTERS-1:0] write,
    input [REQUESTERS*ADDRESS_BITS-1:0] address,
    input [REQUESTERS*64-1:0] write_data,
    output [REQUESTERS-1:0] granted,
    output [REQUESTERS-1:0] read_valid,
    output [REQUESTERS*64-1:0] read_data
);
    wire [REQUESTERS-1:0] grants [0:BANKS-1];
    wire [REQUESTERS-1:0] owners [0:BANKS-1];
    wire [BANKS*REQUESTERS-1:0] grants_by_requester;
    wire [BANKS*REQUESTERS-1:0] owners_by_requester;
    wire [BANKS*64-1:0] words;
    genvar b;
    genvar r;
    generate
        for (b = 0; b < BANKS; b = b + 1) begin : bank
            wire enable;
            wire write_enable;
            wire [ADDRESS_BITS-BANK_BITS-1:0] word;
            wire [63:0] data;
            crossbar_bank #(
                .REQUESTERS(REQUESTERS), .ADDRESS_BITS(ADDRESS_BITS), .BANK_BITS(BANK_BITS), .BANK(b)
            ) arbiter (
                .clk(clk), .rst_n(rst_n), .valid(valid), .write(write), .address(address), .data(write_data),
                .grant(grants[b]), .owner(owners[b]), .memory_enable(enable), .memory_write(write_enable),
                .memory_address(word), .memory_data(data)
            );
            memory_1rw #(.WORDS(BANK_WORDS), .ADDRESS_BITS(16)) memory (
                .clk(clk), .enable(enable), .write(write_enable),
                .address({{(16 - ADDRESS_BITS + BANK_BITS){1'b0}}, word}), .write_data(data), .write_mask({64{1'b1}}),
                .read_data(words[64*b +: 64])
            );
            for (r = 0; r < REQUESTERS; r = r + 1) begin : to
                assign grants_by_requester[BANKS*r + b] = grants[b][r];
                assign owners_by_requester[BANKS*r + b] = owners[b][r];
            end
        end
        for (r = 0; r < REQUESTERS; r = r + 1) begin : requester
            crossbar_return #(.BANKS(BANKS)) back (
                .clk(clk), .grants(grants_by_requester[BANKS*r +: BANKS]), .owners(owners_by_requester[BANKS*r +: BANKS]),
                .words(words), .granted(granted[r]), .valid(read_valid[r]), .data(read_data[64*r +: 64])
            );
        end
    endgenerate
endmodule
