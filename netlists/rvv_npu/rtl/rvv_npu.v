// A decoupled RISC-V vector engine: LANES lanes of 64 bits, a banked scratchpad, a memory port of 64 * COLUMNS bits.
//
// LANES 1, 2, 4, 8 or 16. VLEN is a multiple of 64 * LANES * VRF_BANKS / 32, and of 64 * LANES. SPAD_BANKS is a power of two.

`default_nettype none

module rvv_npu #(
    parameter LANES = 4,
    parameter VLEN = 1024,
    parameter VRF_BANKS = 4,
    parameter SPAD_BANKS = 8,
    parameter SPAD_BANK_WORDS = 1024,
    parameter COLUMNS = 2,
    parameter QUEUE_DEPTH = 8,
    parameter MEMORY_ADDRESS_BITS = 40
) (
    input wire clk,
    input wire rst_n,
    input wire instruction_valid,
    input wire [31:0] instruction,
    input wire [63:0] operand1,
    input wire [63:0] operand2,
    output wire instruction_ready,
    output wire response_valid,
    output wire [63:0] response_data,
    output wire request_valid,
    output wire request_write,
    output wire [MEMORY_ADDRESS_BITS-1:0] request_address,
    output wire [64*COLUMNS-1:0] request_data,
    input wire request_ready,
    input wire memory_response_valid,
    input wire [64*COLUMNS-1:0] memory_response_data
);
    localparam REQUESTERS = LANES + COLUMNS;
    localparam BANK_BITS = clog2(SPAD_BANKS);
    localparam ADDRESS_BITS = clog2(SPAD_BANKS * SPAD_BANK_WORDS);
    localparam STAGES = clog2(LANES);
    localparam COUNT_BITS = clog2(VLEN) + 1;
    function integer clog2;
        input [31:0] value;
        begin
            clog2 = 0;
            while ((1 << clog2) < value) clog2 = clog2 + 1;
        end
    endfunction

    wire queue_valid;
    wire [159:0] entry;
    wire pop;
    wire [35:0] uop;
    wire [2:0] memory_command;
    wire is_memory;
    wire is_transfer;
    wire is_configuration;
    wire memory_valid;
    wire memory_ready;
    wire lane_valid;
    wire [35:0] lane_uop;
    wire [63:0] lane_scalar;
    wire sequencer_response;
    wire [LANES-1:0] lanes_ready;
    wire [LANES-1:0] load_wanted;
    wire [LANES-1:0] load_granted;
    wire [LANES-1:0] store_valid;
    wire [LANES-1:0] store_ready;
    wire [64*LANES-1:0] store_data;
    wire [64*LANES-1:0] index_data;
    wire [LANES-1:0] permute_valid;
    wire [64*LANES-1:0] permute_words;
    wire permute_done;
    wire [64*LANES-1:0] permuted;
    wire [LANES*COUNT_BITS-1:0] mask_counts;
    wire [REQUESTERS-1:0] spad_valid;
    wire [REQUESTERS-1:0] spad_write;
    wire [REQUESTERS*ADDRESS_BITS-1:0] spad_address;
    wire [REQUESTERS*64-1:0] spad_write_data;
    wire [REQUESTERS-1:0] spad_granted;
    wire [REQUESTERS-1:0] spad_read_valid;
    wire [REQUESTERS*64-1:0] spad_read_data;

    instruction_queue #(.DEPTH(QUEUE_DEPTH), .INDEX_BITS(clog2(QUEUE_DEPTH))) queue (
        .clk(clk), .rst_n(rst_n), .push(instruction_valid), .push_entry({operand2, operand1, instruction}), .pop(pop),
        .space(instruction_ready), .valid(queue_valid), .entry(entry)
    );
    vector_decoder #(.BYTES_PER_BEAT(8 * LANES)) decoder (
        .clk(clk), .rst_n(rst_n), .valid(queue_valid), .entry(entry), .uop(uop), .memory_command(memory_command),
        .is_memory(is_memory), .is_transfer(is_transfer), .is_configuration(is_configuration)
    );
    sequencer #(.LANES(LANES)) sequencer (
        .clk(clk), .rst_n(rst_n), .valid(queue_valid), .uop(uop), .is_memory(is_memory), .is_transfer(is_transfer),
        .is_configuration(is_configuration), .operand1(entry[95:32]), .lanes_ready(lanes_ready),
        .memory_ready(memory_ready), .pop(pop), .lane_valid(lane_valid), .lane_uop(lane_uop),
        .lane_scalar(lane_scalar), .memory_valid(memory_valid), .response_valid(sequencer_response)
    );
    mask_unit #(.LANES(LANES), .COUNT_BITS(COUNT_BITS)) masks (
        .clk(clk), .rst_n(rst_n), .valid(sequencer_response), .counts(mask_counts), .response_valid(response_valid),
        .response_data(response_data)
    );
    load_store_unit #(
        .LANES(LANES), .COLUMNS(COLUMNS), .ADDRESS_BITS(ADDRESS_BITS), .MEMORY_ADDRESS_BITS(MEMORY_ADDRESS_BITS)
    ) load_store (
        .clk(clk), .rst_n(rst_n), .command_valid(memory_valid), .command(memory_command), .operand1(entry[95:32]),
        .operand2(entry[159:96]), .command_ready(memory_ready), .load_wanted(load_wanted), .store_valid(store_valid),
        .store_data(store_data), .index_data(index_data), .store_ready(store_ready), .load_granted(load_granted),
        .spad_valid(spad_valid), .spad_write(spad_write), .spad_address(spad_address), .spad_data(spad_write_data),
        .spad_granted(spad_granted), .spad_read_valid(spad_read_valid[REQUESTERS-1:LANES]),
        .spad_read_data(spad_read_data[64*REQUESTERS-1:64*LANES]), .request_valid(request_valid),
        .request_write(request_write), .request_address(request_address), .request_data(request_data),
        .request_ready(request_ready), .response_valid(memory_response_valid), .response_data(memory_response_data)
    );
    scratchpad #(
        .REQUESTERS(REQUESTERS), .BANKS(SPAD_BANKS), .BANK_BITS(BANK_BITS), .BANK_WORDS(SPAD_BANK_WORDS),
        .ADDRESS_BITS(ADDRESS_BITS)
    ) spad (
        .clk(clk), .rst_n(rst_n), .valid(spad_valid), .write(spad_write), .address(spad_address),
        .write_data(spad_write_data), .granted(spad_granted), .read_valid(spad_read_valid), .read_data(spad_read_data)
    );
    permute_unit #(.LANES(LANES), .STAGES(STAGES)) permute (
        .clk(clk), .rst_n(rst_n), .word_valid(permute_valid), .words(permute_words), .distance(lane_scalar[7:0]),
        .result_valid(permute_done), .results(permuted)
    );
    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : lane
            lane #(.VLEN(VLEN), .LANES(LANES), .VRF_BANKS(VRF_BANKS), .COUNT_BITS(COUNT_BITS)) unit (
                .clk(clk), .rst_n(rst_n), .uop_valid(lane_valid), .uop(lane_uop), .scalar(lane_scalar),
                .uop_ready(lanes_ready[i]), .store_valid(store_valid[i]), .store_data(store_data[64*i +: 64]),
                .store_ready(store_ready[i]), .load_wanted(load_wanted[i]), .load_granted(load_granted[i]),
                .load_valid(spad_read_valid[i]),
                .load_data(spad_read_data[64*i +: 64]), .permute_out_valid(permute_valid[i]),
                .permute_out(permute_words[64*i +: 64]), .permute_ready(1'b1), .permute_in_valid(permute_done),
                .permute_in(permuted[64*i +: 64]), .index_data(index_data[64*i +: 64]),
                .mask_count(mask_counts[COUNT_BITS*i +: COUNT_BITS])
            );
        end
    endgenerate
endmodule

`default_nettype wire
