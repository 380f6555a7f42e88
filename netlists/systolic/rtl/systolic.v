// A weight-stationary systolic array of ROWS x COLS int8 multiply-accumulate elements with double-buffered activations,
// double-buffered weights, 32-bit accumulators and requantization to int8. ROWS and COLS are multiples of 8.

`default_nettype none

module systolic #(
    parameter ROWS = 16,
    parameter COLS = 16,
    parameter BUFFER_WORDS = 1024,
    parameter ACCUMULATOR_WORDS = 256,
    parameter MEMORY_ADDRESS_BITS = 40
) (
    input wire clk,
    input wire rst_n,
    input wire command_valid,
    input wire [2:0] command,
    input wire [15:0] count,
    input wire [15:0] buffer_base,
    input wire [MEMORY_ADDRESS_BITS-1:0] memory_base,
    input wire first_pass,
    input wire bank,
    input wire [15:0] factor,
    input wire [4:0] shift,
    input wire rectify,
    output wire command_ready,
    output wire request_valid,
    output wire request_write,
    output wire [MEMORY_ADDRESS_BITS-1:0] request_address,
    output wire [8*COLS-1:0] request_data,
    input wire request_ready,
    input wire response_valid,
    input wire [63:0] response_data
);
    localparam ADDRESS_BITS = clog2(BUFFER_WORDS);
    localparam ACCUMULATOR_BITS = clog2(ACCUMULATOR_WORDS);
    localparam ROW_GROUPS = ROWS / 8;
    localparam COLUMN_GROUPS = COLS / 8;
    localparam TARGETS = (ROW_GROUPS > COLUMN_GROUPS) ? ROW_GROUPS : COLUMN_GROUPS;
    function integer clog2;
        input [31:0] value;
        begin
            clog2 = 0;
            while ((1 << clog2) < value) clog2 = clog2 + 1;
        end
    endfunction

    wire restart;
    wire [ADDRESS_BITS-1:0] base;
    wire current_bank;
    wire read_weights;
    wire read_activations;
    wire shift_weight;
    wire use_weight;
    wire drain;
    wire stores_first_pass;
    wire transfer_start;
    wire transfer_weights;
    wire transfer_busy;
    wire [15:0] transfer_words;
    wire [MEMORY_ADDRESS_BITS-1:0] transfer_base;
    wire [TARGETS-1:0] fill;
    wire [ADDRESS_BITS-1:0] fill_address;
    wire [63:0] fill_data;
    wire [8*COLS-1:0] weights;
    wire [8*ROWS-1:0] activations;
    wire [ROWS-1:0] activation_valid;
    wire [32*COLS-1:0] sums;
    wire [COLS-1:0] sums_valid;
    wire [32*COLS-1:0] stored;
    wire [COLS/2-1:0] drain_valid;
    wire [8*COLS-1:0] results;
    wire [COLS-1:0] results_valid;

    controller #(
        .ROWS(ROWS), .ADDRESS_BITS(ADDRESS_BITS), .MEMORY_ADDRESS_BITS(MEMORY_ADDRESS_BITS)
    ) control (
        .clk(clk), .rst_n(rst_n), .command_valid(command_valid), .command(command), .count(count),
        .buffer_base(buffer_base[ADDRESS_BITS-1:0]), .memory_base_in(memory_base), .first_pass_in(first_pass),
        .bank_in(bank), .transfer_busy(transfer_busy), .command_ready(command_ready), .restart(restart), .base(base),
        .bank(current_bank), .read_weights(read_weights), .read_activations(read_activations),
        .shift_weight(shift_weight), .use_weight(use_weight), .drain(drain), .first_pass(stores_first_pass),
        .transfer_start(transfer_start), .transfer_weights(transfer_weights), .transfer_words(transfer_words),
        .memory_base(transfer_base)
    );
    memory_port #(
        .TARGETS(TARGETS), .ADDRESS_BITS(ADDRESS_BITS), .MEMORY_ADDRESS_BITS(MEMORY_ADDRESS_BITS),
        .WIDTH(8 * COLS)
    ) port (
        .clk(clk), .rst_n(rst_n), .start(transfer_start), .words(transfer_words), .base(base),
        .memory_base(transfer_base), .result_valid(&results_valid), .result(results), .fill(fill),
        .fill_address(fill_address), .fill_data(fill_data), .request_valid(request_valid),
        .request_write(request_write), .request_address(request_address), .request_data(request_data),
        .request_ready(request_ready), .response_valid(response_valid), .response_data(response_data),
        .busy(transfer_busy)
    );
    systolic_array #(.ROWS(ROWS), .COLS(COLS)) array (
        .clk(clk), .rst_n(rst_n), .shift_weight(shift_weight), .use_weight(use_weight), .weights(weights),
        .activation_valid(activation_valid), .activations(activations), .sums(sums), .sums_valid(sums_valid)
    );
    genvar i;
    generate
        for (i = 0; i < ROW_GROUPS; i = i + 1) begin : activation
            wire even_valid;
            wire odd_valid;
            wire [63:0] even_data;
            wire [63:0] odd_data;
            wire fill_this = fill[i] & !transfer_weights;
            stream_buffer #(.WORDS(BUFFER_WORDS), .ADDRESS_BITS(ADDRESS_BITS)) even (
                .clk(clk), .rst_n(rst_n), .restart(restart), .base(base), .fill(fill_this & current_bank),
                .fill_address(fill_address), .fill_data(fill_data), .read(read_activations & !current_bank),
                .read_valid(even_valid), .data(even_data)
            );
            stream_buffer #(.WORDS(BUFFER_WORDS), .ADDRESS_BITS(ADDRESS_BITS)) odd (
                .clk(clk), .rst_n(rst_n), .restart(restart), .base(base), .fill(fill_this & !current_bank),
                .fill_address(fill_address), .fill_data(fill_data), .read(read_activations & current_bank),
                .read_valid(odd_valid), .data(odd_data)
            );
            assign activations[64*i +: 64] = odd_valid ? odd_data : even_data;
            assign activation_valid[8*i +: 8] = {8{even_valid | odd_valid}};
        end
        for (i = 0; i < COLUMN_GROUPS; i = i + 1) begin : weight
            wire unused_valid;
            stream_buffer #(.WORDS(BUFFER_WORDS), .ADDRESS_BITS(ADDRESS_BITS)) words (
                .clk(clk), .rst_n(rst_n), .restart(restart), .base(base), .fill(fill[i] & transfer_weights),
                .fill_address(fill_address), .fill_data(fill_data), .read(read_weights), .read_valid(unused_valid),
                .data(weights[64*i +: 64])
            );
        end
        for (i = 0; i < COLS / 2; i = i + 1) begin : columns
            accumulator #(.WORDS(ACCUMULATOR_WORDS), .ADDRESS_BITS(ACCUMULATOR_BITS)) sum (
                .clk(clk), .rst_n(rst_n), .restart(restart), .first_pass(stores_first_pass), .drain(drain),
                .sums_valid(sums_valid[2*i +: 2]), .sums(sums[64*i +: 64]), .drain_valid(drain_valid[i]),
                .stored(stored[64*i +: 64])
            );
        end
        for (i = 0; i < COLS; i = i + 1) begin : output_column
            requantize scale (
                .clk(clk), .rst_n(rst_n), .valid_in(drain_valid[i/2]), .sum(stored[32*i +: 32]), .factor(factor),
                .shift(shift), .rectify(rectify), .valid_out(results_valid[i]), .result(results[8*i +: 8])
            );
        end
    endgenerate
endmodule

`default_nettype wire
